// SPDX-License-Identifier: Apache-2.0

package stanza

import (
	"fmt"

	"tercet/core/element"
	"tercet/core/jid"
)

// Read returns the stanza that e is: a message, presence or iq in NSClient,
// as element.Reader delivers those of all content namespaces. What breaks the
// rules of RFC 6120 8 gives an *Error to answer with, and beside it a stanza
// as far as it could be read, for ErrorReply. Both are not nil then; an e that
// is no stanza at all gives no stanza.
func Read(e element.Element) (*Stanza, error) {
	s := &Stanza{root: e}
	switch {
	case e.Is(element.NSClient, "message"):
		s.Kind = Message
	case e.Is(element.NSClient, "presence"):
		s.Kind = Presence
	case e.Is(element.NSClient, "iq"):
		s.Kind = IQ
	default:
		return nil, Fail(BadRequest, "not a stanza")
	}
	s.Type, s.ID = e.Attr("type"), e.Attr("id")
	s.Lang, _ = e.AttrNS(element.NSXML, "lang")
	err := s.readAddresses()
	if fault := s.fault(); fault != "" && err == nil {
		err = Fail(BadRequest, fault)
	}
	if err != nil {
		return s, err
	}
	return s, nil
}

// Parse reads a stanza from bytes in normal form, such as AppendTo writes.
func Parse(b []byte) (*Stanza, error) {
	e, err := element.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("parse stanza: %w", err)
	}
	s, err := Read(e)
	if err != nil {
		return nil, fmt.Errorf("parse stanza: %w", err)
	}
	return s, nil
}

// readAddresses reads from and to. An address that does not parse stays zero.
func (s *Stanza) readAddresses() error {
	var bad string
	for _, a := range [...]struct {
		name string
		j    *jid.JID
	}{{"to", &s.To}, {"from", &s.From}} {
		v, ok := s.root.LookupAttr(a.name)
		if !ok {
			continue
		}
		var err error
		if *a.j, err = jid.Parse(v); err != nil {
			bad = a.name
		}
	}
	if bad != "" {
		return Fail(JIDMalformed, "malformed address in "+bad)
	}
	return nil
}

// fault says which rule about types, ids and payloads s breaks, if any.
func (s *Stanza) fault() string {
	switch s.Kind {
	case Presence: // RFC 6121 4.7.1
		switch s.Type {
		case "", "unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "error":
			return ""
		}
		return "unknown type of presence"
	case IQ:
		return s.faultIQ()
	default:
		return "" // RFC 6121 5.2.2: an unknown type of message means normal
	}
}

// faultIQ is fault for the rules of RFC 6120 8.2.3.
func (s *Stanza) faultIQ() string {
	if s.ID == "" {
		return "iq without an id"
	}
	first := s.root.First()
	more := !first.Next().IsZero()
	switch s.Type {
	case "get", "set":
		if first.IsZero() || more {
			return "a request has exactly one payload element"
		}
	case "result":
		if more {
			return "a result has at most one payload element"
		}
	case "error":
	default:
		return "unknown type of iq"
	}
	return ""
}
