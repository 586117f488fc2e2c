// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
)

// parking is where the Conns of this process are parked. Its goroutine lives
// while there is one.
var parking = parker{since: time.Now()}

// A parker waits for many silent sockets at once. Conn.mu is locked before its
// own.
type parker struct {
	since time.Time // what due counts from
	crowd crowd

	mu      sync.Mutex // guards all fields below
	set     pollSet
	opened  bool // set is ready, or was tried in vain
	running bool // there is a goroutine
	broken  bool // nothing is parked any more
	stalls  []stall
	free    []int32 // indices in stalls
	turn    uint32  // of who was parked last
	heap    []int32 // those with a deadline, the earliest first
}

// A stall is a place for one Conn. Its index and turn make a ticket: no event
// of who was there before is taken for one of who is there now, whatever
// numbers the system gives to sockets.
type stall struct {
	c    *Conn         // nil: free
	due  time.Duration // since parker.since
	at   int32         // in parker.heap; -1 without a deadline
	turn uint32        // differs from that of all who stood here lately
}

func ticketOf(index int32, turn uint32) uint64 { return uint64(uint32(index))<<32 | uint64(turn) } //nolint:gosec // an index is not negative

// add parks c and returns its ticket; 0 if that can not be. What has come
// before is an event, too.
func (p *parker) add(c *Conn, deadline time.Time) (ticket uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.opened {
		p.opened, p.broken = true, p.set.open() != nil
		p.crowd.open()
	}
	if p.broken {
		return 0
	}
	i := p.takeLocked()
	s := &p.stalls[i]
	if p.turn++; p.turn == 0 {
		p.turn = 1
	}
	s.c, s.at, s.turn = c, -1, p.turn
	var failure error
	err := c.raw.Control(func(fd uintptr) { failure = p.set.add(fd, i, s.turn) })
	if err != nil || failure != nil { // a limit of the system: it gets a goroutine
		s.c = nil
		p.free = append(p.free, i)
		return 0
	}
	if !deadline.IsZero() {
		s.due = deadline.Sub(p.since)
		p.push(i)
		if p.heap[0] == i {
			p.set.wakeAt(deadline)
		}
	}
	if !p.running {
		p.running = true
		go p.run() // until nobody is parked
	}
	return ticketOf(i, s.turn)
}

// takeLocked finds a free stall.
func (p *parker) takeLocked() int32 {
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		return i
	}
	p.stalls = append(p.stalls, stall{})
	return int32(len(p.stalls) - 1) //nolint:gosec // fewer than sockets
}

// remove takes out c, which has a ticket.
func (p *parker) remove(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := int32(c.ticket >> 32) //nolint:gosec // it was one
	s := &p.stalls[i]
	_ = c.raw.Control(p.set.remove) // a closed socket is out already
	if s.at >= 0 {
		p.drop(s.at)
	}
	s.c = nil
	if p.free = append(p.free, i); len(p.free) == len(p.stalls) {
		p.stalls, p.free, p.heap = p.stalls[:0:0], nil, nil
		p.set.wakeAt(past)
	}
}

// called is one whom the parker has to call.
type call struct {
	c      *Conn
	ticket uint64
}

// run waits, and calls those for whom something has come or whose time has.
func (p *parker) run() {
	var calls []call
	for {
		n, err := p.set.wait()
		var over bool
		if calls, over = p.collect(calls[:0], n, err); over {
			return
		}
		calm := true
		if len(calls) < inARow {
			p.crowd.row = 0
		}
		for i, k := range calls {
			calls[i] = call{}
			k.c.called(k.ticket)
			calm = calm && (len(calls) == 1 || p.crowd.next())
		}
	}
}

// collect looks up who is to be called. Over says that nobody is left: the
// goroutine ends, and the next to park starts another.
func (p *parker) collect(calls []call, n int, err error) (_ []call, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.EINTR) {
		p.broken = true // all of them get a goroutine again
		for i, s := range p.stalls {
			if s.c != nil {
				calls = append(calls, call{s.c, ticketOf(int32(i), s.turn)})
			}
		}
	}
	for k := range n {
		i, turn := p.set.event(k)
		if int(i) < len(p.stalls) && p.stalls[i].c != nil && p.stalls[i].turn == turn {
			calls = append(calls, call{p.stalls[i].c, ticketOf(i, turn)})
		}
	}
	for now := time.Since(p.since); len(p.heap) > 0 && p.stalls[p.heap[0]].due <= now; {
		i := p.heap[0]
		p.drop(0)
		calls = append(calls, call{p.stalls[i].c, ticketOf(i, p.stalls[i].turn)})
	}
	next := time.Time{}
	if len(p.heap) > 0 {
		next = p.since.Add(p.stalls[p.heap[0]].due)
	}
	p.set.wakeAt(next)
	p.running = len(p.free) < len(p.stalls)
	return calls, !p.running && len(calls) == 0
}

// push puts a stall into the heap.
func (p *parker) push(i int32) {
	p.heap = append(p.heap, i)
	p.up(len(p.heap) - 1)
}

// drop takes the stall at a place of the heap out of it.
func (p *parker) drop(at int32) {
	last := len(p.heap) - 1
	p.stalls[p.heap[at]].at = -1
	moved := p.heap[last]
	p.heap = p.heap[:last]
	if int(at) == last {
		return
	}
	p.heap[at] = moved
	p.down(p.up(int(at)))
}

// up moves what is too low, and returns where it is then.
func (p *parker) up(at int) int {
	i := p.heap[at]
	for at > 0 {
		above := (at - 1) / 2
		if p.stalls[p.heap[above]].due <= p.stalls[i].due {
			break
		}
		p.put(at, p.heap[above])
		at = above
	}
	p.put(at, i)
	return at
}

// down moves what is too high.
func (p *parker) down(at int) {
	i := p.heap[at]
	for {
		below := 2*at + 1
		if below >= len(p.heap) {
			break
		}
		if below+1 < len(p.heap) && p.stalls[p.heap[below+1]].due < p.stalls[p.heap[below]].due {
			below++
		}
		if p.stalls[i].due <= p.stalls[p.heap[below]].due {
			break
		}
		p.put(at, p.heap[below])
		at = below
	}
	p.put(at, i)
}

func (p *parker) put(at int, i int32) {
	p.heap[at] = i
	p.stalls[i].at = int32(at) //nolint:gosec // fewer than sockets
}
