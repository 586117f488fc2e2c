// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

func TestMemoryIsGivenBackWhenQuiet(t *testing.T) {
	const mb = 1 << 20
	tests := []struct {
		name string
		m    runtime.MemStats
		want bool
	}{
		{"busy: a collection ran since", runtime.MemStats{NumGC: 1, HeapIdle: 90 * mb}, false},
		{"quiet, pages are held", runtime.MemStats{NumGC: 1, HeapIdle: 90 * mb}, true},
		{"quiet, they are given back already", runtime.MemStats{NumGC: 1, HeapIdle: 90 * mb, HeapReleased: 89 * mb}, false},
		{"quiet, garbage has come up", runtime.MemStats{NumGC: 1, HeapAlloc: 60 * mb}, true},
	}
	var q quiet
	for _, tt := range tests {
		if got := q.due(&tt.m); got != tt.want {
			t.Errorf("%s: due = %v, want %v", tt.name, got, tt.want)
		}
	}
	q.done(&runtime.MemStats{NumGC: 2, HeapAlloc: 60 * mb})
	if q.due(&runtime.MemStats{NumGC: 2, HeapAlloc: 61 * mb}) {
		t.Error("due again though nothing has changed")
	}
}

// TestGarbageHasRoom: half of what lives, at least gcRoom, and not everything
// while next to nothing does.
func TestGarbageHasRoom(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 8 << 20: 200, 16 << 20: 100, 32 << 20: 50, 1 << 30: 50} {
		if got := percentOf(live); got != want {
			t.Errorf("with %d MiB: %d %%, want %d", live>>20, got, want)
		}
	}
}

// TestTuned: a collection is followed by the percentage that what it left asks
// for, each time.
func TestTuned(t *testing.T) {
	old := debug.SetGCPercent(10)
	defer debug.SetGCPercent(old)
	tuneAfter(10)
	ballast := make([]byte, 64<<20)
	is := func() int {
		n := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(n)
		return int(n[0].Value.Uint64())
	}
	wait := func(what string, ok func(percent int) bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(is()); runtime.Gosched() {
			if runtime.GC(); time.Now().After(end) {
				t.Fatalf("%s: it is %d", what, is())
			}
		}
	}
	wait("much lives", func(n int) bool { return n == gcPercent })
	runtime.KeepAlive(ballast)
	wait("little lives", func(n int) bool { return n > 2*gcPercent })
}

// TestCodeIsForgotten has this program run on without the pages that it had.
func TestCodeIsForgotten(t *testing.T) {
	mapped := func() (kb int) {
		b, err := os.ReadFile("/proc/self/smaps_rollup")
		if err != nil {
			t.Skip("needs /proc/self/smaps_rollup (Linux)")
		}
		for line := range strings.Lines(string(b)) {
			_, _ = fmt.Sscanf(line, "Pss_File: %d", &kb)
		}
		return kb
	}
	before := mapped()
	forgetCode()
	if after := mapped(); after > before/2 {
		t.Errorf("%d KiB of files are mapped, before %d", after, before)
	}
}
