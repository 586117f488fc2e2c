// SPDX-License-Identifier: Apache-2.0

package sasl

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// maxAddresses bounds how many addresses are remembered for a host; the ones
// that failed longest ago are forgotten first.
const maxAddresses = 1 << 16

// attempts counts failed logins by address. It belongs to a host and outlives
// a reload of the module. Its zero value is ready.
type attempts struct {
	mu    sync.Mutex // guards what follows
	at    map[netip.Prefix]*list.Element
	order list.List // of *guesser, the newest failure in front
}

type guesser struct {
	network netip.Prefix
	first   time.Time // failure of those that are counted
	count   int
	banned  time.Time // until then
}

// network is what counts as one address: an IPv6 user has a /64.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // fails for lengths only that an address does not have
	return p
}

// banned reports until when an address may not try.
func (t *attempts) banned(a netip.Addr, now time.Time) (until time.Time, yes bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.at[network(a)]
	if e == nil {
		return until, false
	}
	g := e.Value.(*guesser) //nolint:forcetypeassert // failed stores nothing else
	return g.banned, now.Before(g.banned)
}

// failed counts a failure. With the limit-th one within the period the address
// is banned for as long; then, and only then, it returns true.
func (t *attempts) failed(a netip.Addr, now time.Time, limit int, period time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.guesser(network(a))
	if now.Before(g.banned) {
		return false // on a stream that was there before
	}
	if now.Sub(g.first) > period {
		g.first, g.count = now, 0
	}
	if g.count++; g.count < limit {
		return false
	}
	g.banned, g.count, g.first = now.Add(period), 0, time.Time{}
	return true
}

func (t *attempts) guesser(n netip.Prefix) *guesser {
	if e := t.at[n]; e != nil {
		t.order.MoveToFront(e)
		return e.Value.(*guesser) //nolint:forcetypeassert // nothing else is stored
	}
	if t.at == nil {
		t.at = make(map[netip.Prefix]*list.Element)
	}
	g := &guesser{network: n}
	t.at[n] = t.order.PushFront(g)
	if last := t.order.Back(); t.order.Len() > maxAddresses {
		delete(t.at, t.order.Remove(last).(*guesser).network) //nolint:forcetypeassert // nothing else is stored
	}
	return g
}
