// SPDX-License-Identifier: Apache-2.0

package stanza

import (
	"tercet/core/element"
	"tercet/core/jid"
)

// AppendTo appends s in normal form.
func (s *Stanza) AppendTo(dst []byte) []byte {
	return s.AppendTail(s.AppendStart(dst, s.From, s.To))
}

// AppendStart appends the begin of s for one recipient, with these addresses
// instead of its own. What follows is AppendTail; Shared has it ready.
func (s *Stanza) AppendStart(dst []byte, from, to jid.JID) []byte {
	dst = append(append(dst, '<'), s.Kind.String()...)
	dst = appendAttr(dst, "from", from.String())
	return appendAttr(dst, "to", to.String())
}

// AppendTail appends what stands behind AppendStart and is the same for all
// recipients.
func (s *Stanza) AppendTail(dst []byte) []byte {
	x := s.extra()
	if x.tail != "" {
		return append(dst, x.tail...)
	}
	dst = appendAttr(dst, "type", s.Type)
	dst = appendAttr(dst, "id", s.ID)
	dst = appendAttr(dst, "xml:lang", s.Lang)
	dst = s.root.AppendAttrs(dst, isHeader)
	dst = append(dst, '>')
	before := len(dst)
	if !x.filtered {
		dst = append(dst, s.root.Inner()...)
	}
	for _, e := range x.kept {
		dst = append(dst, e.Raw()...) // as in Inner: AppendAttrs has declared what they need
	}
	for _, e := range x.added {
		dst = e.AppendTo(dst, element.NSClient)
	}
	if len(dst) == before {
		return append(dst[:before-1], "/>"...)
	}
	dst = append(append(dst, "</"...), s.Kind.String()...)
	return append(dst, '>')
}

// isHeader reports whether a field of Stanza has the attribute n.
func isHeader(n element.Name) bool {
	switch n.Local {
	case "from", "to", "type", "id":
		return n.Space == ""
	case "lang":
		return n.Space == element.NSXML
	}
	return false
}

func appendAttr(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, ' '), name...), "='"...)
	return append(element.AppendEscapedAttr(dst, value), '\'')
}

// Element returns s as an element.
func (s *Stanza) Element() element.Element {
	if s.unchanged() {
		return s.root
	}
	e, err := element.Parse(s.AppendTo(make([]byte, 0, 256+s.root.Size())))
	if err != nil {
		return element.Element{} // larger than any limit
	}
	return e
}

// Forward returns s for use in <forwarded/> (XEP-0297): Builder.Child gives it
// the namespace jabber:client there.
func (s *Stanza) Forward() element.Element { return s.Element() }

// unchanged reports whether s says what the element says that it was read
// from.
func (s *Stanza) unchanged() bool {
	if x := s.extra(); s.root.IsZero() || x.filtered || len(x.added) > 0 {
		return false
	}
	lang, langThere := s.root.AttrNS(element.NSXML, "lang")
	return s.root.Is(element.NSClient, s.Kind.String()) && lang == s.Lang && langThere == (lang != "") &&
		s.says("type", s.Type) && s.says("id", s.ID) && s.says("from", s.From.String()) && s.says("to", s.To.String())
}

// says reports whether AppendTo would write this attribute as s was read.
func (s *Stanza) says(attr, value string) bool {
	v, there := s.root.LookupAttr(attr)
	return v == value && there == (v != "")
}
