// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// quietPeriod without a collection means that next to nothing is allocated.
	quietPeriod = 30 * time.Second
	// quietGain is the memory that is worth a collection nobody needs.
	quietGain = 8 << 20
)

// GiveBack returns memory to the system when the server has nothing to do:
// what a burst of logins, or the start, has left behind is else kept.
func GiveBack(ctx context.Context) {
	forgetCode()
	t := time.NewTicker(quietPeriod)
	defer t.Stop()
	var q quiet
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if q.due(&m) {
				debug.FreeOSMemory()
				forgetCode()
				runtime.ReadMemStats(&m)
				q.done(&m)
			}
		}
	}
}

// quiet decides when a collection gives something back and disturbs nobody.
type quiet struct {
	collections uint32
	heap        uint64 // in use after the last time
}

// due reports whether there was no collection in the last period, and whether
// there is something to gain: pages that are held, or allocations since.
func (q *quiet) due(m *runtime.MemStats) bool {
	calm := m.NumGC == q.collections
	q.collections = m.NumGC
	held := m.HeapIdle - m.HeapReleased
	grown := m.HeapAlloc - min(q.heap, m.HeapAlloc)
	return calm && held+grown > quietGain
}

func (q *quiet) done(m *runtime.MemStats) { q.collections, q.heap = m.NumGC, m.HeapAlloc }
