// SPDX-License-Identifier: Apache-2.0

package register

import (
	"container/list"
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/slot"
	"tercet/core/stanza"
)

// networks are addresses and networks.
type networks []netip.Prefix

// UnmarshalConfig reads a string or a list of them.
func (n *networks) UnmarshalConfig(v config.Value) error {
	items := []config.Value{v}
	if v.Kind() == config.Table {
		items = v.List()
	}
	all := networks{}
	for _, item := range items {
		p, ok := parseNetwork(item.Str())
		if item.Kind() != config.String || !ok {
			return config.Errorf(item, `want an address or a network such as "192.0.2.0/24", got %s`, item)
		}
		all = append(all, p)
	}
	*n = all
	return nil
}

// String is the list as a default is shown.
func (n networks) String() string {
	var list []string
	for _, p := range n {
		if p.IsSingleIP() {
			list = append(list, p.Addr().String())
		} else {
			list = append(list, p.String())
		}
	}
	return strings.Join(list, ", ")
}

func parseNetwork(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	return netip.PrefixFrom(a.WithZone("").Unmap(), a.Unmap().BitLen()), err == nil
}

func mustNetworks(list ...string) networks {
	var all networks
	for _, s := range list {
		p, _ := parseNetwork(s)
		all = append(all, p)
	}
	return all
}

func (n networks) contain(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

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

// limit refuses by address (user-registering).
func (m *register) limit(_ context.Context, ev *Event) ext.Verdict {
	switch {
	case ev.Err != nil:
	case m.Blocked.contain(ev.Remote) || m.limits.isBlocked(ev.Remote):
		ev.Err = stanza.Fail(stanza.Forbidden, "Your IP address is blocklisted")
	case m.Allowed.contain(ev.Remote):
		return ext.Next
	case m.AllowedOnly:
		ev.Err = stanza.Fail(stanza.Forbidden, "Your IP address is not allowlisted")
	case m.Max > 0 && !m.limits.take(ev.Remote, m.options, time.Now()):
		ev.Err = stanza.Fail(stanza.PolicyViolation, "Too many registrations from this IP address recently")
		ev.Err.Type = "wait"
	}
	return ext.Verdict(ev.Err != nil)
}

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
