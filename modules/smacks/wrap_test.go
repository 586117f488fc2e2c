// SPDX-License-Identifier: Apache-2.0

package smacks

import (
	"sync/atomic"
	"testing"

	"tercet/core/stream"
)

func TestCountsWrap(t *testing.T) {
	for _, c := range []struct {
		name   string
		acked  uint32
		queued int
		h      uint32
		left   int
		high   bool
	}{
		{"nothing new", 7, 3, 7, 3, false},
		{"some", 7, 3, 9, 1, false},
		{"all", 7, 3, 10, 0, false},
		{"too many", 7, 3, 11, 3, true},
		{"fewer than before", 7, 3, 6, 3, true},
		{"up to the end", 1<<32 - 2, 3, 1<<32 - 1, 2, false},
		{"over the end", 1<<32 - 2, 3, 0, 1, false},
		{"all over the end", 1<<32 - 2, 3, 1, 0, false},
		{"too many over the end", 1<<32 - 2, 3, 2, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := queue{acked: c.acked, list: make([]kept, c.queued), ns: ns3, sum: new(atomic.Int64)}
			cause := q.acknowledge(c.h)
			if (cause != nil) != c.high || len(q.list) != c.left {
				t.Fatalf("got %v and %d left, want %d", cause, len(q.list), c.left)
			}
			if !c.high && q.acked != c.h {
				t.Errorf("got %d acknowledged, want %d", q.acked, c.h)
			}
			if c.high && (cause.Condition != stream.UndefinedCondition || cause.App.Attr("send-count") != count(c.acked+uint32(c.queued))) {
				t.Errorf("got %v with %s", cause, cause.App)
			}
		})
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"0", "4294967295", "4294967296", "-1", "+1", "", "1e3", " 1", "01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parseCount(s); ok && s[0] != '0' && count(n) != s {
			t.Errorf("%q is read as %d", s, n)
		}
	})
}
