// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/bits"
	"sync/atomic"
)

// hist is a log-linear histogram of microseconds (32 steps per octave, so
// about 3 % resolution), safe for concurrent adds.
type hist struct {
	b [40 * 32]atomic.Int64
	n atomic.Int64
}

func bucket(us int64) int {
	us = max(0, us)
	if us < 32 {
		return int(us)
	}
	e := bits.Len64(uint64(us)) - 6 // us>>e is in [32,64)
	return min(e*32+int(us>>e), 40*32-1)
}

// upper is the middle of a bucket.
func upper(i int) int64 {
	if i < 64 {
		return int64(i)
	}
	e := i/32 - 1
	return int64(i%32+32)<<e + (int64(1)<<e)/2
}

func (h *hist) add(us int64) {
	h.b[bucket(us)].Add(1)
	h.n.Add(1)
}

func (h *hist) quantile(p float64) int64 {
	n := h.n.Load()
	if n == 0 {
		return 0
	}
	want := min(int64(p*float64(n)), n-1)
	var c int64
	for i := range h.b {
		c += h.b[i].Load()
		if c > want {
			return upper(i)
		}
	}
	return 0
}

func (h *hist) reset() {
	for i := range h.b {
		h.b[i].Store(0)
	}
	h.n.Store(0)
}
