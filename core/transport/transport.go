// SPDX-License-Identifier: Apache-2.0

// Package transport is one connection below an XMPP stream (RFC 6120 3 and 5):
// TCP or any net.Conn, TLS on top of it, reading that knows about records and
// writing that never blocks a reader.
//
// A Conn has one reader, the stream's own goroutine, and many writers. Only
// the own goroutine calls Wait, Park, Read, Drained, the handshakes, WaitBelow,
// AppendLast and Close; all other methods are for everybody. A handshake
// leaves 4 KiB of stack behind: start the stream's loop in a fresh goroutine
// after it. The loop of a stream is
//
//	for {
//		if err := c.Wait(); err != nil { ... }
//		for {
//			n, err := c.Read(buf) // until transport.ErrAgain
//			...                   // handle; cork.Add(target) where Append said dirty
//			if c.Drained() { cork.Flush() }
//		}
//		cork.Flush() // ErrAgain: always before the next Wait
//	}
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The errors that callers ask about. A peer that leaves is io.EOF, and
// io.ErrUnexpectedEOF if it left TLS without close_notify; a read deadline is
// os.ErrDeadlineExceeded.
var (
	// ErrAgain says that Read has nothing more for now: flush, then Wait.
	ErrAgain error = again{}
	// ErrFull says that the outbox is at its limit.
	ErrFull = errors.New("outbox is full")
	// ErrClosed says that the Conn takes nothing more.
	ErrClosed = errors.New("connection has ended")
	// ErrSendTimeout says that the peer took nothing for Options.SendTimeout.
	ErrSendTimeout = errors.New("peer takes no data")
	// ErrPlaintextAfterStartTLS says that bytes came in plain between the
	// request for STARTTLS and the TLS handshake.
	ErrPlaintextAfterStartTLS = errors.New("plaintext after STARTTLS")
)

// again is a temporary net.Error, which crypto/tls hands through without
// holding it against the connection.
type again struct{}

func (again) Error() string   { return "nothing to read now" }
func (again) Timeout() bool   { return false }
func (again) Temporary() bool { return true }

// Reason says why a Conn is stuck.
type Reason uint8

// The reasons: the outbox reached Options.Limit, or the peer took nothing for
// Options.SendTimeout.
const (
	Overflow Reason = iota
	Stalled
)

// String names the reason for logs.
func (r Reason) String() string {
	if r == Overflow {
		return "overflow"
	}
	return "stalled"
}

// Options are the bounds of a Conn. A zero value means the default.
type Options struct {
	HighWater   int           // bytes from which on the stream's own reader pauses (WaitBelow); 256 KiB
	Limit       int           // bytes that the outbox holds at most; 8 MiB
	SendTimeout time.Duration // how long a peer may take nothing while there is something; 180 s
	Linger      time.Duration // how long Close waits for the peer to hang up, so that it gets our last bytes; 500 ms
	// OnStuck decides what happens to a stuck Conn. It is called once per
	// reason, in a goroutine of its own and under no lock. A stalled Conn
	// ends with ErrSendTimeout when OnStuck returns. Without OnStuck an
	// overflow ends the Conn with ErrFull.
	OnStuck func(Reason)
	// Budget, which Conns share, bounds their outboxes together; nil does not.
	Budget *Budget
	// Handshakes bounds how many TLS handshakes compute at a time; nil does
	// not. Who waits for its peer has no place there: a peer that says nothing
	// keeps nobody out.
	Handshakes Gate
}

// A Gate bounds how many do something costly at a time. Enter waits for a
// place, Leave gives it back.
type Gate interface {
	Enter(ctx context.Context) error
	Leave()
}

func (o Options) withDefaults() Options {
	if o.HighWater <= 0 {
		o.HighWater = 256 << 10
	}
	if o.Limit <= 0 {
		o.Limit = 8 << 20
	}
	if o.SendTimeout <= 0 {
		o.SendTimeout = 180 * time.Second
	}
	if o.Linger <= 0 {
		o.Linger = 500 * time.Millisecond
	}
	return o
}

// readGrace is how long reading goes on after writing has failed: what the
// peer sent before it went away still counts.
const readGrace = 5 * time.Second

