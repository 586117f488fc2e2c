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

	root     element.Element   // what was read: other attributes, and the payload unless it was filtered
	filtered bool              // kept has the payload that was read
	kept     []element.Element // children of root
	added    []element.Element // behind what was read
}

// Size is about how many bytes of memory the stanza holds.
func (s *Stanza) Size() int {
	n := s.root.Size()
	for _, e := range s.added {
		n += e.Size()
	}
	return n
}

// New returns a stanza with this payload; zero elements in it are left out.
func New(k Kind, typ string, from, to jid.JID, id string, payload ...element.Element) *Stanza {
	s := &Stanza{Kind: k, Type: typ, ID: id, From: from, To: to}
	s.added = appendElements(nil, payload)
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
	if s.filtered {
		for _, e := range s.kept {
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
	for _, e := range s.added {
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
	c.Type = t
	return &c
}

// WithID returns s with another id.
func (s *Stanza) WithID(id string) *Stanza {
	c := *s
	c.ID = id
	return &c
}

// With returns s with elements behind its payload; zero elements are left out.
func (s *Stanza) With(added ...element.Element) *Stanza {
	c := *s
	c.added = appendElements(slices.Clip(s.added), added)
	return &c
}

// Without returns s without the payload's elements that drop picks: s itself
// if it picks none. Character data directly in a stanza, which no
// specification knows, goes with them.
func (s *Stanza) Without(drop func(element.Element) bool) *Stanza {
	c := *s
	c.filtered, c.kept, c.added = true, nil, nil
	picked := false
	keep := func(dst []element.Element, e element.Element) []element.Element {
		if drop(e) {
			picked = true
			return dst
		}
		return append(dst, e)
	}
	for e := range s.original() {
		c.kept = keep(c.kept, e)
	}
	for _, e := range s.added {
		c.added = keep(c.added, e)
	}
	if !picked {
		return s
	}
	return &c
}

// original ranges over what is left of the payload that was read.
func (s *Stanza) original() iter.Seq[element.Element] {
	if s.filtered {
		return slices.Values(s.kept)
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
