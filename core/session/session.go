// SPDX-License-Identifier: Apache-2.0

// Package session holds connected resources (RFC 6120 section 7): what a
// stanza is delivered to. A session outlives its stream, so that stream
// management (XEP-0198) can give it another one.
package session

import (
	"sync"
	"sync/atomic"
	"time"

	"tercet/core/jid"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/core/transport"
)

// A Session is one resource of an account, bound to a full JID.
type Session struct {
	slot.Set

	JID     jid.JID
	Created time.Time

	presence atomic.Pointer[stanza.Stanza] // the last broadcast; nil while unavailable
	priority atomic.Int32

	mu      sync.Mutex // guards what follows: the way out to the client
	stream  *stream.Stream
	filters []filter // by order, replaced and never changed
	ended   bool

	progress Progress
	backlog  Backlog
}

// New returns a session on a stream, which may be nil.
func New(j jid.JID, s *stream.Stream) *Session {
	return &Session{JID: j, Created: time.Now(), stream: s}
}

// Presence is the presence that the resource has broadcast last, or nil while
// it is not available (RFC 6121 section 4).
func (s *Session) Presence() *stanza.Stanza { return s.presence.Load() }

// Priority is that of the presence, -128 to 127.
func (s *Session) Priority() int { return int(s.priority.Load()) }

// SetPresence records what the resource has broadcast; nil makes it
// unavailable.
func (s *Session) SetPresence(p *stanza.Stanza, priority int) {
	s.priority.Store(int32(priority)) //nolint:gosec // within -128 to 127
	s.presence.Store(p)
}

// Available reports whether the resource has sent initial presence.
func (s *Session) Available() bool { return s.presence.Load() != nil }

// Stream is the stream that the session has at present, or nil.
func (s *Session) Stream() *stream.Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream
}

// Backlog counts the client's stanzas that wait in lanes, or to be stored.
func (s *Session) Backlog() *Backlog { return &s.backlog }

// Progress counts the stanzas that came from the client.
func (s *Session) Progress() *Progress { return &s.progress }

// A Filter sees each stanza on its way out to the client, under the session's
// lock: it must not call out of its own module but through the Delivery.
type Filter interface {
	// Deliver passes the stanza on by d.Next, keeps it, or drops it.
	// It reports whether the stanza is in good hands.
	Deliver(d Delivery, st *stanza.Stanza) bool
}

type filter struct {
	order int
	Filter
}

// The orders in which filters stand, nearest to the sender first.
const (
	FilterHold  = 10 // client state indication holds back
	FilterCount = 20 // stream management counts and keeps
)

// A Delivery is the rest of the way out.
type Delivery struct {
	s    *Session
	at   int
	cork *transport.Cork
}

// Next passes a stanza on.
func (d Delivery) Next(st *stanza.Stanza) bool {
	if d.at < len(d.s.filters) {
		f := d.s.filters[d.at]
		return f.Deliver(Delivery{d.s, d.at + 1, d.cork}, st)
	}
	if d.s.stream == nil {
		return false
	}
	dirty, err := d.s.stream.Conn.AppendFunc(st.AppendTo)
	return d.sent(dirty, err)
}

// Write passes whole elements on to the stream, behind the filters.
func (d Delivery) Write(b []byte) bool {
	if d.s.stream == nil {
		return false
	}
	dirty, err := d.s.stream.Conn.Append(b)
	return d.sent(dirty, err)
}

// Attached reports whether there is a stream to write to.
func (d Delivery) Attached() bool { return d.s.stream != nil }

func (d Delivery) sent(dirty bool, err error) bool {
	if err != nil {
		return false
	}
	if dirty {
		if d.cork != nil {
			d.cork.Add(d.s.stream.Conn)
		} else {
			d.s.stream.Conn.Flush()
		}
	}
	return true
}

// Deliver sends a stanza to the client and reports whether the session took
// it. What became dirty goes to k; with a nil k it is flushed at once.
func (s *Session) Deliver(st *stanza.Stanza, k *transport.Cork) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	return Delivery{s, 0, k}.Next(st)
}

// Locked runs fn with the way out held still, for modules that change what
// their filter keeps. At is the place of that filter.
func (s *Session) Locked(order int, k *transport.Cork, fn func(d Delivery)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := 0
	for at < len(s.filters) && s.filters[at].order <= order {
		at++
	}
	fn(Delivery{s, at, k})
}

// SetFilter puts f at its order in the way out, in place of what was there;
// nil removes it. Fn, if not nil, runs at the same instant: what it writes goes
// out before the first stanza that f sees.
func (s *Session) SetFilter(order int, f Filter, k *transport.Cork, fn func(d Delivery)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make([]filter, 0, len(s.filters)+1)
	for _, old := range s.filters {
		if old.order < order {
			next = append(next, old)
		}
	}
	if f != nil {
		next = append(next, filter{order, f})
	}
	at := len(next)
	for _, old := range s.filters {
		if old.order > order {
			next = append(next, old)
		}
	}
	s.filters = next
	if fn != nil {
		fn(Delivery{s, at, k})
	}
}

// Detach takes the stream away if it is the one that the session has; the
// session lives on. Fn, if not nil, runs at the same instant. False means that
// another stream has taken over.
func (s *Session) Detach(from *stream.Stream, fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != from || s.ended {
		return false
	}
	s.stream = nil
	if fn != nil {
		fn()
	}
	return true
}

// Attach gives the session another stream and returns the one it had. Fn runs
// with the way out held still: what it writes goes out before anything else.
func (s *Session) Attach(st *stream.Stream, k *transport.Cork, fn func(d Delivery)) (old *stream.Stream, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, false
	}
	old, s.stream = s.stream, st
	if fn != nil {
		fn(Delivery{s, len(s.filters), k})
	}
	return old, true
}

// finish marks the end: nothing is delivered any more. It reports whether this
// call did it.
func (s *Session) finish() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.ended = true
	return true
}

// Ended reports whether the session is over.
func (s *Session) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}
