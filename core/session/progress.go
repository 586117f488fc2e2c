// SPDX-License-Identifier: Apache-2.0

package session

import (
	"sync"
	"sync/atomic"
	"time"

	"tercet/core/stream"
)

// Progress numbers the stanzas that a client has sent and knows up to which of
// them all work is done (XEP-0198 section 4: the server has accepted
// responsibility). It is off, and free, until Start.
type Progress struct {
	at atomic.Pointer[count] // nil: off
}

// count is what a Progress knows once it is on: most sessions need none.
type count struct {
	mu      sync.Mutex     // guards what follows
	from    *stream.Stream // the only stream whose stanzas count
	epoch   uint32         // of the tickets that count
	begun   uint32
	done    uint32
	pending []bool // begun after done; true: done out of order
	grown   func(done uint32)
	idle    chan struct{} // closed when nothing is pending, if somebody waits
}

// Start begins to count at 0 what comes from a stream. Grown is told of each
// growth of the count by whoever finished the work, with nothing held.
func (p *Progress) Start(from *stream.Stream, grown func(done uint32)) {
	c := p.at.Load()
	if c == nil {
		c = new(count)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from, c.begun, c.done, c.pending, c.grown = from, 0, 0, nil, grown
	c.epoch++
	p.at.Store(c)
}

// On reports whether the count runs.
func (p *Progress) On() bool { return p.at.Load() != nil }

// A Ticket names a stanza whose work has begun.
type Ticket struct{ epoch, n uint32 }

// Begin numbers a stanza that came from a stream. Ok is false if another
// stream has taken over: then the client will send the stanza again there.
func (p *Progress) Begin(from *stream.Stream) (t Ticket, ok bool) {
	c := p.at.Load()
	if c == nil {
		return Ticket{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from != from {
		return Ticket{}, false
	}
	c.begun++
	c.pending = append(c.pending, false)
	return Ticket{c.epoch, c.begun}, true
}

// Finish marks the work for a stanza as done.
func (p *Progress) Finish(t Ticket) {
	c := p.at.Load()
	if c == nil {
		return
	}
	c.mu.Lock()
	at := t.n - c.done - 1
	if t.epoch != c.epoch || int(at) >= len(c.pending) {
		c.mu.Unlock()
		return // of a count that was started anew
	}
	c.pending[at] = true
	before := c.done
	for len(c.pending) > 0 && c.pending[0] {
		c.pending = c.pending[1:]
		c.done++
	}
	if len(c.pending) == 0 {
		c.pending = nil
		if c.idle != nil {
			close(c.idle)
			c.idle = nil
		}
	}
	grown, done := c.grown, c.done
	c.mu.Unlock()
	if grown != nil && done != before {
		grown(done)
	}
}

// Counts are the number of stanzas that have come, and of those for which all
// work is done.
func (p *Progress) Counts() (begun, done uint32) {
	c := p.at.Load()
	if c == nil {
		return 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun, c.done
}

// TakeOver has another stream's stanzas count from now on, waits until the
// work for those that came before is done, and returns the count. False means
// that it was not done in time: what is not done counts as if it had not come,
// and the client sends it again.
func (p *Progress) TakeOver(to *stream.Stream, wait time.Duration) (done uint32, ok bool) {
	c := p.at.Load()
	if c == nil {
		return 0, true
	}
	c.mu.Lock()
	c.from = to
	if len(c.pending) == 0 {
		defer c.mu.Unlock()
		return c.done, true
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-idle:
		ok = true
	case <-timer.C:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) > 0 {
		c.begun, c.pending = c.done, nil
		c.epoch++
	}
	return c.done, ok
}
