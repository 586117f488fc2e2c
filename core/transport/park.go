// SPDX-License-Identifier: Apache-2.0

package transport

// Parking: a Conn that has been silent for a while needs no goroutine. Its
// socket stands in a set of the parker's own, in which one goroutine waits for
// all; what others write goes out as ever.

// A Waker goes on with a Conn that was parked.
type Waker interface {
	// Wake is called once for each time that Park has said true, in a fresh
	// goroutine, which is the Conn's own from then on.
	Wake()
}

// Park is for the own goroutine, outside of Wait: it has w called as soon as
// Wait would return or somebody ends the Conn, and no goroutine until then.
// After true the caller is not the own goroutine any more. False says that
// nothing has changed and Wait is to be called: bytes are there, of a record or
// a handshake too, the Conn is at its end, or it can not be parked (it is no
// socket; this system has no parker).
func (c *Conn) Park(w Waker) bool {
	if c.raw == nil || !c.in.idle() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended.Load() || c.aborted || c.writeErr != nil || c.phase != open || c.waker != nil {
		return false
	}
	if c.ticket = parking.add(c, c.deadline); c.ticket == 0 {
		return false
	}
	c.waker = w
	return true
}

// idle says that nothing of what has come is in user space.
func (in *input) idle() bool {
	return in.buf == nil && in.part == nil && in.pending == 0 && !in.more && !in.hello && in.err == nil
}

// unparkLocked lets the Conn have its goroutine back. Whoever comes first does
// it; a Conn that has nothing to do parks again.
func (c *Conn) unparkLocked() {
	w := c.waker
	if w == nil {
		return
	}
	parking.remove(c)
	c.waker, c.ticket = nil, 0
	go w.Wake()
}

// called is the parker's word that something has happened to who had a ticket.
// The Conn may have been woken, and parked again, since.
func (c *Conn) called(ticket uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticket == ticket {
		c.unparkLocked()
	}
}
