// SPDX-License-Identifier: Apache-2.0

// Package stanza holds the three stanzas of RFC 6120 8: what is routed, its
// errors and its replies.
package stanza

import (
	"crypto/rand"
	"encoding/base64"
	"iter"
	"slices"

	"tercet/core/element"
	"tercet/core/jid"
)

// Kind is the kind of a stanza.
type Kind uint8

// The three kinds of stanza (RFC 6120 8.2).
const (
	Message Kind = iota
	Presence
	IQ
)

// String returns the name of the stanza's element.
func (k Kind) String() string {
	switch k {
	case Message:
		return "message"
	case Presence:
		return "presence"
	case IQ:
		return "iq"
	}
	return "unknown"
}

// Stanza is a stanza. It may be changed by whoever made it until it is routed;
// afterwards it is shared and immutable, and the methods With... make new ones
// that share the payload's bytes.
type Stanza struct {
	Kind Kind
	Type string // "" when absent
	ID   string // "" when absent
	Lang string // xml:lang, "" when absent
	From jid.JID
	To   jid.JID

	root element.Element // what was read: other attributes, and the payload unless it was filtered
	more *more           // nil: what was read is all
}

// more is what stanzas may have beside what was read. It is replaced, never
// changed: many copies share it.
type more struct {
	filtered bool              // kept has the payload that was read
	kept     []element.Element // children of root
	added    []element.Element // behind what was read
	tail     string            // what AppendTail writes, once Shared
}

var nothing more

func (s *Stanza) extra() *more {
	if s.more == nil {
		return &nothing
	}
	return s.more
}

// unshared is the same, for a copy of which recipients get something else.
func (m *more) unshared() *more {
	if m == nil || m.tail == "" {
		return m
	}
	return &more{filtered: m.filtered, kept: m.kept, added: m.added}
}

// Size is about how many bytes of memory the stanza holds.
func (s *Stanza) Size() int {
	x := s.extra()
	n := s.root.Size() + len(x.tail)
	for _, e := range x.added {
		n += e.Size()
	}
	return n
}

// New returns a stanza with this payload; zero elements in it are left out.
func New(k Kind, typ string, from, to jid.JID, id string, payload ...element.Element) *Stanza {
	s := &Stanza{Kind: k, Type: typ, ID: id, From: from, To: to}
	if added := appendElements(nil, payload); added != nil {
		s.more = &more{added: added}
	}
	return s
}

// NewID returns an id that nobody can guess: 128 random bits in 22 characters
// that are safe in a URL.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Children ranges over the payload's elements.
func (s *Stanza) Children() iter.Seq[element.Element] {
	return func(yield func(element.Element) bool) { s.each(yield) } // small enough to be inlined: no allocation
}

func (s *Stanza) each(yield func(element.Element) bool) {
	x := s.extra()
	if x.filtered {
		for _, e := range x.kept {
			if !yield(e) {
				return
			}
		}
	} else {
		for e := s.root.First(); !e.IsZero(); e = e.Next() {
			if !yield(e) {
				return
			}
		}
	}
	for _, e := range x.added {
		if !yield(e) {
			return
		}
	}
}

// First returns the payload's first element, or the zero element.
func (s *Stanza) First() (first element.Element) {
	s.each(func(e element.Element) bool {
		first = e
		return false
	})
	return first
}

// Child returns the payload's first element of this name, or the zero element.
func (s *Stanza) Child(space, local string) (child element.Element) {
	s.each(func(e element.Element) bool {
		if e.Is(space, local) {
			child = e
			return false
		}
		return true
	})
	return child
}

// ChildText returns the text of the payload's first element of this name.
func (s *Stanza) ChildText(space, local string) string { return s.Child(space, local).Text() }

// Body returns the text of the first <body/> (RFC 6121 5.2.3).
func (s *Stanza) Body() string { return s.ChildText(element.NSClient, "body") }

// Shared returns s with what all recipients get alike written once: the copies
// that WithFrom and WithTo make of it write only their start tag. It is for
// stanzas that go to many. Nothing of s is changed afterwards.
func (s *Stanza) Shared() *Stanza {
	x := *s.extra()
	if x.tail != "" {
		return s
	}
	c := *s
	x.tail = string(s.AppendTail(make([]byte, 0, 96+s.root.Size())))
	c.more = &x
	return &c
}

// WithFrom returns s with another from.
func (s *Stanza) WithFrom(j jid.JID) *Stanza {
	c := *s
	c.From = j
	return &c
}

// WithTo returns s with another to.
func (s *Stanza) WithTo(j jid.JID) *Stanza {
	c := *s
	c.To = j
	return &c
}

// WithType returns s with another type.
func (s *Stanza) WithType(t string) *Stanza {
	c := *s
	c.Type, c.more = t, s.more.unshared()
	return &c
}

// WithID returns s with another id.
func (s *Stanza) WithID(id string) *Stanza {
	c := *s
	c.ID, c.more = id, s.more.unshared()
	return &c
}

// With returns s with elements behind its payload; zero elements are left out.
func (s *Stanza) With(added ...element.Element) *Stanza {
	c, x := *s, s.extra()
	c.more = &more{filtered: x.filtered, kept: x.kept, added: appendElements(slices.Clip(x.added), added)}
	return &c
}

// Without returns s without the payload's elements that drop picks: s itself
// if it picks none. Character data directly in a stanza, which no
// specification knows, goes with them.
func (s *Stanza) Without(drop func(element.Element) bool) *Stanza {
	c, x := *s, &more{filtered: true}
	c.more = x
	picked := false
	keep := func(dst []element.Element, e element.Element) []element.Element {
		if drop(e) {
			picked = true
			return dst
		}
		return append(dst, e)
	}
	for e := range s.original() {
		x.kept = keep(x.kept, e)
	}
	for _, e := range s.extra().added {
		x.added = keep(x.added, e)
	}
	if !picked {
		return s
	}
	return &c
}

// original ranges over what is left of the payload that was read.
func (s *Stanza) original() iter.Seq[element.Element] {
	if x := s.extra(); x.filtered {
		return slices.Values(x.kept)
	}
	return s.root.Children()
}

func appendElements(dst, src []element.Element) []element.Element {
	for _, e := range src {
		if !e.IsZero() {
			dst = append(dst, e)
		}
	}
	return dst
}
