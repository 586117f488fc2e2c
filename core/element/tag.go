// SPDX-License-Identifier: Apache-2.0

package element

import (
	"bytes"
	"strings"
)

const cdataStart = "<![CDATA["

// markup decides what the "<" at pos begins.
func (s *scanner) markup() error {
	b := s.buf[s.pos:]
	if len(b) < 2 {
		return ErrMore
	}
	switch b[1] {
	case '/':
		return s.endTagName()
	case '?':
		return &Error{RestrictedXML, "processing instruction"}
	case '!':
		if len(s.stack) > 0 && len(b) >= len(cdataStart) && string(b[:len(cdataStart)]) == cdataStart {
			s.pos += len(cdataStart)
			s.mark, s.state = s.pos, inCDATA
			return nil
		}
		if len(s.stack) > 0 && strings.HasPrefix(cdataStart, string(b)) {
			return ErrMore
		}
		return restricted(b)
	}
	return s.startTag()
}

// restricted names what b, which begins with "<!", is not allowed to be.
func restricted(b []byte) error {
	switch {
	case len(b) < 3:
		return ErrMore
	case b[2] == '-':
		return &Error{RestrictedXML, "comment"}
	case b[2] >= 'A' && b[2] <= 'Z':
		return &Error{RestrictedXML, "document type definition"}
	}
	return malformed("unknown markup")
}

// startTag reads the name of a start tag.
func (s *scanner) startTag() error {
	end, plen, err := s.name(s.pos + 1)
	if err != nil {
		return err
	}
	if len(s.stack) >= s.limits.Depth {
		return &Error{PolicyViolation, "elements nested too deeply"}
	}
	if s.elements++; s.elements > s.limits.Children {
		return &Error{PolicyViolation, "too many elements"}
	}
	n := s.add(rec{start: at(s.pos), nameEnd: at(end), kind: kindElement, plen: plen})
	f := frame{node: n, binds: len(s.binds), space: nsDefault}
	if len(s.stack) > 0 {
		f.space = s.stack[len(s.stack)-1].space
	} else if s.outer.content != "" && s.outer.space == s.outer.content {
		f.space = nsClient
	}
	s.stack = append(s.stack, f)
	s.pos, s.state = end, inTag
	s.blank, s.declares, s.prefixed = false, false, plen > 0
	return nil
}

// tag reads a start tag behind its name up to its end or into an attribute.
func (s *scanner) tag() error {
	b := s.buf
	for {
		for s.pos < len(b) && class[b[s.pos]]&blank != 0 {
			s.pos++
			s.blank = true
		}
		if s.pos == len(b) {
			return ErrMore
		}
		switch b[s.pos] {
		case '>':
			s.pos++
			return s.opened(false)
		case '/':
			if s.pos+1 == len(b) {
				return ErrMore
			}
			if b[s.pos+1] != '>' {
				return malformed("slash inside of a tag")
			}
			s.pos += 2
			return s.opened(true)
		}
		if !s.blank {
			return malformed("no blank before an attribute")
		}
		if err := s.attrName(); err != nil {
			return err
		}
		if err := s.attrEq(); err != nil {
			return err
		}
	}
}

// attrName reads the name of an attribute.
func (s *scanner) attrName() error {
	end, plen, err := s.name(s.pos)
	if err != nil {
		return err
	}
	e := &s.recs[s.stack[len(s.stack)-1].node]
	if int(e.nattr) >= s.limits.Attrs {
		return &Error{PolicyViolation, "too many attributes"}
	}
	name := s.buf[s.pos:end]
	for i := len(s.recs) - int(e.nattr); i < len(s.recs); i++ {
		a := &s.recs[i]
		if int(a.nameEnd-a.start) == len(name) && bytes.Equal(s.buf[a.start:a.nameEnd], name) {
			return malformed("duplicate attribute")
		}
	}
	e.nattr++
	r := rec{start: at(s.pos), nameEnd: at(end), ns: nsNone, kind: kindAttr, plen: plen}
	if plen > 0 {
		r.flags |= flagPrefixed
		s.prefixed = true
	}
	if name[0] == 'x' && (string(name) == "xmlns" || plen == 5 && string(name[:5]) == "xmlns") {
		r.flags |= flagDecl
		s.declares = true
	}
	s.recs = append(s.recs, r)
	s.pos, s.state = end, inAttrEq
	return nil
}

// attrEq reads the equals sign behind the name of an attribute.
func (s *scanner) attrEq() error {
	if !s.skipBlanks() {
		return ErrMore
	}
	if s.buf[s.pos] != '=' {
		return malformed("attribute without a value")
	}
	s.pos++
	s.state = inAttrQuote
	return s.attrQuote()
}

// attrQuote reads the quote before the value of an attribute.
func (s *scanner) attrQuote() error {
	if !s.skipBlanks() {
		return ErrMore
	}
	c := s.buf[s.pos]
	if c != '\'' && c != '"' {
		return malformed("value without quotes")
	}
	s.pos++
	s.mark, s.quote, s.escaped, s.state = s.pos, c, false, inAttrValue
	return s.attrValue()
}

