// SPDX-License-Identifier: Apache-2.0

package disco

import (
	"context"
	"crypto/sha1" //nolint:gosec // XEP-0115 has it; what is hashed is public
	"encoding/base64"
	"slices"
	"strings"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/route"
	"tercet/core/stream"
)

const (
	nsCaps  = "http://jabber.org/protocol/caps" // XEP-0115
	nsData  = "jabber:x:data"
	capsURI = "urn:x-tercet"
)

// caps tells a client, before it binds, the hash of what the host shows
// (XEP-0115 section 6.3).
func (d *disco) caps(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if ev.Stream.User() != "" && !ev.Stream.Bound() {
		version := ev.Pass.Version()
		f := d.hash.Load()
		if f == nil || f.version != version {
			f = &feature{version, element.New(nsCaps, "c").Attr("hash", "sha-1").Attr("node", capsURI).
				Attr("ver", ver(d.info(ev.Pass))).Element()}
			d.hash.Store(f)
		}
		ev.Add(f.Element)
	}
	return ext.Next
}

// feature is the hash of what was attached at a time.
type feature struct {
	version uint64
	element.Element
}

// info is what the host shows.
func (d *disco) info(p ext.Pass) *QueryEvent {
	ev := &QueryEvent{Request: &iq.Request{Event: &route.Event{Host: d.scope.Host, Pass: p}}}
	d.fill(ev)
	return ev
}

// ver is the verification string of XEP-0115 section 5.1.
func ver(ev *QueryEvent) string {
	var ids []string
	for _, id := range ev.Identities {
		ids = append(ids, id.Category+"/"+id.Type+"//"+id.Name)
	}
	features := slices.Clone(ev.Features)
	var forms []string
	for _, x := range ev.Forms {
		forms = append(forms, form(x))
	}
	var b strings.Builder
	for _, part := range [...][]string{ids, features} {
		slices.Sort(part)
		for _, s := range slices.Compact(part) {
			b.WriteString(escape.Replace(s) + "<")
		}
	}
	slices.Sort(forms)
	b.WriteString(strings.Join(forms, ""))
	sum := sha1.Sum([]byte(b.String())) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}

// escape is what section 5.1 asks for, so that texts cannot pass for others.
var escape = strings.NewReplacer("<", "&lt;")

// form is a data form's part of the string: FORM_TYPE first, then the fields,
// each with its values.
func form(x element.Element) string {
	typ := ""
	var fields []string
	for f := range x.Children() {
		if !f.Is(nsData, "field") {
			continue
		}
		var values []string
		for v := range f.Children() {
			if v.Is(nsData, "value") {
				values = append(values, escape.Replace(v.Text())+"<")
			}
		}
		slices.Sort(values)
		if f.Attr("var") == "FORM_TYPE" {
			typ = strings.Join(values, "")
			continue
		}
		fields = append(fields, escape.Replace(f.Attr("var"))+"<"+strings.Join(values, ""))
	}
	slices.Sort(fields)
	return typ + strings.Join(fields, "")
}
