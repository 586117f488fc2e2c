// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"tercet/core/element"
	"tercet/core/stanza"
	"tercet/core/transport"
)

const (
	readSize = 4096
	// corkTime bounds how long what a busy peer sends is kept from going out.
	corkTime = time.Millisecond
)

// errFresh says that the loop goes on in a goroutine with a small stack: what
// a TLS handshake needed is given back (performance.md, rule 9).
var errFresh = errors.New("stream: go on in a fresh goroutine")

// Run reads the stream until it ends; it may return earlier and go on in a
// goroutine of its own.
func (s *Stream) Run(ctx context.Context) {
	if s.reader == nil {
		s.reader = element.NewReader(s.opts.Limits)
	}
	err := s.guard(ctx, s.loop)
	switch {
	case errors.Is(err, errParked): // another goroutine may have the stream already
	case errors.Is(err, errFresh):
		s.roomy = false
		go s.Run(ctx) // ends with the stream; the server waits for its streams
	default:
		s.finish(ctx, err)
	}
}

// authStack is more than half of the stack that a stream needs until it is
// bound. It is made when the peer speaks, and before there are frames to be
// moved: to grow step by step below the scanner cost a twentieth of a login.
const authStack = 5 << 10

//go:noinline
func growStack() byte {
	var room [authStack]byte
	return room[len(os.Args)&1] // so that there is a room at all
}

// guard is the root of the stream's goroutine: a panic ends this stream only.
func (s *Stream) guard(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			s.Log.ErrorContext(ctx, "panic in a stream", "stream", s.ID, "err", fmt.Sprint(v), "stack", string(stack))
			if s.group != nil && s.group.OnPanic != nil {
				s.group.OnPanic(stack)
			}
			err = Fail(InternalServerError, "")
		}
	}()
	return fn(ctx)
}

func (s *Stream) loop(ctx context.Context) error {
	if err := s.runThen(ctx); err != nil {
		return err
	}
	for {
		if err := s.Cause(); err != nil {
			return err
		}
		if err := s.tokens(ctx); err != nil {
			return err
		}
		s.cork.Flush()
		s.reader.Release()
		if err := s.relieve(); err != nil { // also of what others have sent
			return err
		}
		if err := s.await(ctx); err != nil {
			return err
		}
		if !s.roomy {
			growStack()
			s.roomy = true
		}
		if err := s.fill(ctx); err != nil {
			return err
		}
	}
}

// await waits for input within the time that the stream's state allows.
func (s *Stream) await(ctx context.Context) error {
	if !s.asleep {
		s.arm()
	}
	s.asleep = false
	for {
		err := s.Conn.Wait()
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return s.ended(err)
		}
		if err := s.quiet(ctx); err != nil {
			return err
		}
	}
}

// relieve waits while too much waits for the peer: it pays for what it asks.
func (s *Stream) relieve() error {
	high := s.opts.HighWater
	if high <= 0 || s.Conn.Queued() <= high {
		return nil
	}
	s.cork.Flush()
	return s.ended(s.Conn.WaitBelow(high, time.Time{}))
}

// arm sets the read deadline; while stanzas flow it does so rarely.
func (s *Stream) arm() {
	var want time.Time
	span, drowsy := s.opts.Idle, s.parks()
	if drowsy {
		span = s.opts.Park
	}
	switch {
	case !s.Bound():
		drowsy = false
		if s.opts.Negotiation > 0 {
			want = s.begun.Add(s.opts.Negotiation)
		}
	case span > 0:
		want = time.Now().Add(span)
		if d := want.Sub(s.deadline); drowsy == s.drowsy && d >= 0 && d < span/8 {
			return
		}
	}
	if s.drowsy = drowsy; want.Equal(s.deadline) {
		return
	}
	s.deadline = want
	_ = s.Conn.SetReadDeadline(want) // fails on a closed connection only, which Wait tells
}

// fill takes what has arrived through the reader until nothing is left in user
// space.
func (s *Stream) fill(ctx context.Context) error {
	began := time.Now()
	for {
		n, err := s.Conn.Read(s.reader.Space(readSize))
		if n > 0 {
			s.reader.Filled(n)
			if err := s.tokens(ctx); err != nil {
				return err
			}
			s.throttle(ctx, n) // here, because a fast peer's bytes never run out
		}
		switch {
		case errors.Is(err, transport.ErrAgain) || (err == nil && s.Conn.Drained()):
			return nil
		case err != nil:
			return s.ended(err)
		}
		if time.Since(began) > corkTime {
			s.cork.Flush()
			began = time.Now()
		}
	}
}