// attrValue reads the value of an attribute, and its end.
func (s *scanner) attrValue() error {
	b, i := s.buf, s.pos
	for {
		for i < len(b) && class[b[i]]&plainAttr != 0 {
			i++
		}
		s.pos = i
		if i == len(b) {
			return ErrMore
		}
		n := 1
		var err error
		switch c := b[i]; {
		case c == s.quote:
			s.value(i)
			return nil
		case c == '\'' || c == '"':
		case c == '&':
			s.escaped = true
			n, err = reference(b[i:])
		case class[c]&blank != 0:
			s.escaped = true
		case c == '<':
			return malformed("< in the value of an attribute")
		case c >= 0x80:
			n, err = runeAt(b[i:])
		default:
			return malformed("character that XML forbids")
		}
		if err != nil {
			return err
		}
		i += n
	}
}

// value ends the attribute whose value ends at i.
func (s *scanner) value(i int) {
	a := &s.recs[len(s.recs)-1]
	a.body, a.end = at(s.mark), at(i)
	if s.escaped {
		a.flags |= flagEscaped
	}
	s.pos, s.state, s.blank, s.escaped = i+1, inTag, false, false
}

// opened ends a start tag.
func (s *scanner) opened(empty bool) error {
	f := &s.stack[len(s.stack)-1]
	if err := s.resolve(f); err != nil {
		return err
	}
	s.recs[f.node].body = at(s.pos)
	s.mark, s.state = s.pos, inContent
	switch {
	case s.header:
		s.state = complete
		if empty {
			s.recs[f.node].tail = at(s.pos)
		}
	case empty:
		s.closed(s.pos)
	}
	return nil
}

// endTagName reads the name of an end tag.
func (s *scanner) endTagName() error {
	if len(s.stack) == 0 {
		return malformed("end tag without a start tag")
	}
	e := &s.recs[s.stack[len(s.stack)-1].node]
	name := s.buf[e.start+1 : e.nameEnd]
	b := s.buf[s.pos+2:]
	if n := min(len(b), len(name)); !bytes.Equal(b[:n], name[:n]) {
		return malformed("end tag of another element")
	}
	if len(b) <= len(name) {
		return ErrMore
	}
	if c := b[len(name)]; c != '>' && class[c]&blank == 0 {
		return malformed("end tag of another element")
	}
	s.mark = s.pos
	s.pos += 2 + len(name)
	s.state = inEndTag
	return s.endTag()
}

// endTag reads an end tag behind its name. mark is where it begins.
func (s *scanner) endTag() error {
	if !s.skipBlanks() {
		return ErrMore
	}
	if s.buf[s.pos] != '>' {
		return malformed("end tag with more than a name")
	}
	s.pos++
	s.closed(s.mark)
	return nil
}

// closed ends the innermost element, whose end tag begins at tail.
func (s *scanner) closed(tail int) {
	f := s.stack[len(s.stack)-1]
	e := &s.recs[f.node]
	e.tail, e.end = at(tail), at(s.pos)
	s.stack = s.stack[:len(s.stack)-1]
	s.binds = s.binds[:f.binds]
	s.mark, s.state = s.pos, inContent
	if len(s.stack) == 0 {
		s.state = complete
	}
}

// skipBlanks reports whether something else than blanks is left.
func (s *scanner) skipBlanks() bool {
	b, i := s.buf, s.pos
	for i < len(b) && class[b[i]]&blank != 0 {
		i++
	}
	s.pos = i
	return i < len(b)
}

// name returns where the name at i ends and how long its prefix is.
func (s *scanner) name(i int) (end int, plen uint8, err error) {
	from, colon := i, 0
	b := s.buf
	for {
		for i < len(b) && class[b[i]]&nameNext != 0 {
			if c := b[i]; c == ':' {
				if colon > 0 || i == from {
					return 0, 0, malformed("misplaced colon in a name")
				}
				colon = i
			} else if (i == from || i-1 == colon && colon > 0) && class[c]&nameFirst == 0 {
				return 0, 0, malformed("name with a wrong first character")
			}
			i++
		}
		if i-from > maxName {
			return 0, 0, &Error{PolicyViolation, "name too long"}
		}
		if i == len(b) {
			return 0, 0, ErrMore
		}
		if b[i] < 0x80 {
			break
		}
		n, err := nameRune(b[i:], i == from || i-1 == colon && colon > 0)
		if err != nil {
			return 0, 0, err
		}
		i += n
	}
	switch {
	case i == from:
		return 0, 0, malformed("name expected")
	case colon == 0:
		return i, 0, nil
	case colon == i-1:
		return 0, 0, malformed("misplaced colon in a name")
	case colon-from > 255:
		return 0, 0, &Error{PolicyViolation, "prefix too long"}
	}
	return i, uint8(colon - from), nil //nolint:gosec // checked above
}
