// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"os"
	"time"

	"tercet/core/transport"
)

// errParked says that the loop has no goroutine until something happens: it
// owns nothing of the stream any more.
var errParked = errors.New("stream: parked")

// parked is the stream as its connection sees it.
type parked Stream

// Wake goes on with the loop, in the goroutine it is called in.
func (p *parked) Wake() {
	s := (*Stream)(p)
	s.group.parked.Add(-1)
	s.Run(s.group.ctx)
}

// park lets the loop end until there is something to do. A stream that is not
// bound, or in the middle of a stanza, keeps its goroutine.
func (s *Stream) park() bool {
	if s.group == nil || s.opts.Park <= 0 || !s.Bound() || s.User() == "" || s.reader.Buffered() > 0 || len(s.then) > 0 {
		return false
	}
	s.cork = transport.Cork{} // flushed
	return s.lieDown()
}

// greeting is how long a new stream keeps its goroutine without a byte from the
// peer. Most speak at once: to park those would cost a twentieth of a login.
const greeting = 50 * time.Millisecond

// begin is Run for a new stream. One whose peer says nothing is parked: until
// it does, or its time is over, a connection costs no goroutine.
func (s *Stream) begin(ctx context.Context) {
	if s.opts.Park > 0 {
		_ = s.Conn.SetReadDeadline(time.Now().Add(greeting)) // fails on a closed connection only, which Wait tells
		if err := s.Conn.Wait(); errors.Is(err, os.ErrDeadlineExceeded) {
			s.arm()
			if s.lieDown() {
				return
			}
		}
	}
	s.Run(ctx)
}

// lieDown gives the stream to the parker, which may hand it to another
// goroutine at once.
func (s *Stream) lieDown() bool {
	s.asleep = true // before others may run the loop
	g := s.group
	g.parked.Add(1)
	if s.Conn.Park((*parked)(s)) {
		return true
	}
	g.parked.Add(-1)
	s.asleep = false
	return false
}

// parks reports whether the next wait is for parking, which comes before the
// idle time.
func (s *Stream) parks() bool {
	return s.group != nil && s.opts.Park > 0 && (s.opts.Idle <= 0 || s.opts.Park < s.opts.Idle)
}

// quiet is what comes after a time without input: the stream is parked first,
// and asked whether it lives when the idle time is over.
func (s *Stream) quiet(ctx context.Context) error {
	left := s.opts.Idle
	switch {
	case !s.Bound():
		return Fail(ConnectionTimeout, "")
	case s.drowsy:
		left -= s.opts.Park
	case !s.fireIdle(ctx):
		return Fail(ConnectionTimeout, "")
	}
	s.cork.Flush()
	s.drowsy, s.deadline = false, time.Time{}
	if s.opts.Idle > 0 {
		s.deadline = time.Now().Add(left)
	}
	_ = s.Conn.SetReadDeadline(s.deadline) // fails on a closed connection only, which Wait tells
	if s.park() {
		return errParked
	}
	return nil
}
