// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"os"
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

// gcPercent bounds garbage to half of what lives, where GOGC does not say
// otherwise: a flood of stanzas then stays within its memory. It is not free: a
// message over TLS, 16 in flight, costs 5.3 us of CPU against 4.4 at 100.
const gcPercent = 50

// collectEarly sets how much garbage may pile up.
func collectEarly() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// giveBack returns memory to the system when the server has nothing to do:
// what a burst of logins has left behind is else kept for the next one.
func giveBack(ctx context.Context) {
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
	grown := uint64(0)
	if m.HeapAlloc > q.heap {
		grown = m.HeapAlloc - q.heap
	}
	return calm && held+grown > quietGain
}

func (q *quiet) done(m *runtime.MemStats) { q.collections, q.heap = m.NumGC, m.HeapAlloc }
