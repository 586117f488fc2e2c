// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"runtime"
	"sync/atomic"
	"time"
)

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
	c.settled()
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
	c.waking = true
	parking.crowd.begin()
	go w.Wake()
}

// settled is for the own goroutine, which has done what it was woken for, or
// waits for more.
func (c *Conn) settled() {
	if c.waking {
		c.waking = false
		parking.crowd.end()
	}
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

const (
	patience = 10 * time.Millisecond  // with who does not settle: what it waits for is none of the parker's business
	breath   = 200 * time.Microsecond // for those who talk, after as many as follow
	inARow   = 16
)

// A crowd is the Conns that have been woken and are not settled yet. Where many
// come, or go, at once, they get their goroutines one after another, and leave
// a processor idle now and then: an idle one alone asks the network at once for
// who else has something to say. (20,000 that hung up together kept messages of
// others for 150 ms; now for 10.)
type crowd struct {
	n     atomic.Int32
	most  int32
	row   int           // woken since the last breath
	asked atomic.Bool   // the parker waits
	room  chan struct{} // holds one word that n is small again
	timer *time.Timer
}

func (w *crowd) open() {
	w.most = int32(max(1, runtime.GOMAXPROCS(0)-1)) //nolint:gosec // not that many
	w.room = make(chan struct{}, 1)
	w.timer = time.NewTimer(patience)
	w.timer.Stop()
}

func (w *crowd) begin() { w.n.Add(1) }

func (w *crowd) end() {
	if w.n.Add(-1) < w.most && w.asked.CompareAndSwap(true, false) {
		w.room <- struct{}{} // has room: it is taken before the parker asks again
	}
}

// next is for the parker's goroutine, after it has woken one of several: it
// returns when the next may come, false if there is no patience any more.
func (w *crowd) next() bool {
	if w.row++; w.row >= inARow*int(w.most) {
		w.row = 0
		w.timer.Reset(breath)
		<-w.timer.C
	}
	if w.n.Load() < w.most {
		return true
	}
	w.timer.Reset(patience)
	defer w.timer.Stop()
	w.asked.Store(true)
	if w.n.Load() < w.most && w.asked.CompareAndSwap(true, false) {
		return true
	}
	select {
	case <-w.room:
		return true
	case <-w.timer.C:
		if !w.asked.CompareAndSwap(true, false) {
			<-w.room // the word is on its way
		}
		return false
	}
}
