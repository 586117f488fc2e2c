// SPDX-License-Identifier: Apache-2.0

package register_limits

import (
	"net/netip"
	"testing"
	"time"

	"tercet/config"
)

func TestTake(t *testing.T) {
	o := options{Max: 2, Period: time.Hour, Addresses: 2}
	start := time.Unix(1_700_000_000, 0)
	var l limits
	for _, step := range []struct {
		name  string
		from  string
		after time.Duration
		want  bool
	}{
		{"the first", "192.0.2.1", 0, true},
		{"the second", "192.0.2.1", 0, true},
		{"one too many", "192.0.2.1", time.Minute, false},
		{"mapped to IPv6, the same", "::ffff:192.0.2.1", time.Minute, false},
		{"another address", "192.0.2.2", time.Minute, true},
		{"half a period gives one back", "192.0.2.1", 31 * time.Minute, true},
		{"and no more", "192.0.2.1", 31 * time.Minute, false},
		{"IPv6", "2001:db8::1", 32 * time.Minute, true},
		{"its neighbour is the same", "2001:db8::2", 32 * time.Minute, true},
		{"and so is a third", "2001:db8::3", 32 * time.Minute, false},
		{"the next network is not", "2001:db8:0:1::1", 32 * time.Minute, true},
		{"which was one address too many to remember: the first starts afresh", "192.0.2.1", 32 * time.Minute, true},
	} {
		if got := l.take(netip.MustParseAddr(step.from), o, start.Add(step.after)); got != step.want {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
	if len(l.buckets) > o.Addresses || l.order.Len() != len(l.buckets) {
		t.Errorf("%d and %d addresses are remembered, want %d", len(l.buckets), l.order.Len(), o.Addresses)
	}
}

func TestOverload(t *testing.T) {
	o := options{Max: 1, Period: time.Hour, Addresses: 1, Overload: true}
	now := time.Unix(1_700_000_000, 0)
	var l limits
	bad, good := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	l.take(bad, o, now)
	l.take(bad, o, now)
	l.take(good, o, now)
	if !l.isBlocked(bad) || l.isBlocked(good) {
		t.Errorf("blocked: got %v, %v, want the one over its limit alone", l.isBlocked(bad), l.isBlocked(good))
	}
	l.take(bad, o, now.Add(3*time.Hour)) // good is forgotten, long after its attempt
	if l.isBlocked(good) {
		t.Error("an address within its limit was blocked")
	}
}

func TestNetworks(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   any
		addr string
		want bool
		bad  bool
	}{
		{"an address", "192.0.2.1", "192.0.2.1", true, false},
		{"another", "192.0.2.1", "192.0.2.2", false, false},
		{"a network", "192.0.2.0/24", "192.0.2.2", true, false},
		{"a network by one of its addresses", "192.0.2.77/24", "::ffff:192.0.2.2", true, false},
		{"IPv6", "2001:db8::/32", "2001:db8:1::1", true, false},
		{"a zone does not matter", "fe80::/10", "fe80::1%eth0", true, false},
		{"no address", "localhost", "", false, true},
		{"a number", 5.0, "", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var n networks
			err := n.UnmarshalConfig(config.Of(config.Pos{}, tt.in))
			if (err != nil) != tt.bad {
				t.Fatal("error:", err)
			}
			if err == nil && n.contain(netip.MustParseAddr(tt.addr)) != tt.want {
				t.Errorf("contain %s: got %v", tt.addr, !tt.want)
			}
		})
	}
}
