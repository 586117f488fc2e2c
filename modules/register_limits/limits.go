// SPDX-License-Identifier: Apache-2.0

package register_limits

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"tercet/core/slot"
)

// limits remembers the attempts of addresses. It outlives a reload.
type limits struct {
	mu      sync.Mutex // guards what follows
	order   list.List  // of *bucket, used last in front
	buckets map[netip.Prefix]*list.Element
	blocked map[netip.Prefix]bool // by overload
}

// A bucket holds how many attempts are left, and since when.
type bucket struct {
	from netip.Prefix
	left float64
	at   time.Time
}

var perHost = slot.New[limits]("register-limits")

// maxBlocked bounds what overload may block.
const maxBlocked = 10_000

// neighbourhood is what counts as one address: an IPv6 subscriber has a /64.
func neighbourhood(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero address gives the zero prefix, which is one of its own
	return p
}

func (l *limits) isBlocked(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blocked[neighbourhood(a)]
}

// take counts an attempt and reports whether it may be made.
func (l *limits) take(a netip.Addr, o options, now time.Time) bool {
	from := neighbourhood(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets == nil {
		l.buckets, l.blocked = make(map[netip.Prefix]*list.Element), make(map[netip.Prefix]bool)
	}
	e := l.buckets[from]
	if e == nil {
		e = l.order.PushFront(&bucket{from, float64(o.Max), now})
		l.buckets[from] = e
		l.forget(o, now)
	}
	l.order.MoveToFront(e)
	b, _ := e.Value.(*bucket)
	b.fill(o, now)
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// fill gives back what the time since the last attempt allows.
func (b *bucket) fill(o options, now time.Time) {
	b.left = min(float64(o.Max), b.left+float64(o.Max)*now.Sub(b.at).Seconds()/o.Period.Seconds())
	b.at = now
}

// forget makes room: the address that was used longest ago goes.
func (l *limits) forget(o options, now time.Time) {
	for l.order.Len() > o.Addresses {
		last := l.order.Back()
		b, _ := l.order.Remove(last).(*bucket)
		delete(l.buckets, b.from)
		if b.fill(o, now); o.Overload && b.left < 1 && len(l.blocked) < maxBlocked {
			l.blocked[b.from] = true
		}
	}
}