// tokens handles whole elements that are in the reader's buffer.
func (s *Stream) tokens(ctx context.Context) error {
	for {
		tok, err := s.reader.Next()
		if errors.Is(err, element.ErrMore) {
			return nil
		}
		if err != nil {
			if !s.opened.Load() {
				s.sendHeader(element.Header{}) // RFC 6120 section 4.9.1.2: an error needs a stream
			}
			return err
		}
		switch tok.Kind {
		case element.StreamHeader:
			err = s.open(ctx, tok.Header)
		case element.TopLevel:
			if !s.ending.Load() {
				err = s.topLevel(ctx, tok.Element)
			}
		case element.StreamEnd:
			return ErrClosed
		case element.Whitespace:
		}
		if err != nil {
			return err
		}
		if err := s.runThen(ctx); err != nil {
			return err
		}
		if err := s.relieve(); err != nil {
			return err
		}
	}
}

func (s *Stream) runThen(ctx context.Context) error {
	for len(s.then) > 0 {
		fn := s.then[0]
		s.then = s.then[1:]
		if err := fn(ctx); err != nil {
			return err
		}
	}
	s.then = nil
	return nil
}

// StartTLS makes the stream go on over TLS; call it by Then, after <proceed/>
// was sent. Bytes that came behind <starttls/> end the stream unread.
func (s *Stream) StartTLS(ctx context.Context, cfg *tls.Config) error {
	s.cork.Flush()
	if s.reader.Buffered() > 0 {
		s.reader.Discard()
		s.ending.Store(true) // nothing is said to whoever did this
		return errors.New("plaintext behind starttls")
	}
	return s.secure(ctx, func(ctx context.Context) error { return s.Conn.StartTLS(ctx, cfg) })
}

// secure runs a handshake within the time that is allowed.
func (s *Stream) secure(ctx context.Context, handshake func(context.Context) error) error {
	s.arm()
	if err := handshake(ctx); err != nil {
		s.ending.Store(true) // there is no channel to say it on
		return fmt.Errorf("tls handshake: %w", err)
	}
	s.Secured = true
	s.Restart()
	return errFresh
}

// ended names the end of the connection.
func (s *Stream) ended(err error) error {
	if err == nil {
		return nil
	}
	if cause := s.Cause(); cause != nil {
		return cause
	}
	if cause := s.Conn.Cause(); cause != nil && !errors.Is(cause, io.EOF) {
		return cause
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // without </stream:stream>
	}
	return err
}

// finish ends the stream for whatever reason, once.
func (s *Stream) finish(ctx context.Context, err error) {
	s.note(err)
	cause := s.Cause()
	if s.ending.CompareAndSwap(false, true) && s.opened.Load() {
		s.sayEnd(cause)
	}
	s.cork.Flush()
	_ = s.guard(ctx, func(ctx context.Context) error { // logged; the stream is at its end anyway
		if r := s.Receiver(); r != nil {
			r.Ended(ctx, s, cause)
		}
		return nil
	})
	_ = s.guard(ctx, func(ctx context.Context) error {
		if s.Table != nil {
			p := s.Table.Enter()
			defer p.Leave()
			Closed.Fire(ctx, p, &LifeEvent{s, p})
		}
		return nil
	})
	s.cork.Flush()
	if err := s.Conn.Close(); err != nil {
		s.Log.DebugContext(ctx, "close", "stream", s.ID, "err", err)
	}
	s.reader.Discard()
	s.reader.Release()
	if s.group != nil {
		s.group.remove(s)
	}
}

func (s *Stream) sayEnd(cause error) {
	var b []byte
	var xml *element.Error
	var own *Error
	if errors.As(cause, &own) || errors.As(cause, &xml) {
		b = appendError(b, asError(cause))
	}
	_, _ = s.Conn.Append(append(b, "</stream:stream>"...)) // Close sends it; the peer may have stopped reading
}

func (s *Stream) fireIdle(ctx context.Context) bool {
	p := s.Table.Enter()
	defer p.Leave()
	return Idle.Fire(ctx, p, &LifeEvent{s, p}) == Stop
}

// refuse answers a stanza that could not be read.
func (s *Stream) refuse(e element.Element, cause *stanza.Error) {
	if e.Attr("type") == "error" || (e.Local() == "iq" && e.Attr("type") == "result") {
		return
	}
	b := element.New(element.NSClient, e.Local()).Attr("type", "error")
	if id, ok := e.LookupAttr("id"); ok {
		b.Attr("id", id)
	}
	s.Send(b.Child(cause.Element()).Element())
}
