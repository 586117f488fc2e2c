// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"testing"
	"time"
)

func TestShaper(t *testing.T) {
	start := time.Unix(1000, 0)
	type step struct {
		after time.Duration // since the step before
		bytes int
		want  time.Duration
	}
	tests := []struct {
		name        string
		rate, burst int
		steps       []step
	}{
		{"no limit", 0, 0, []step{{0, 1 << 30, 0}}},
		{"the burst is free", 1000, 2000, []step{{0, 2000, 0}, {0, 500, 500 * time.Millisecond}}},
		{"what is overdrawn is waited for", 1000, 1000, []step{{0, 4000, 3 * time.Second}, {3 * time.Second, 0, 0}, {0, 1, time.Millisecond}}},
		{"at most a burst is saved up", 1000, 1000, []step{{0, 1000, 0}, {time.Hour, 1500, 500 * time.Millisecond}}},
		{"a burst below the rate", 1000, 100, []step{{0, 100, 0}, {50 * time.Millisecond, 100, 50 * time.Millisecond}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b shaper
			b.set(tt.rate, tt.burst)
			now := start
			for i, s := range tt.steps {
				now = now.Add(s.after)
				got := b.take(s.bytes, now)
				if diff := (got - s.want).Abs(); diff > time.Microsecond {
					t.Errorf("step %d: wait %v, want %v", i, got, s.want)
				}
			}
		})
	}
}
