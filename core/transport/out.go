// SPDX-License-Identifier: Apache-2.0

package transport

// Writing: a bounded outbox of plaintext that somebody flushes, and a tail of
// ciphertext that the socket did not take, which a goroutine for this Conn
// alone finishes.

import "errors"

const (
	flushChunk  = 64 << 10  // of plaintext in one TLS write
	boxChunk    = 256 << 10 // of plaintext in one piece of memory, about
	flushRounds = 4         // TLS writes that one Flush does for others; the rest goes to a goroutine
	tailLimit   = 256 << 10 // of ciphertext; only answers to key updates can pile up over one chunk
)

// output is the writing half of a Conn, guarded by Conn.mu. At any time one
// of these holds: the outbox is empty; queued (whoever set it will flush);
// writing (the writer looks again before it leaves); draining.
type output struct {
	box      *buffer   // what Append collects
	full     []*buffer // boxes before it: what waits long is not copied to grow
	fullSize int
	cur      *buffer // what is being flushed
	tail     *buffer // ciphertext that the socket did not take
	queued   bool    // somebody was told that he has to flush
	writing  bool    // somebody is within a TLS write, or in a handshake
	draining bool    // the Conn's own goroutine is at work on the tail
	over     bool    // Overflow has been reported
	counted  int     // what the Budget knows of
	held     *buffer // not nil: ciphertext is collected here instead of being written
	below    chan struct{}
	belowN   int // below is closed when size() falls under it

	try     func(fd uintptr) // writeFD, within RawConn.Control
	p       []byte           // what it shall write
	n       int              // what it wrote
	failure error
}

func (o *output) size() int {
	return len(o.box.rest()) + o.fullSize + len(o.cur.rest()) + len(o.tail.rest())
}

// wake tells WaitBelow to look again.
func (o *output) wake(force bool) {
	if o.below != nil && (force || o.size() < o.belowN) {
		close(o.below)
		o.below = nil
	}
}

// clear drops all that waits, but what somebody has in hand.
func (o *output) clear() {
	o.box.drop()
	o.box = nil
	for _, b := range o.full {
		b.drop()
	}
	o.full, o.fullSize = nil, 0
	if !o.writing {
		o.cur.drop()
		o.cur = nil
	}
	if !o.draining {
		o.tail.drop()
		o.tail = nil
	}
	o.wake(true)
}

// collect is the box for what is appended next.
func (o *output) collect() *buffer {
	switch {
	case o.box == nil:
		o.box = newBuffer()
	case len(o.box.b) >= boxChunk:
		o.full, o.fullSize = append(o.full, o.box), o.fullSize+len(o.box.b)
		o.box = newBuffer()
	}
	return o.box
}

// take makes the oldest box the one that is being flushed.
func (o *output) take() {
	if len(o.full) == 0 {
		o.cur, o.box, o.queued = o.box, nil, false
		return
	}
	o.cur, o.full[0] = o.full[0], nil
	o.full, o.fullSize = o.full[1:], o.fullSize-len(o.cur.b)
	if len(o.full) == 0 {
		o.full = nil
		o.queued = o.queued && o.box != nil
	}
}

// Append copies p to the outbox. dirty says that the caller became the one
// who has to Flush. The error is ErrFull at the limit, ErrClosed after the end.
func (c *Conn) Append(p []byte) (dirty bool, err error) {
	c.mu.Lock()
	if err = c.roomLocked(len(p)); err == nil && len(p) > 0 {
		box := c.out.collect()
		box.b = append(box.b, p...)
		c.accountLocked()
		dirty = c.dirtyLocked()
	}
	c.mu.Unlock()
	return dirty, c.overflowed(err)
}

// AppendFunc is Append for a serialiser: fn appends to dst and returns the
// result. It runs under the outbox's lock: it calls nothing that locks or waits.
func (c *Conn) AppendFunc(fn func(dst []byte) []byte) (dirty bool, err error) {
	dirty, err = c.appendFunc(fn)
	return dirty, c.overflowed(err)
}

func (c *Conn) appendFunc(fn func([]byte) []byte) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.roomLocked(0); err != nil {
		return false, err
	}
	box := c.out.collect()
	b := fn(box.b)
	added := len(b) - len(box.b)
	err := c.roomLocked(added)
	if added <= 0 || err != nil {
		if len(box.b) == 0 {
			c.out.box = nil
			box.drop()
		}
		return false, err
	}
	box.b = b
	c.accountLocked()
	return c.dirtyLocked(), nil
}

