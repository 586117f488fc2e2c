// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// waitBuckets are the upper ends of the buckets: none, then 1 us, 4 us, 16 us
// and so on up to 4 s, then what is longer.
const waitBuckets = 14

// histogram counts waits for the lock.
type histogram struct {
	counts [waitBuckets]atomic.Uint64
	nanos  atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	if d == 0 {
		h.counts[0].Add(1)
		return
	}
	at := 1 + (bits.Len64(uint64(d/time.Microsecond))+1)/2 //nolint:gosec // no wait is negative
	h.counts[min(at, waitBuckets-1)].Add(1)
	h.nanos.Add(int64(d))
}

// Waits tells how long entries waited for the lock since the universe was made.
type Waits struct {
	// Bounds are the upper ends of the buckets; the last has none.
	Bounds [waitBuckets - 1]time.Duration
	// Counts are the entries in each bucket, not added up; the first holds
	// those that did not wait.
	Counts [waitBuckets]uint64
	// Total is how long all of them waited together.
	Total time.Duration
}

// Waits returns the histogram of waits for the interpreter lock.
func (u *Universe) Waits() Waits {
	w := Waits{Total: time.Duration(u.waited.nanos.Load())}
	for i := range w.Counts {
		w.Counts[i] = u.waited.counts[i].Load()
		if i > 0 && i < len(w.Bounds) {
			w.Bounds[i] = time.Microsecond << (2 * (i - 1))
		}
	}
	return w
}
