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
	on      atomic.Bool
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from, p.begun, p.done, p.pending, p.grown = from, 0, 0, nil, grown
	p.epoch++
	p.on.Store(true)
}

// On reports whether the count runs.
func (p *Progress) On() bool { return p.on.Load() }

// A Ticket names a stanza whose work has begun.
type Ticket struct{ epoch, n uint32 }

// Begin numbers a stanza that came from a stream. Ok is false if another
// stream has taken over: then the client will send the stanza again there.
func (p *Progress) Begin(from *stream.Stream) (t Ticket, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.from != from {
		return Ticket{}, false
	}
	p.begun++
	p.pending = append(p.pending, false)
	return Ticket{p.epoch, p.begun}, true
}

// Finish marks the work for a stanza as done.
func (p *Progress) Finish(t Ticket) {
	p.mu.Lock()
	at := t.n - p.done - 1
	if t.epoch != p.epoch || int(at) >= len(p.pending) {
		p.mu.Unlock()
		return // of a count that was started anew
	}
	p.pending[at] = true
	before := p.done
	for len(p.pending) > 0 && p.pending[0] {
		p.pending = p.pending[1:]
		p.done++
	}
	if len(p.pending) == 0 {
		p.pending = nil
		if p.idle != nil {
			close(p.idle)
			p.idle = nil
		}
	}
	grown, done := p.grown, p.done
	p.mu.Unlock()
	if grown != nil && done != before {
		grown(done)
	}
}

// Counts are the number of stanzas that have come, and of those for which all
// work is done.
func (p *Progress) Counts() (begun, done uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun, p.done
}

// TakeOver has another stream's stanzas count from now on, waits until the
// work for those that came before is done, and returns the count. False means
// that it was not done in time: what is not done counts as if it had not come,
// and the client sends it again.
func (p *Progress) TakeOver(to *stream.Stream, wait time.Duration) (done uint32, ok bool) {
	p.mu.Lock()
	p.from = to
	if len(p.pending) == 0 {
		defer p.mu.Unlock()
		return p.done, true
	}
	if p.idle == nil {
		p.idle = make(chan struct{})
	}
	idle := p.idle
	p.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-idle:
		ok = true
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) > 0 {
		p.begun, p.pending = p.done, nil
		p.epoch++
	}
	return p.done, ok
}