// AppendLast is for the stream's own goroutine and its last words: it appends
// even after End and over the limit, until Close, which sends it.
func (c *Conn) AppendLast(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase >= closing || c.writeErr != nil {
		return ErrClosed
	}
	box := c.out.collect()
	box.b = append(box.b, p...)
	return nil
}

func (c *Conn) roomLocked(n int) error {
	switch {
	case c.ended.Load() || c.writeErr != nil || c.phase >= closing:
		return ErrClosed
	case n > c.limitLocked()-c.out.size():
		return ErrFull
	}
	return nil
}

func (c *Conn) dirtyLocked() bool {
	if c.out.queued || c.out.writing || c.out.draining {
		return false
	}
	c.out.queued = true
	return true
}

// overflowed reports the first ErrFull.
func (c *Conn) overflowed(err error) error {
	if !errors.Is(err, ErrFull) {
		return err
	}
	c.mu.Lock()
	first := !c.out.over
	c.out.over = true
	c.mu.Unlock()
	switch {
	case first && c.o.OnStuck != nil:
		go c.o.OnStuck(Overflow)
	case first:
		c.End(ErrFull)
	}
	return err
}

// Queued is the number of bytes that wait: outbox and tail.
func (c *Conn) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.size()
}

// Flush sends what is in the outbox and never waits. What the socket does not
// take is finished by a goroutine of this Conn, which then flushes what came
// meanwhile.
func (c *Conn) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.writing || c.out.draining {
		return // he looks again before he leaves
	}
	c.flushLocked(flushRounds)
	if c.out.size() > 0 && c.writeErr == nil {
		c.drainLocked()
	}
}

// flushLocked does at most so many TLS writes, until the socket takes no more.
// The lock is not held while it writes.
func (c *Conn) flushLocked(rounds int) {
	for ; rounds > 0 && c.writeErr == nil && len(c.out.tail.rest()) == 0; rounds-- {
		if c.out.cur == nil {
			c.out.take()
		}
		cur, t := c.out.cur, c.tls
		if cur == nil {
			return
		}
		chunk := cur.rest()
		chunk = chunk[:min(len(chunk), flushChunk)]
		c.out.writing = true
		c.mu.Unlock()
		var err error
		if t != nil {
			_, err = t.Write(chunk)
		} else {
			err = c.send(chunk)
		}
		c.mu.Lock()
		c.out.writing = false
		cur.off += len(chunk)
		if err != nil {
			c.failLocked(err)
		}
		if c.out.cur == cur && (len(cur.rest()) == 0 || c.writeErr != nil) {
			cur.drop()
			c.out.cur = nil
		}
		c.accountLocked()
		c.out.wake(false)
	}
}

// send gives p to the socket and keeps what it does not take. It never waits.
// Its callers take turns: TLS has a lock, and in plain mode writing is one.
func (c *Conn) send(p []byte) error {
	c.mu.Lock()
	if c.out.held != nil {
		c.out.held.b = append(c.out.held.b, p...)
		c.mu.Unlock()
		return nil
	}
	wait := c.raw == nil || len(c.out.tail.rest()) > 0
	if wait {
		defer c.mu.Unlock()
		return c.keepLocked(p)
	}
	err := c.writeErr
	c.mu.Unlock()
	if err != nil {
		return err
	}
	c.out.p, c.out.n, c.out.failure = p, 0, nil
	err = c.raw.Control(c.out.try)
	n := c.out.n
	c.out.p = nil
	if err == nil {
		err = c.out.failure
	}
	if err == nil && n == len(p) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failLocked(err)
		return err
	}
	return c.keepLocked(p[n:])
}

func (c *Conn) writeFD(fd uintptr) { c.out.n, c.out.failure = writeFD(fd, c.out.p) }

// keepLocked makes p the end of the tail and sees that somebody drains it.
func (c *Conn) keepLocked(p []byte) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if c.out.tail == nil {
		c.out.tail = newBuffer()
	}
	if len(c.out.tail.rest())+len(p) > tailLimit {
		c.failLocked(ErrFull)
		return ErrFull
	}
	if t := c.out.tail; t.off > tailLimit { // in a new array: drain may be reading the old one
		t.b, t.off = append([]byte(nil), t.rest()...), 0
	}
	c.out.tail.b = append(c.out.tail.b, p...)
	c.drainLocked()
	return nil
}

func (c *Conn) drainLocked() {
	if !c.out.draining {
		c.out.draining = true
		go c.drain()
	}
}
