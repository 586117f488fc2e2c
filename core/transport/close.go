// SPDX-License-Identifier: Apache-2.0

package transport

import "time"

const (
	closeWithin = 2 * time.Second // for what is still to be sent
	lingerBytes = 256 << 10       // that are read and dropped while the peer hangs up
)

// Close is for the stream's own goroutine, outside of Wait: it sends what is
// in the outbox and close_notify, waits for that at most two seconds, closes
// the socket and gives all buffers back. A Conn that is stuck is reset, so
// that the kernel does not keep what the peer will not take.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.phase >= closing {
		c.mu.Unlock()
		return nil
	}
	c.phase = closing
	c.endLocked(ErrClosed)
	good := c.writeErr == nil
	c.mu.Unlock()
	if !c.in.over { // a peer that is there may take its time
		c.settled()
	}
	if good {
		good = c.farewell(time.Now().Add(closeWithin))
	}
	if good || !c.stuck() {
		c.linger()
	} else if s, ok := c.nc.(interface{ SetLinger(sec int) error }); ok {
		_ = s.SetLinger(0)
	}
	c.mu.Lock()
	c.phase = closed
	if c.writeErr == nil {
		c.writeErr = ErrClosed
	}
	c.out.clear()
	c.accountLocked()
	c.mu.Unlock()
	err := c.nc.Close()
	c.settled()
	c.in.stop(ErrClosed)
	return err
}

// farewell sends the rest of the outbox and close_notify: of few bytes both
// go out by one write.
func (c *Conn) farewell(limit time.Time) bool {
	if c.tls == nil {
		return c.waitBelow(1, limit, nil, true) == nil
	}
	c.mu.Lock()
	if c.raw != nil && c.out.size() < flushChunk && !c.out.writing && !c.out.draining {
		c.out.held = newBuffer()
	}
	c.mu.Unlock()
	sent := c.waitBelow(1, limit, nil, true) == nil && c.tls.CloseWrite() == nil
	c.mu.Lock()
	last := c.out.held
	c.out.held = nil // crypto/tls writes nothing after close_notify
	c.mu.Unlock()
	defer last.drop()
	return sent && (last == nil || c.send(last.rest()) == nil) && c.waitBelow(1, limit, nil, true) == nil
}

func (c *Conn) stuck() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reset || c.out.size() > 0
}

// linger hangs up and reads on until the peer does so too: closing a socket
// with unread bytes resets it, and some systems then drop what they have
// received but not yet read, such as the stream error.
func (c *Conn) linger() {
	s, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || c.in.over || s.CloseWrite() != nil {
		return
	}
	if c.nc.SetReadDeadline(time.Now().Add(c.o.Linger)) != nil {
		return
	}
	if c.raw != nil {
		_ = c.raw.Read(c.discard()) // the peer has hung up, or its time is over
		return
	}
	b := readBuffers.get()
	defer readBuffers.put(b)
	for dropped := 0; dropped < lingerBytes; {
		n, err := c.nc.Read(b[:])
		if err != nil {
			return
		}
		dropped += n
	}
}

// discard reads, within RawConn.Read, what nobody wants any more. It holds no
// buffer while it waits: many connections may end at once.
func (c *Conn) discard() func(fd uintptr) bool {
	dropped := 0
	return func(fd uintptr) bool {
		b := readBuffers.get()
		defer readBuffers.put(b)
		for dropped < lingerBytes {
			n, again, err := readFD(fd, b[:])
			if again {
				return false
			}
			if err != nil {
				break
			}
			dropped += n
		}
		return true
	}
}
