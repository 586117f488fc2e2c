// SPDX-License-Identifier: Apache-2.0

// Package stream is the receiving entity's side of an XML stream (RFC 6120
// sections 4 and 5): headers, restarts, features, errors, limits and timeouts.
// What a stream offers and understands (STARTTLS, SASL, binding, stream
// management) hangs in its extension points.
package stream

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/transport"
)

// A Receiver takes what arrives on a bound stream. The stream's own goroutine
// calls it.
type Receiver interface {
	// Receive takes one stanza; the connections that it made dirty go to k.
	Receive(ctx context.Context, s *Stream, st *stanza.Stanza, k *transport.Cork)
	// Refused tells of a stanza that could not be read and was answered with an
	// error.
	Refused(s *Stream)
	// Ended is called once, after the stream has ended and before its socket is
	// closed. ErrClosed means that the peer has closed the stream in order.
	Ended(ctx context.Context, s *Stream, cause error)
}

// Options are what the module that accepts streams decides about them. Streams
// share them.
type Options struct {
	Kind        string         // "c2s": names the stream in logs
	Content     string         // the content namespace that the peer must use
	Limits      element.Limits // before authentication
	Authed      element.Limits // afterwards
	Negotiation time.Duration  // until a resource is bound; 0 means for ever
	Idle        time.Duration  // without any byte from the peer, once bound
	Park        time.Duration  // without any byte from the peer, once bound: then it has no goroutine, as before the first byte; 0 means never
	HighWater   int            // bytes to the peer above which it is not read
	// Open finds the host for a stream header. It calls Enter, or returns a
	// stream error. It is called again at each restart.
	Open func(s *Stream, h element.Header) error
	Log  *slog.Logger
}

// A Stream is one XML stream. Its fields belong to the goroutine that reads
// it; methods that others may call say so.
type Stream struct {
	slot.Set

	ID      string
	Conn    *transport.Conn
	Remote  netip.AddrPort // of the initiating entity, after trusted proxies
	Started time.Time
	Secured bool   // encrypted by TLS
	Direct  bool   // by TLS from the first byte
	Host    string // the domain that was addressed; empty before the header
	Table   *ext.Table
	Log     *slog.Logger

	opts   *Options
	reader *element.Reader // made when the peer speaks
	cork   transport.Cork
	then   []func(context.Context) error
	opened atomic.Bool // our header is out

	user     atomic.Pointer[string]
	receiver atomic.Pointer[Receiver]
	ending   atomic.Bool // our </stream> is out or may no longer be sent
	shape    shaper
	group    *Group    // nil: never parked
	drowsy   bool      // at the deadline the stream is parked, not yet idle
	asleep   bool      // it was parked, and nothing has come
	roomy    bool      // the goroutine has the stack for what follows
	deadline time.Time // what the connection's read deadline is set to
	begun    time.Time // of the negotiation

	endMu sync.Mutex // guards cause and wake
	cause error
	wake  chan struct{} // closed at the end, if the stream pauses
}

// New returns a stream on a connection; Run, or a Group, starts it. The options
// do not change any more.
func New(c *transport.Conn, remote netip.AddrPort, o *Options) *Stream {
	now := time.Now()
	return &Stream{
		Conn: c, Remote: remote, Started: now, begun: now, opts: o, Log: o.Log,
		ID: stanza.NewID(),
	}
}

// Kind is the kind of stream, such as "c2s".
func (s *Stream) Kind() string { return s.opts.Kind }

// Enter puts the stream on a host, whose table it meets from now on.
func (s *Stream) Enter(host string, t *ext.Table) { s.Host, s.Table = host, t }

// User is the localpart that was authenticated, or "". Anybody may call it.
func (s *Stream) User() string {
	if u := s.user.Load(); u != nil {
		return *u
	}
	return ""
}

// Authenticate records who the initiating entity has proved to be, and lifts
// the limits of strangers. The caller then sends its success and restarts.
func (s *Stream) Authenticate(user string) {
	s.user.Store(&user)
	s.reader.SetLimits(s.opts.Authed)
}

// Bind gives what arrives from now on to r. A nil r takes the stream back to
// what it was before.
func (s *Stream) Bind(r Receiver) {
	if r == nil {
		s.receiver.Store(nil)
		return
	}
	s.receiver.Store(&r)
}

// Receiver is who takes what arrives, or nil. Anybody may call it.
func (s *Stream) Receiver() Receiver {
	if r := s.receiver.Load(); r != nil {
		return *r
	}
	return nil
}

// Bound reports whether stanzas may flow.
func (s *Stream) Bound() bool { return s.receiver.Load() != nil }

// Restart expects a new stream header; bytes that are there already belong to
// it (RFC 6120 section 6.4.6).
func (s *Stream) Restart() {
	s.reader.Restart()
	s.opened.Store(false)
	s.ID = stanza.NewID()
}

// Then runs fn in the stream's goroutine once the handlers of the present
// element have returned, outside of any pass: what waits for a network, a
// database or a costly computation belongs here. An error ends the stream.
func (s *Stream) Then(fn func(context.Context) error) { s.then = append(s.then, fn) }

// Limit bounds what is read from the peer, in bytes each second; 0 lifts it.
func (s *Stream) Limit(rate, burst int) { s.shape.set(rate, burst) }

// Send writes an element to the peer; it goes out when the input is drained.
// Only the stream's goroutine calls it, as handlers of its points do.
func (s *Stream) Send(e element.Element) {
	s.Write(e.AppendTo(nil, element.NSClient))
}

// Write is Send for bytes that are one or more whole elements in normal form.
func (s *Stream) Write(p []byte) {
	if _, err := s.Conn.Append(p); err != nil {
		s.End(err)
		return
	}
	s.cork.Add(s.Conn)
}

// Cork collects what the handlers of an element make dirty.
func (s *Stream) Cork() *transport.Cork { return &s.cork }

// End ends the stream from anywhere and does not wait: the peer is told the
// stream error that err stands for (nil: a plain </stream:stream>).
func (s *Stream) End(err error) {
	s.note(err)
	if !s.ending.CompareAndSwap(false, true) {
		return
	}
	if s.opened.Load() {
		var b []byte
		if err != nil {
			b = appendError(b, asError(err))
		}
		_, _ = s.Conn.Append(append(b, "</stream:stream>"...)) // a full outbox: the peer does not read anyway
		s.Conn.Flush()
	}
	s.Conn.End(err)
}

// Cause is why the stream has ended; nil while it lives.
func (s *Stream) Cause() error {
	s.endMu.Lock()
	defer s.endMu.Unlock()
	return s.cause
}

func (s *Stream) note(err error) {
	s.endMu.Lock()
	defer s.endMu.Unlock()
	if s.cause == nil {
		if err == nil {
			err = ErrClosed
		}
		s.cause = err
		if s.wake != nil {
			close(s.wake)
			s.wake = nil
		}
	}
}
