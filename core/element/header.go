// SPDX-License-Identifier: Apache-2.0

package element

import (
	"bytes"
	"slices"
	"strings"
)

// header reads the XML declaration, if there is one, and the stream's start
// tag.
func (r *Reader) header() (Token, error) {
	if !r.open {
		r.skipBlanks()
		b := r.bytes()
		if r.phase == beforeHeader && len(b) > 0 {
			n, err := xmlDecl(b)
			if err != nil {
				return Token{}, err
			}
			r.consume(n)
			r.phase = afterXMLDecl
			if n > 0 {
				return r.header()
			}
		}
		if len(b) == 0 {
			return Token{}, ErrMore
		}
		if b[0] != '<' {
			return Token{}, malformed("no stream")
		}
	}
	if err := r.advance(new(outer), true); err != nil {
		return Token{}, err
	}
	s := r.scan
	t := Token{Kind: StreamHeader, Header: s.streamAttrs()}
	o, err := s.streamSpaces()
	if err != nil {
		return t, err
	}
	top := &s.recs[0]
	t.Header.Content = o.content
	r.outer, r.lang, r.phase = o.shared(), newLangAttr(t.Header.Lang), between
	if r.root = "stream:stream"; string(s.buf[top.start+1:top.nameEnd]) != r.root {
		r.root = string(s.buf[top.start+1 : top.nameEnd])
	}
	if top.tail != 0 {
		r.phase = emptyStream
	}
	r.consume(s.pos)
	s.reset()
	r.open = false
	return t, nil
}

// streamAttrs returns the attributes of the start tag that s has read.
func (s *scanner) streamAttrs() Header {
	var h Header
	for i := range s.recs[1:] {
		a := &s.recs[1+i]
		v := string(s.valueOf(a))
		switch string(s.buf[a.start:a.nameEnd]) {
		case "to":
			h.To = v
		case "from":
			h.From = v
		case "id":
			h.ID = v
		case "version":
			h.Version = v
		case "xml:lang":
			h.Lang = v
		}
	}
	return h
}

// streamSpaces returns what the start tag that s has read declares, and an
// error if that is not a stream's.
func (s *scanner) streamSpaces() (*outer, error) {
	o := new(outer)
	for i := range s.recs[1:] {
		a := &s.recs[1+i]
		switch {
		case a.flags&flagDecl == 0:
		case a.plen == 0:
			o.space = string(s.valueOf(a))
		default:
			o.prefixes = append(o.prefixes, binding{string(s.buf[a.local():a.nameEnd]), string(s.valueOf(a))})
		}
	}
	top := &s.recs[0]
	local := top.start + 1
	if top.plen > 0 {
		local += int32(top.plen) + 1
	}
	space := string(s.spaceOf(top.ns))
	switch {
	case space == NSStream:
	case top.plen == 0 && (space == "" || contentNamespace(space)):
		return nil, &Error{BadNamespacePrefix, "start tag of the stream without the prefix of " + NSStream}
	default:
		return nil, &Error{InvalidNamespace, "the namespace of a stream is " + NSStream}
	}
	if string(s.buf[local:top.nameEnd]) != "stream" {
		return nil, &Error{BadFormat, "no stream"}
	}
	switch {
	case contentNamespace(o.space):
		o.content = o.space
	case o.space == "" || o.space == NSStream:
		for _, b := range o.prefixes {
			if contentNamespace(b.space) {
				o.content = b.space
			}
		}
	default:
		return nil, &Error{InvalidNamespace, "unknown content namespace"}
	}
	return o, nil
}

// usual are the declarations that nearly all streams have, so that they need
// not keep their own.
var usual = []*outer{
	{NSClient, NSClient, []binding{{"stream", NSStream}}},
	{NSServer, NSServer, []binding{{"stream", NSStream}}},
	{NSServer, NSServer, []binding{{"stream", NSStream}, {"db", "jabber:server:dialback"}}},
	{NSServer, NSServer, []binding{{"db", "jabber:server:dialback"}, {"stream", NSStream}}},
	{NSComponent, NSComponent, []binding{{"stream", NSStream}}},
}

// shared returns o, or one of usual that is the same.
func (o *outer) shared() *outer {
	for _, u := range usual {
		if u.space == o.space && u.content == o.content && slices.Equal(u.prefixes, o.prefixes) {
			return u
		}
	}
	return o
}

// maxXMLDecl is how many bytes an XML declaration may have.
const maxXMLDecl = 256

// xmlDecl returns how long the XML declaration at the begin of b is, 0 if
// something else begins there.
func xmlDecl(b []byte) (int, error) {
	const start = "<?xml"
	if b[0] == 0 || b[0] >= 0xfe || len(b) > 1 && b[0] == '<' && b[1] == 0 {
		return 0, &Error{UnsupportedEncoding, "only UTF-8 is read"}
	}
	if len(b) < len(start) && strings.HasPrefix(start, string(b)) {
		return 0, ErrMore
	}
	if len(b) < 2 || string(b[:2]) != start[:2] {
		return 0, nil
	}
	if string(b[:min(len(b), len(start))]) != start {
		return 0, &Error{RestrictedXML, "processing instruction"}
	}
	if len(b) > len(start) && class[b[len(start)]]&blank == 0 {
		return 0, &Error{RestrictedXML, "processing instruction"}
	}
	n := bytes.Index(b[:min(len(b), maxXMLDecl)], []byte("?>"))
	switch {
	case n >= 0:
		return n + 2, checkXMLDecl(string(b[len(start):n]))
	case len(b) < maxXMLDecl:
		return 0, ErrMore
	}
	return 0, malformed("XML declaration too long")
}

// checkXMLDecl checks what stands in an XML declaration (XML 2.8).
func checkXMLDecl(s string) error {
	const blanks = " \t\r\n"
	for _, want := range []string{"version", "encoding", "standalone"} {
		rest := strings.TrimLeft(s, blanks)
		name, rest, ok := strings.Cut(rest, "=")
		if !ok || strings.TrimRight(name, blanks) != want {
			if want == "version" {
				break
			}
			continue
		}
		rest = strings.TrimLeft(rest, blanks)
		if rest == "" || rest[0] != '\'' && rest[0] != '"' || strings.IndexByte(blanks, s[0]) < 0 {
			break
		}
		value, rest, ok := strings.Cut(rest[1:], rest[:1])
		if !ok {
			break
		}
		switch {
		case want == "version" && value != "1.0", want == "standalone" && value != "yes" && value != "no":
			return malformed("XML declaration of an unknown " + want)
		case want == "encoding" && !strings.EqualFold(value, "utf-8"):
			return &Error{UnsupportedEncoding, "only UTF-8 is read"}
		}
		if s = rest; strings.Trim(s, blanks) == "" {
			return nil
		}
	}
	return malformed("XML declaration with a fault")
}
