// SPDX-License-Identifier: Apache-2.0

package caps

import (
	"crypto/sha1" //nolint:gosec // XEP-0115 section 5.1 makes it mandatory
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"slices"
	"strings"

	"tercet/core/element"
	"tercet/modules/disco"
)

// hashes are the functions by which a verification string may be made, by
// their names in the registry of XEP-0300. MD5 and MD2 are none.
var hashes = map[string]func() hash.Hash{
	"sha-1":    sha1.New,
	"sha-224":  sha256.New224,
	"sha-256":  sha256.New,
	"sha-384":  sha512.New384,
	"sha-512":  sha512.New,
	"sha3-256": func() hash.Hash { return sha3.New256() },
	"sha3-512": func() hash.Hash { return sha3.New512() },
}

// What a response may hold at most, to be kept for all who have it.
const (
	maxFeatures = 1000
	maxBytes    = 64 << 10
)

var errIllFormed = errors.New("caps: the response is ill-formed")

// An identity is one as the verification string has it: with its language.
type identity struct{ category, typ, lang, name string }

func (i identity) String() string {
	return i.category + "/" + i.typ + "/" + i.lang + "/" + i.name
}

// A form is a data form (XEP-0128) as the verification string has it.
type form struct {
	typ    string
	fields []field
}

type field struct {
	name   string
	values []string
}

// A response is a disco#info response, read.
type response struct {
	identities []identity
	features   []string
	forms      []form
}

const nsData = "jabber:x:data"

// readResponse reads <query/> by the rules of section 5.4, which make a
// response ill-formed that could stand for two things.
func readResponse(q element.Element) (r response, err error) {
	for e := range q.Children() {
		switch {
		case e.Is(nsInfo, "identity"):
			lang, _ := e.AttrNS(element.NSXML, "lang")
			r.identities = append(r.identities, identity{e.Attr("category"), e.Attr("type"), lang, e.Attr("name")})
		case e.Is(nsInfo, "feature"):
			r.features = append(r.features, e.Attr("var"))
		case e.Is(nsData, "x"):
			f, ok, bad := readForm(e)
			if bad != nil {
				err = bad
			}
			if ok {
				r.forms = append(r.forms, f)
			}
		}
	}
	return r, errors.Join(err, r.check())
}

// readForm reads a form; ok is false for one that does not count.
func readForm(x element.Element) (f form, ok bool, err error) {
	for e := range x.Children() {
		if !e.Is(nsData, "field") {
			continue
		}
		one := field{name: e.Attr("var")}
		for v := range e.Children() {
			if v.Is(nsData, "value") {
				one.values = append(one.values, v.Text())
			}
		}
		if one.name != "FORM_TYPE" {
			slices.Sort(one.values)
			f.fields = append(f.fields, one)
			continue
		}
		if e.Attr("type") != "hidden" || len(one.values) == 0 {
			return f, false, nil
		}
		for _, v := range one.values {
			if v != one.values[0] || ok && v != f.typ {
				return f, false, errIllFormed
			}
		}
		f.typ, ok = one.values[0], true
	}
	slices.SortFunc(f.fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return f, ok, nil
}

// check sorts, and finds what must not be there: the same twice, or a
// character that ends a part of the verification string, by which one response
// could be made to look like another (section 8.2).
func (r *response) check() error {
	slices.SortFunc(r.identities, func(a, b identity) int { return strings.Compare(a.String(), b.String()) })
	slices.Sort(r.features)
	slices.SortFunc(r.forms, func(a, b form) int { return strings.Compare(a.typ, b.typ) })
	if len(r.identities) == 0 || len(r.features) > maxFeatures {
		return errIllFormed
	}
	for i, id := range r.identities {
		if id.category == "" || id.typ == "" || strings.ContainsAny(id.category+id.typ+id.lang, "/<") ||
			strings.Contains(id.name, "<") || i > 0 && id == r.identities[i-1] {
			return errIllFormed
		}
	}
	for i, f := range r.features {
		if f == "" || strings.Contains(f, "<") || i > 0 && f == r.features[i-1] {
			return errIllFormed
		}
	}
	for i, f := range r.forms {
		if i > 0 && f.typ == r.forms[i-1].typ || ambiguous(f.typ) {
			return errIllFormed
		}
		for _, one := range f.fields {
			if ambiguous(one.name) || slices.ContainsFunc(one.values, ambiguous) {
				return errIllFormed
			}
		}
	}
	return nil
}

// ambiguous reports whether a text in a form could be a part of something
// else: a feature that asks for notifications would not be seen there.
func ambiguous(s string) bool { return strings.Contains(s, "<") || strings.HasSuffix(s, "+notify") }

// ver is the verification string (section 5.1) by one of the hashes.
func (r *response) ver(algo string) string {
	h := hashes[algo]()
	write := func(s string) { _, _ = h.Write([]byte(s + "<")) } // a hash does not fail
	for _, id := range r.identities {
		write(id.String())
	}
	for _, f := range r.features {
		write(f)
	}
	for _, f := range r.forms {
		write(f.typ)
		for _, one := range f.fields {
			write(one.name)
			for _, v := range one.values {
				write(v)
			}
		}
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func (r *response) info() *Info {
	i := &Info{Features: slices.Clip(slices.Compact(r.features))}
	for _, id := range r.identities {
		i.Identities = append(i.Identities, disco.Identity{Category: id.category, Type: id.typ, Name: id.name})
	}
	return i
}
