// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"sync/atomic"
	"time"

	"tercet/core/metric"
)

// WaitBounds are the ends of the buckets for waits for the lock, in seconds:
// what did not wait is in the first, and what had to wait for a handler at work
// in those around the limit of one.
var WaitBounds = []float64{1e-6, 4e-6, 16e-6, 64e-6, 256e-6, 1e-3, 4e-3, 16e-3, 64e-3, 0.25, 1, 4}

// MeasureWaits has h told how long each entry into Lua has waited for the lock,
// in seconds.
func (u *Universe) MeasureWaits(h *metric.Histogram) { u.waited.to.Store(h) }

// histogram counts waits for the lock.
type histogram struct {
	to atomic.Pointer[metric.Histogram]
}

func (h *histogram) add(d time.Duration) {
	if to := h.to.Load(); to != nil {
		to.Observe(d.Seconds())
	}
}
