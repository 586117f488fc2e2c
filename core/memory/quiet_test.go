// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"runtime"
	"testing"
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
