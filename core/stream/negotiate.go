// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/stanza"
)

// Stop is ext.Stop, for the handlers of this package's points.
const Stop = ext.Stop

// open answers a stream header (RFC 6120 section 4.7) with ours and our
// features.
func (s *Stream) open(ctx context.Context, h element.Header) error {
	err := s.acceptHeader(h)
	s.sendHeader(h)
	if err != nil {
		return err
	}
	p := s.Table.Enter()
	defer p.Leave()
	Opened.Fire(ctx, p, &LifeEvent{s, p})
	if s.ending.Load() {
		return nil
	}
	ev := FeaturesEvent{Stream: s, Pass: p, Features: make([]element.Element, 0, 16)}
	Features.Fire(ctx, p, &ev)
	b := append(make([]byte, 0, 1024), "<stream:features>"...)
	for _, f := range ev.Features {
		b = f.AppendTo(b, element.NSClient)
	}
	s.Write(append(b, "</stream:features>"...))
	return nil
}

func (s *Stream) acceptHeader(h element.Header) error {
	if h.Content != "" && h.Content != s.opts.Content { // prefix-free streams have none (RFC 6120 section 4.8.3)
		return Fail(InvalidNamespace, "the content namespace is "+s.opts.Content)
	}
	if !modern(h.Version) {
		return Fail(UnsupportedVersion, "version 1.0 is spoken here")
	}
	before, table := s.Host, s.Table
	if err := s.opts.Open(s, h); err != nil {
		return err
	}
	if before != "" && before != s.Host {
		s.Enter(before, table)
		return Fail(HostUnknown, "a stream stays with its host")
	}
	return nil
}

// modern reports whether a version is 1.0 or later (RFC 6120 section 4.7.5):
// two numbers, of which the major one counts.
func modern(version string) bool {
	major, minor, ok := strings.Cut(version, ".")
	if !ok {
		return false
	}
	n, err := strconv.ParseUint(major, 10, 16)
	if err != nil || n == 0 {
		return false
	}
	_, err = strconv.ParseUint(minor, 10, 16)
	return err == nil
}

func (s *Stream) sendHeader(h element.Header) {
	b := make([]byte, 0, 256)
	b = append(b, "<?xml version='1.0'?><stream:stream xmlns='"...)
	b = append(b, s.opts.Content...)
	b = append(b, "' xmlns:stream='"+element.NSStream+"' id='"...)
	b = append(b, s.ID...)
	b = append(b, '\'')
	if from := s.Host; from != "" {
		b = append(b, " from='"...)
		b = element.AppendEscapedAttr(b, from)
		b = append(b, '\'')
	}
	if h.From != "" && s.Secured {
		b = append(b, " to='"...)
		b = element.AppendEscapedAttr(b, h.From)
		b = append(b, '\'')
	}
	s.opened.Store(true)
	s.Write(append(b, " version='1.0' xml:lang='en'>"...))
}

// topLevel gives an element to who understands it.
func (s *Stream) topLevel(ctx context.Context, e element.Element) error {
	if e.Space() != element.NSClient {
		return s.nonza(ctx, e)
	}
	switch e.Local() {
	case "message", "presence", "iq":
	default:
		return Fail(UnsupportedStanzaType, "")
	}
	r := s.receiver.Load()
	if r == nil {
		return s.early(ctx, e)
	}
	st, err := stanza.Read(e)
	if err != nil {
		var cause *stanza.Error
		if !errors.As(err, &cause) {
			return err
		}
		s.refuse(e, cause)
		(*r).Refused(s)
		return nil
	}
	(*r).Receive(ctx, s, st, &s.cork)
	return nil
}

func (s *Stream) nonza(ctx context.Context, e element.Element) error {
	p := s.Table.Enter()
	defer p.Leave()
	if e.Is(element.NSStream, "error") {
		return ErrClosed // RFC 6120 section 4.9.1.1: the peer has given up
	}
	ev := Event{Stream: s, Pass: p, Element: e}
	if Nonza.Fire(ctx, p, e.Name(), &ev) != Stop {
		if s.User() == "" {
			return Fail(NotAuthorized, "")
		}
		return Fail(UnsupportedStanzaType, "")
	}
	return nil
}

func (s *Stream) early(ctx context.Context, e element.Element) error {
	kind := e.Attr("type")
	if e.Local() != "iq" || (kind != "get" && kind != "set") {
		return Fail(NotAuthorized, "")
	}
	payload := e.First()
	if payload.IsZero() || e.Attr("id") == "" {
		s.refuse(e, stanza.Fail(stanza.BadRequest, ""))
		return nil
	}
	p := s.Table.Enter()
	defer p.Leave()
	ev := Event{Stream: s, Pass: p, Element: e}
	if Early.Fire(ctx, p, payload.Name(), &ev) != Stop {
		return Fail(NotAuthorized, "")
	}
	return nil
}
