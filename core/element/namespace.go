// SPDX-License-Identifier: Apache-2.0

package element

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Elements that are taken out of a document repeat the namespaces in scope.
// These limits keep a small document from growing large that way.
const (
	maxSpace  = 1024 // bytes of the name of one namespace
	maxSpaces = 2048 // bytes of those with a prefix that are in scope together
	maxBinds  = 32   // prefixes in scope together
)

// resolve binds the prefixes of the start tag that f has read.
func (s *scanner) resolve(f *frame) error {
	e := &s.recs[f.node]
	attrs := s.recs[f.node+1 : f.node+1+int32(e.nattr)]
	outside := f.space
	if s.declares {
		for i := range attrs {
			if attrs[i].flags&flagDecl == 0 {
				continue
			}
			if err := s.declare(f, e, f.node+1+at(i)); err != nil {
				return err
			}
		}
	}
	e.ns = f.space
	if s.prefixed {
		if err := s.bindPrefixes(e, attrs); err != nil {
			return err
		}
	}
	s.judge(f, e, outside)
	return nil
}

// declare takes up the declaration in record n.
func (s *scanner) declare(f *frame, e *rec, n int32) error {
	a := &s.recs[n]
	v := s.valueOf(a)
	if len(v) > maxSpace {
		return &Error{PolicyViolation, "name of a namespace too long"}
	}
	if string(v) == nsXMLNS {
		return malformed("namespace that can not be declared")
	}
	isXML := string(v) == NSXML
	if a.plen == 0 {
		if isXML {
			return malformed("namespace that can not be declared")
		}
		e.flags |= flagOwnNS
		switch {
		case len(v) == 0:
			a.ns = nsNone
		case s.isContent(v):
			a.ns = nsClient
		default:
			a.ns = n
		}
		f.space = a.ns
		return nil
	}
	a.ns = n
	prefix := s.buf[a.local():a.nameEnd]
	switch {
	case string(prefix) == "xmlns", isXML != (string(prefix) == "xml"):
		return malformed("reserved prefix")
	case len(v) == 0:
		return malformed("prefix without a namespace")
	}
	s.prefixes = true
	b := bind{from: a.local(), to: a.nameEnd, rec: n, spaces: at(len(v))}
	if len(s.binds) > 0 {
		b.spaces += s.binds[len(s.binds)-1].spaces
	}
	if s.binds = append(s.binds, b); len(s.binds) > maxBinds || b.spaces > maxSpaces {
		return &Error{PolicyViolation, "too many prefixes"}
	}
	return nil
}

// bindPrefixes finds the namespaces of the names with a prefix, and refuses
// two attributes of one expanded name.
func (s *scanner) bindPrefixes(e *rec, attrs []rec) error {
	if e.plen > 0 {
		ns, err := s.lookup(s.buf[e.start+1 : e.start+1+int32(e.plen)])
		if err != nil {
			return err
		}
		if ns == nsXML {
			return &Error{BadNamespacePrefix, "element with the prefix xml"}
		}
		e.ns = ns
		if s.isContent(s.spaceOf(ns)) {
			e.ns = nsClient
		}
	}
	for i := range attrs {
		a := &attrs[i]
		if a.flags&(flagPrefixed|flagDecl) != flagPrefixed {
			continue
		}
		var err error
		if a.ns, err = s.lookup(s.buf[a.start : a.start+int32(a.plen)]); err != nil {
			return err
		}
		for j := range attrs[:i] {
			b := &attrs[j]
			if b.flags&(flagPrefixed|flagDecl) == flagPrefixed &&
				bytes.Equal(s.buf[a.local():a.nameEnd], s.buf[b.local():b.nameEnd]) &&
				(a.ns == b.ns || bytes.Equal(s.spaceOf(a.ns), s.spaceOf(b.ns))) {
				return malformed("duplicate attribute")
			}
		}
	}
	return nil
}

// lookup returns the namespace that prefix is bound to.
func (s *scanner) lookup(prefix []byte) (int32, error) {
	switch string(prefix) {
	case "xml":
		return nsXML, nil
	case "xmlns":
		return 0, malformed("reserved prefix")
	}
	for _, v := range slices.Backward(s.binds) {
		if b := v; bytes.Equal(s.buf[b.from:b.to], prefix) {
			return b.rec, nil
		}
	}
	for i := range s.outer.prefixes {
		if s.outer.prefixes[i].prefix == string(prefix) {
			s.usesOuter, s.rewrite = true, true
			return nsOuter - at(i), nil
		}
	}
	return 0, malformed("unbound prefix")
}

// judge notes what about e, whose parent has the default namespace outside,
// is not in normal form.
func (s *scanner) judge(f *frame, e *rec, outside int32) {
	if f.node == 0 {
		if e.flags&flagOwnNS != 0 {
			if f.space == nsClient {
				s.drop = s.defaultDecl(f.node)
			}
		} else if outside != nsClient {
			s.rewrite = true
		}
	} else if e.flags&flagOwnNS != 0 && f.space == nsClient {
		if a := &s.recs[s.defaultDecl(f.node)]; outside == nsClient || string(s.buf[a.body:a.end]) != NSClient {
			s.rewrite = true
		}
	}
	if e.plen > 0 {
		s.rewrite = true
	}
}

// defaultDecl returns the record of the default namespace that node declares.
func (s *scanner) defaultDecl(node int32) int32 {
	n := node + 1
	for s.recs[n].flags&(flagDecl|flagPrefixed) != flagDecl {
		n++
	}
	return n
}

// isContent reports whether space is read as the stanza namespace: NSClient
// and the content namespace of the stream are, and if the start tag of the
// stream did not say which that is (RFC 6120 4.8.3), all that it may be.
func (s *scanner) isContent(space []byte) bool {
	if len(space) == 0 || space[0] != 'j' {
		return false
	}
	return string(space) == NSClient || string(space) == s.outer.content ||
		s.outer.content == "" && contentNamespace(string(space))
}

// contentNamespace reports whether streams can have the content namespace ns.
func contentNamespace(ns string) bool {
	switch ns {
	case NSClient, NSServer, NSComponent, nsComponentConnect:
		return true
	}
	return false
}

// spaceOf returns the namespace that ns stands for.
func (s *scanner) spaceOf(ns int32) []byte {
	switch {
	case ns >= 0:
		return s.valueOf(&s.recs[ns])
	case ns == nsClient:
		return []byte(NSClient)
	case ns == nsXML:
		return []byte(NSXML)
	case ns == nsDefault:
		return []byte(s.outer.space)
	case ns <= nsOuter:
		return []byte(s.outer.prefixes[nsOuter-ns].space)
	}
	return nil
}

func (s *scanner) valueOf(a *rec) []byte {
	raw := s.buf[a.body:a.end]
	if a.flags&flagEscaped == 0 {
		return raw
	}
	return appendAttrValue(nil, raw)
}

// nameRune returns how many bytes the character of a name at the begin of b
// has, which is not ASCII.
func nameRune(b []byte, start bool) (int, error) {
	n, err := runeAt(b)
	if err != nil {
		return 0, err
	}
	if r, _ := utf8.DecodeRune(b); !isNameRune(r, start) {
		return 0, malformed("character that a name can not have")
	}
	return n, nil
}
