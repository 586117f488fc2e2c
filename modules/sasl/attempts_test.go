// SPDX-License-Identifier: Apache-2.0

package sasl

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func TestNetwork(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"192.0.2.1", "::ffff:192.0.2.1"},
		{"2001:db8::1", "2001:db8::ffff:1"},
		{"fe80::1%eth0", "fe80::2"},
	} {
		if a, b := network(netip.MustParseAddr(c.a)), network(netip.MustParseAddr(c.b)); a != b || !a.IsValid() {
			t.Errorf("%s is %v, %s is %v; want the same", c.a, a, c.b, b)
		}
	}
	if a, b := network(netip.MustParseAddr("2001:db8::1")), network(netip.MustParseAddr("2001:db8:0:1::1")); a == b {
		t.Errorf("two networks are %v", a)
	}
}

func TestAttempts(t *testing.T) {
	var at attempts
	addr, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	fail := func(after time.Duration, want bool) {
		t.Helper()
		if got := at.failed(addr, start.Add(after), 3, time.Hour); got != want {
			t.Errorf("after %v: banned now %v, want %v", after, got, want)
		}
	}
	banned := func(a netip.Addr, after time.Duration, want bool) {
		t.Helper()
		if _, got := at.banned(a, start.Add(after)); got != want {
			t.Errorf("after %v: %v banned %v, want %v", after, a, got, want)
		}
	}
	banned(addr, 0, false)
	fail(0, false)
	fail(time.Minute, false)
	banned(addr, time.Minute, false)
	fail(61*time.Minute, false) // the hour of the first is over: it counts anew
	fail(62*time.Minute, false)
	fail(63*time.Minute, true)
	banned(addr, 63*time.Minute, true)
	banned(other, 63*time.Minute, false)
	fail(64*time.Minute, false) // from a stream that was open before
	banned(addr, 122*time.Minute, true)
	banned(addr, 123*time.Minute, false)
	fail(124*time.Minute, false)
	fail(125*time.Minute, false)
	fail(126*time.Minute, true)
	if until, _ := at.banned(addr, start.Add(127*time.Minute)); !until.Equal(start.Add(186 * time.Minute)) {
		t.Errorf("banned until %v", until)
	}
}

// Whoever has a whole IPv6 network cannot fill the memory.
func TestAttemptsBounded(t *testing.T) {
	var at attempts
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range maxAddresses + 1000 {
		a := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		at.failed(a, now, 1, time.Hour)
	}
	if len(at.at) != maxAddresses || at.order.Len() != maxAddresses {
		t.Errorf("%d addresses are kept, %d in order; want %d", len(at.at), at.order.Len(), maxAddresses)
	}
	last := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, byte((maxAddresses + 999) >> 16), byte((maxAddresses + 999) >> 8 & 0xff), byte((maxAddresses + 999) & 0xff)})
	if _, yes := at.banned(last, now); !yes {
		t.Error("the newest is forgotten")
	}
}

// However many streams fail at once, the limit-th of them is the one that bans.
func TestAttemptsHammer(t *testing.T) {
	var at attempts
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var wg sync.WaitGroup
	var mu sync.Mutex
	bans := 0
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				a := netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", j%10))
				if at.failed(a, now, 80, time.Hour) {
					mu.Lock()
					bans++
					mu.Unlock()
				}
				at.banned(a, now)
				_ = i
			}
		})
	}
	wg.Wait()
	if bans != 10 { // 8 goroutines, 10 failures each of 10 addresses
		t.Errorf("%d bans, want 10", bans)
	}
}

func BenchmarkBanned(b *testing.B) {
	var at attempts
	now := time.Now()
	addr := netip.MustParseAddr("2001:db8::1")
	at.failed(addr, now, 20, time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		at.banned(addr, now)
	}
}
