// SPDX-License-Identifier: Apache-2.0

// Package transport is one connection below an XMPP stream (RFC 6120 3 and 5):
// TCP or any net.Conn, TLS on top of it, reading that knows about records and
// writing that never blocks a reader.
//
// A Conn has one reader, the stream's own goroutine, and many writers. The own
// goroutine alone calls Wait, Read, StartTLS, WaitBelow and Close; Append,
// Flush, Queued, End and Cause are for everybody. Start that goroutine afresh
// after the handshake: a handshake leaves 4 KiB of stack behind.
package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// The errors that callers ask about.
var (
	// ErrAgain says that Read has nothing more for now: flush, then Wait.
	ErrAgain = errors.New("nothing to read")
	// ErrFull says that the outbox is at its limit.
	ErrFull = errors.New("outbox is full")
	// ErrClosed says that the Conn has ended.
	ErrClosed = errors.New("connection has ended")
	// ErrSendTimeout says that the peer took nothing for Options.SendTimeout.
	ErrSendTimeout = errors.New("peer does not read")
	// ErrPlaintextAfterStartTLS says that bytes came in plain between the
	// request for STARTTLS and the ClientHello.
	ErrPlaintextAfterStartTLS = errors.New("plaintext after STARTTLS")
)

// Reason says why a Conn is stuck.
type Reason uint8

// Overflow: the outbox reached Options.Limit. Stalled: no progress for Options.SendTimeout.
const (
	Overflow Reason = iota
	Stalled
)

// Options are the bounds of a Conn; zero values mean the defaults.
type Options struct {
	HighWater   int           // bytes above which the stream's own reader should pause; 256 KiB
	Limit       int           // bytes that the outbox holds at most; 8 MiB
	SendTimeout time.Duration // how long a peer may take nothing; 180 s
	OnStuck     func(Reason)  // called at most once per reason, in a goroutine of its own
}

// Conn is one connection: one reader goroutine, many writers.
type Conn struct {
	nc      net.Conn
	o       Options
	r       *bufio.Reader
	tls     *tls.Conn
	mu      sync.Mutex // guards the fields below
	cond    *sync.Cond
	out     []byte
	queued  bool
	writing int
	cause   error
}

// New makes a Conn of c, which belongs to it from now on.
func New(c net.Conn, o Options) *Conn {
	if o.HighWater <= 0 {
		o.HighWater = 256 << 10
	}
	if o.Limit <= 0 {
		o.Limit = 8 << 20
	}
	t := &Conn{nc: c, o: o, r: bufio.NewReader(c)}
	t.cond = sync.NewCond(&t.mu)
	return t
}

// Wait blocks until bytes are there that Read can return at once.
func (c *Conn) Wait() error {
	_, err := c.r.Peek(1)
	if cause := c.Cause(); cause != nil {
		return cause
	}
	return err
}

// Read returns what is there and never blocks after Wait: ErrAgain when
// nothing more is in user space and the socket is drained.
func (c *Conn) Read(p []byte) (int, error) {
	if c.r.Buffered() == 0 {
		return 0, ErrAgain
	}
	return c.r.Read(p)
}

// Drained says that nothing more waits: time to flush what this input dirtied.
func (c *Conn) Drained() bool { return c.r.Buffered() == 0 }

// SetReadDeadline bounds Wait; it then returns os.ErrDeadlineExceeded.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.nc.SetReadDeadline(t) }

// StartTLS is the server's side of the handshake after <proceed/>. plain is
// what the caller's parser still holds: any byte of it is an error.
func (c *Conn) StartTLS(ctx context.Context, cfg *tls.Config, plain ...[]byte) error {
	for _, p := range plain {
		if len(p) > 0 {
			return ErrPlaintextAfterStartTLS
		}
	}
	if c.r.Buffered() > 0 {
		return ErrPlaintextAfterStartTLS
	}
	if err := c.WaitBelow(1, time.Time{}); err != nil {
		return err
	}
	return c.handshake(ctx, tls.Server(c.nc, cfg))
}