// past is a deadline that has been missed.
var past = time.Unix(1, 0)

// Conn is one connection: one reader goroutine, many writers.
type Conn struct {
	nc  net.Conn
	raw syscall.RawConn // nil: a net.Conn that is no socket, which is read and written by blocking calls
	o   Options
	in  input
	out output // methods of out.go

	ended atomic.Bool // End or Close was called; cause is set
	mu    sync.Mutex  // guards all fields below, and those of out

	tls      *tls.Conn
	version  uint16           // of TLS; 0 without
	cert     *tls.Certificate // what we showed the peer; nil for a client
	cause    error            // why the Conn ended; the first reason stays
	writeErr error            // why nothing can be sent any more
	phase    phase
	blocking bool      // writes of crypto/tls wait: set before tls, so that only the handshake sees it
	place    *place    // of the handshake; the own goroutine's
	aborted  bool      // the context of the handshake is over
	reset    bool      // the peer is stuck: close by RST, leave nothing to the kernel
	deadline time.Time // of reading, as asked for
	armed    time.Time // of reading, as the runtime knows it; never later than deadline
	grace    time.Time // reading ends here since writing failed
	waker    Waker     // while the Conn is parked: who has no goroutine
	ticket   uint64    // the parker's; 0: not parked
	waking   bool      // it was woken and is in parker.crowd; the own goroutine's
}

// phase is where a Conn stands in its life.
type phase uint8

const (
	open phase = iota
	shaking
	closing // Close has begun: nothing is appended any more
	closed
)

// New makes a Conn of c, which belongs to it from now on. *net.TCPConn,
// *net.UnixConn and what shows one of them by a method Socket() net.Conn are
// read and written as sockets. Any other wrapper is respected, and costs a
// goroutine per burst of writes and a buffer per blocked read.
func New(c net.Conn, o Options) *Conn {
	t := &Conn{nc: c, o: o.withDefaults(), raw: rawConn(c)}
	if t.raw != nil {
		t.in.fill, t.in.try, t.out.try = t.fillFD, t.tryFD, t.writeFD
	}
	return t
}

// HighWater is the mark of Options.
func (c *Conn) HighWater() int { return c.o.HighWater }

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// LocalAddr is our own address.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// Cause is why the Conn ended: the first reason given to End, or the error of
// a write. It is nil while the Conn can be written to.
func (c *Conn) Cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// End notes why the Conn ends, refuses what others append from now on and
// wakes the own goroutine out of Wait, WaitBelow or a handshake: all of them
// return err. It never waits and may be called by anybody, any number of
// times; the first reason stays. What is in the outbox remains for Close.
func (c *Conn) End(err error) {
	if err == nil {
		err = ErrClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(err)
}

func (c *Conn) endLocked(err error) {
	if c.ended.Load() {
		return
	}
	if c.cause == nil {
		c.cause = err
	}
	c.ended.Store(true)
	c.out.wake(c.ended.Load())
	switch {
	case c.waker != nil:
		c.unparkLocked()
	case c.phase == shaking:
		_ = c.nc.SetDeadline(past)
	default:
		_ = c.nc.SetReadDeadline(past)
	}
}

// SetReadDeadline bounds Wait and Read, which then return
// os.ErrDeadlineExceeded; zero takes the bound away. Moving a deadline
// further costs a lock and no timer: the runtime learns it when the old one
// passes.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadlineLocked(t)
}

func (c *Conn) deadlineLocked(t time.Time) error {
	if c.ended.Load() || c.aborted {
		return nil
	}
	if !c.grace.IsZero() && (t.IsZero() || t.After(c.grace)) {
		t = c.grace
	}
	c.deadline = t
	c.in.timed.Store(!t.IsZero())
	if t.IsZero() || !c.armed.IsZero() && !t.Before(c.armed) {
		return nil
	}
	c.armed = t
	return c.nc.SetReadDeadline(t)
}

// expired is asked when a deadline of the socket has passed. It returns nil
// when there is time left, which it has told the runtime.
func (c *Conn) expired() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.lateLocked(time.Now()); err != nil {
		return err
	}
	c.armed = c.deadline
	return c.nc.SetReadDeadline(c.deadline)
}
