// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

func TestLimitKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":           "192.0.2.1",
		"::ffff:192.0.2.1":    "192.0.2.1",
		"2001:db8:1:2:3::4":   "2001:db8:1:2::",
		"2001:db8:1:2:ffff::": "2001:db8:1:2::",
		"fe80::1%eth0":        "fe80::",
	} {
		if got := limitKey(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestLimiter(t *testing.T) {
	const a, b, neighbour = "2001:db8::1", "2001:db8:0:1::1", "2001:db8::2"
	start := time.Unix(1e9, 0)
	type step struct {
		addr  string
		after time.Duration // since the last step
		leave bool
		want  refusal
	}
	tests := []struct {
		name  string
		spec  Spec
		steps []step
	}{
		{"connections", Spec{MaxPerAddress: 2}, []step{
			{a, 0, false, ""},
			{neighbour, 0, false, ""},
			{a, 0, false, tooMany},
			{b, 0, false, ""},
			{neighbour, 0, true, ""},
			{a, 0, false, ""},
			{a, time.Hour, false, tooMany},
		}},
		{"rate", Spec{Rate: 2, Burst: 3}, []step{
			{a, 0, false, ""},
			{a, 0, false, ""},
			{a, 0, false, ""},
			{a, 0, false, tooFast},
			{b, 0, false, ""},
			{a, 400 * time.Millisecond, false, tooFast},
			{a, 100 * time.Millisecond, false, ""},
			{a, 0, false, tooFast},
			{a, time.Hour, false, ""},
			{a, 0, false, ""},
			{a, 0, false, ""},
			{a, 0, false, tooFast},
		}},
		{"leaving does not help against the rate", Spec{Rate: 1, Burst: 1}, []step{
			{a, 0, false, ""}, {a, 0, true, ""}, {a, 0, false, tooFast}, {a, time.Second, false, ""},
		}},
		{"a clock that goes back", Spec{Rate: 1, Burst: 1}, []step{
			{a, 0, false, ""}, {a, -time.Hour, false, tooFast}, {a, time.Hour + time.Second, false, ""},
		}},
		{"both", Spec{MaxPerAddress: 1, Rate: 1, Burst: 5}, []step{{a, 0, false, ""}, {a, 0, false, tooMany}}},
		{"burst of none is one", Spec{Rate: 1}, []step{{a, 0, false, ""}, {a, 0, false, tooFast}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, now := newLimiter(), start
			for i, s := range tt.steps {
				now = now.Add(s.after)
				addr := netip.MustParseAddr(s.addr)
				if s.leave {
					l.leave(limitKey(addr))
					continue
				}
				key, got := l.enter(addr, tt.spec, now)
				if got != s.want {
					t.Errorf("step %d: got %q, want %q", i, got, s.want)
				}
				if (got == "") != key.IsValid() {
					t.Errorf("step %d: key %v with %q", i, key, got)
				}
			}
		})
	}
}

// Many addresses that come and go leave a bounded table, and those that
// are still connected stay counted.
func TestLimiterForgets(t *testing.T) {
	l, now := newLimiter(), time.Unix(1e9, 0)
	spec := Spec{MaxPerAddress: 1, Rate: 1000, Burst: 1}
	stays := netip.MustParseAddr("192.0.2.1")
	l.enter(stays, spec, now)
	var b [16]byte
	most := 0
	for i := range uint64(200_000) {
		now = now.Add(10 * time.Microsecond) // 100,000 a second
		binary.BigEndian.PutUint64(b[:8], 0x2001<<48|i)
		if key, why := l.enter(netip.AddrFrom16(b), spec, now); why == "" && key.IsValid() {
			l.leave(key)
		}
		most = max(most, len(l.peers))
	}
	if most > 5000 {
		t.Errorf("%d addresses were kept", most)
	}
	if _, why := l.enter(stays, spec, now); why != tooMany {
		t.Errorf("the connected address was forgotten: %q", why)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l, now := newLimiter(), time.Unix(1e9, 0)
	spec := Spec{MaxPerAddress: 1}
	var b [16]byte
	for i := range uint64(maxPeers + 1000) { // none of them leaves
		binary.BigEndian.PutUint64(b[:8], 0x2001<<48|i)
		if _, why := l.enter(netip.AddrFrom16(b), spec, now); why != "" {
			t.Fatalf("address %d: %s", i, why)
		}
	}
	if len(l.peers) != maxPeers {
		t.Errorf("%d addresses are kept, want %d", len(l.peers), maxPeers)
	}
}

func TestLimiterWithoutRateKeepsNothing(t *testing.T) {
	l := newLimiter()
	key, _ := l.enter(netip.MustParseAddr("192.0.2.1"), Spec{MaxPerAddress: 1}, time.Now())
	l.leave(key)
	l.leave(key)
	if len(l.peers) != 0 {
		t.Errorf("%d addresses are kept", len(l.peers))
	}
}

func TestRefusalsAreReportedOnceAMinute(t *testing.T) {
	l, now := newLimiter(), time.Unix(1e9, 0)
	var got []int
	for range 5 {
		got = append(got, l.report(now))
	}
	got = append(got, l.report(now.Add(time.Minute)))
	if want := []int{1, 0, 0, 0, 0, 5}; len(got) != 6 || got[0] != want[0] || got[4] != want[4] || got[5] != want[5] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func BenchmarkLimiter(b *testing.B) {
	l, addr, spec := newLimiter(), netip.MustParseAddr("2001:db8::1"), Spec{MaxPerAddress: 100, Rate: 1 << 30, Burst: 1 << 20}
	for b.Loop() {
		if key, why := l.enter(addr, spec, time.Now()); why == "" {
			l.leave(key)
		}
	}
}
