// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"net"
	"os"
	"time"
)

// drain is the goroutine of a Conn whose socket is full: it finishes the tail,
// flushes what came meanwhile, and leaves.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writeErr == nil {
		if rest := c.out.tail.rest(); len(rest) > 0 {
			c.mu.Unlock()
			n, err := c.writeSome(rest[:min(len(rest), flushChunk)])
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = c.stalled()
			}
			c.mu.Lock()
			c.out.tail.off += n
			if err != nil {
				c.failLocked(err)
			}
			c.accountLocked()
			c.out.wake(false)
			continue
		}
		c.out.tail.drop()
		c.out.tail = nil
		if c.out.writing || c.out.size() == 0 {
			break
		}
		c.flushLocked(flushRounds)
	}
	c.out.draining = false
	if c.writeErr != nil {
		c.out.clear()
		c.accountLocked()
	}
}

// writeSome waits until the socket takes some of p, at most SendTimeout.
func (c *Conn) writeSome(p []byte) (n int, err error) {
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.o.SendTimeout)); err != nil {
		return 0, err
	}
	if c.raw == nil {
		n, err = c.nc.Write(p)
		if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		return n, err
	}
	var failure error
	err = c.raw.Write(func(fd uintptr) bool {
		n, failure = writeFD(fd, p)
		return n > 0 || failure != nil
	})
	if err == nil {
		err = failure
	}
	return n, err
}

// stalled lets the owner decide about a peer that takes nothing, then ends the Conn.
func (c *Conn) stalled() error {
	c.mu.Lock()
	quiet := c.phase >= closing
	c.mu.Unlock()
	if quiet {
		return ErrSendTimeout
	}
	if c.o.OnStuck != nil {
		c.o.OnStuck(Stalled)
	}
	c.End(ErrSendTimeout)
	return ErrSendTimeout
}

// failLocked notes that nothing can be sent any more. Reading goes on for
// readGrace: what the peer has sent before it went away still counts.
func (c *Conn) failLocked(err error) {
	if c.writeErr != nil {
		return
	}
	c.writeErr = err
	c.reset = c.reset || errors.Is(err, ErrSendTimeout) || errors.Is(err, ErrFull)
	if c.cause == nil {
		c.cause = err
	}
	c.out.clear()
	c.accountLocked()
	if c.phase < closing {
		c.grace = time.Now().Add(readGrace)
		_ = c.deadlineLocked(c.deadline)
		c.unparkLocked()
	}
}

// WaitBelow blocks the stream's own reader until Queued() < n, the Conn ends
// or the deadline, if any, passes (os.ErrDeadlineExceeded). n <= 0 means
// HighWater. Flush a Cork before: what waits there does not move.
func (c *Conn) WaitBelow(n int, deadline time.Time) error {
	if n <= 0 {
		n = c.o.HighWater
	}
	if !c.ended.Load() && c.Queued() < n {
		return nil
	}
	return c.waitBelow(n, deadline, nil, false)
}

// waitBelow also ends with net.ErrClosed when done is closed; last waits on after End.
func (c *Conn) waitBelow(n int, deadline time.Time, done <-chan struct{}, last bool) error {
	var late <-chan time.Time
	if !deadline.IsZero() {
		t := time.NewTimer(time.Until(deadline))
		defer t.Stop()
		late = t.C
	}
	c.Flush()
	for {
		below, err := c.belowChan(n, last)
		if below == nil {
			return err
		}
		select {
		case <-below:
		case <-late:
			return os.ErrDeadlineExceeded
		case <-done:
			return net.ErrClosed
		}
	}
}

// belowChan is closed when there is reason to look again; nil when the wait is over.
func (c *Conn) belowChan(n int, last bool) (<-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeErr != nil || c.ended.Load() && !last {
		return nil, c.cause
	}
	if c.out.size() < n {
		return nil, nil
	}
	c.out.below, c.out.belowN = make(chan struct{}), n
	return c.out.below, nil
}