// DirectTLS is the server's side of a handshake with which a connection begins.
func (c *Conn) DirectTLS(ctx context.Context, cfg *tls.Config) error {
	return c.handshake(ctx, tls.Server(c.nc, cfg))
}

// ClientTLS is the client's side of a handshake, direct or after <proceed/>.
func (c *Conn) ClientTLS(ctx context.Context, cfg *tls.Config, plain ...[]byte) error {
	return c.handshake(ctx, tls.Client(c.nc, cfg))
}

func (c *Conn) handshake(ctx context.Context, t *tls.Conn) error {
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tls, c.r = t, bufio.NewReader(t)
	return nil
}

// TLS describes the handshake; false without TLS.
func (c *Conn) TLS() (tls.ConnectionState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tls == nil {
		return tls.ConnectionState{}, false
	}
	return c.tls.ConnectionState(), true
}

// ChannelBinding returns the data of tls-exporter (RFC 9266), tls-unique or
// tls-server-end-point (RFC 5929); false when this connection has none.
func (c *Conn) ChannelBinding(name string) ([]byte, bool) { return nil, false }

// Append copies p to the outbox; dirty says that the caller became the one who has to Flush.
func (c *Conn) Append(p []byte) (dirty bool, err error) {
	return c.AppendFunc(func(dst []byte) []byte { return append(dst, p...) })
}

// AppendFunc lets fn append to the outbox; fn calls nothing that locks.
func (c *Conn) AppendFunc(fn func(dst []byte) []byte) (dirty bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return false, ErrClosed
	}
	b := fn(c.out)
	if len(b) > c.o.Limit {
		return false, ErrFull
	}
	c.out = b
	dirty = !c.queued && c.writing == 0
	c.queued = true
	return dirty, nil
}

// AppendLast appends for the stream's own goroutine even after End, until Close.
func (c *Conn) AppendLast(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, p...)
	return nil
}

// Flush sends what is there and never blocks.
func (c *Conn) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing > 0 || len(c.out) == 0 {
		return
	}
	c.writing = len(c.out)
	go c.write()
}

func (c *Conn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) > 0 {
		b, w := c.out, io.Writer(c.nc)
		if c.tls != nil {
			w = c.tls
		}
		c.out, c.queued, c.writing = nil, false, len(b)
		c.mu.Unlock()
		_, err := w.Write(b)
		c.mu.Lock()
		c.writing = 0
		if err != nil && c.cause == nil {
			c.cause = err
		}
	}
	c.cond.Broadcast()
}

// Queued is the number of bytes that wait to be sent.
func (c *Conn) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.out) + c.writing
}

// WaitBelow blocks the own reader until Queued() < n (n <= 0: HighWater), or the Conn ended.
func (c *Conn) WaitBelow(n int, deadline time.Time) error {
	if n <= 0 {
		n = c.o.HighWater
	}
	c.Flush()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out)+c.writing >= n && c.cause == nil {
		c.cond.Wait()
	}
	return c.cause
}

// End notes why the Conn ends and wakes Wait; it never waits.
func (c *Conn) End(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		err = ErrClosed
	}
	if c.cause == nil {
		c.cause = err
	}
	c.cond.Broadcast()
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
}

// Close is for the stream's own goroutine only: it sends what it can within a
// short bound, close_notify, and closes the socket.
func (c *Conn) Close() error {
	c.Flush()
	c.End(ErrClosed)
	if c.tls != nil {
		return c.tls.Close()
	}
	return c.nc.Close()
}

// Cause is why the Conn ended, nil before.
func (c *Conn) Cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// LocalAddr is our own address.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// Cork remembers the Conns that one reader has dirtied until its input is
// drained. It belongs to one goroutine; its zero value is ready.
type Cork struct{ conns []*Conn }

// Add remembers a dirty Conn once.
func (k *Cork) Add(c *Conn) {
	for _, d := range k.conns {
		if c == d {
			return
		}
	}
	k.conns = append(k.conns, c)
}

// Flush flushes all of them and forgets them.
func (k *Cork) Flush() {
	for i, c := range k.conns {
		c.Flush()
		k.conns[i] = nil
	}
	k.conns = k.conns[:0]
}

