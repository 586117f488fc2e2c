// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// quietPeriod without a collection means that next to nothing is allocated.
	quietPeriod = 30 * time.Second
	// quietGain is the memory that is worth a collection nobody needs.
	quietGain = 8 << 20
)

// gcPercent bounds garbage to half of what lives, or to gcRoom where that is
// more, unless GOGC says otherwise: a flood of stanzas then stays within its
// memory, and a small server does not collect all the time. Half of little
// costs: a message over TLS, 16 in flight, 5.3 us of CPU against 4.4.
const (
	gcPercent = 50
	gcRoom    = 16 << 20
)

// collectEarly sets how much garbage may pile up, now and after each
// collection.
func collectEarly() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		tuneAfter(gcPercent)
	}
}

// tuneAfter sets the percentage anew when the next collection is over, if it
// differs by much: that stops the world for a moment.
func tuneAfter(percent int) {
	runtime.AddCleanup(new([16]byte), func(percent int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		if want := percentOf(live[0].Value.Uint64()); max(want, percent)-min(want, percent) > percent/8 {
			debug.SetGCPercent(want)
			percent = want
		}
		tuneAfter(percent)
	}, percent)
}

// percentOf leaves so much room above what lives.
func percentOf(live uint64) int {
	return max(gcPercent, int(gcRoom*100/max(live, gcRoom/4))) //nolint:gosec // at most 400
}

// giveBack returns memory to the system when the server has nothing to do:
// what a burst of logins, or the start, has left behind is else kept.
func giveBack(ctx context.Context) {
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
	grown := uint64(0)
	if m.HeapAlloc > q.heap {
		grown = m.HeapAlloc - q.heap
	}
	return calm && held+grown > quietGain
}

func (q *quiet) done(m *runtime.MemStats) { q.collections, q.heap = m.NumGC, m.HeapAlloc }
