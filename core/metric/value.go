// SPDX-License-Identifier: Apache-2.0

package metric

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// Counter only grows. Its zero value is ready.
type Counter struct{ n atomic.Uint64 }

// Inc adds one.
func (c *Counter) Inc() { c.n.Add(1) }

// Add adds n.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Value is what was counted so far.
func (c *Counter) Value() uint64 { return c.n.Load() }

func (c *Counter) each(yield func(suffix, le string, value float64)) {
	yield("_total", "", float64(c.n.Load()))
}

// Sharded is a Counter spread over cache lines: cores that count at once do
// not wait for each other. It costs half a kilobyte a core and a
// slower Value.
type Sharded struct {
	mask   uint32
	shards []shard
}

// shard fills two cache lines, since the prefetcher fetches them in pairs.
type shard struct {
	n atomic.Uint64
	_ [120]byte
}

func newSharded() *Sharded {
	// Four shards a core, so that two cores seldom draw the same one.
	n := 4 << bits.Len(uint(min(runtime.NumCPU(), 64)-1))
	return &Sharded{mask: uint32(n - 1), shards: make([]shard, n)} //nolint:gosec // n is at most 256
}

// Inc adds one.
func (s *Sharded) Inc() { s.Add(1) }

// Add adds n.
func (s *Sharded) Add(n uint64) {
	s.shards[rand.Uint32()&s.mask].n.Add(n) //nolint:gosec // spreads load, guards nothing
}

// Value is what was counted so far.
func (s *Sharded) Value() uint64 {
	var sum uint64
	for i := range s.shards {
		sum += s.shards[i].n.Load()
	}
	return sum
}

func (s *Sharded) each(yield func(suffix, le string, value float64)) {
	yield("_total", "", float64(s.Value()))
}

// Gauge goes up and down. Its zero value is ready.
type Gauge struct{ n atomic.Int64 }

// Inc adds one.
func (g *Gauge) Inc() { g.n.Add(1) }

// Dec takes one away.
func (g *Gauge) Dec() { g.n.Add(-1) }

// Add adds n, which may be negative.
func (g *Gauge) Add(n int64) { g.n.Add(n) }

// Set makes it n.
func (g *Gauge) Set(n int64) { g.n.Store(n) }

// Value is its present value.
func (g *Gauge) Value() int64 { return g.n.Load() }

func (g *Gauge) each(yield func(suffix, le string, value float64)) {
	yield("", "", float64(g.n.Load()))
}

// funcs is a metric that a function gives at each scrape.
type funcs struct {
	suffix string
	fn     atomic.Pointer[func() float64]
}

func (f *funcs) set(fn func() float64) (remove func()) {
	p := &fn
	f.fn.Store(p)
	return func() { f.fn.CompareAndSwap(p, nil) }
}

func (f *funcs) each(yield func(suffix, le string, value float64)) {
	if fn := f.fn.Load(); fn != nil {
		yield(f.suffix, "", (*fn)())
	}
}

// Histogram counts values in buckets.
type Histogram struct {
	bounds []float64 // ascending, finite
	labels []string  // the bounds as le values, then +Inf
	counts []atomic.Uint64
	sum    atomic.Uint64 // bits of a float64
}

// Seconds are bounds for how long requests take: 100 us to 30 s.
var Seconds = []float64{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30}

func newHistogram(bounds []float64) *Histogram {
	b := make([]float64, 0, len(bounds))
	for _, v := range bounds {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			b = append(b, v)
		}
	}
	slices.Sort(b)
	b = slices.Compact(b)
	h := &Histogram{bounds: b, counts: make([]atomic.Uint64, len(b)+1)}
	for _, v := range b {
		h.labels = append(h.labels, string(appendFloat(nil, v)))
	}
	h.labels = append(h.labels, "+Inf")
	return h
}

// Observe counts v; NaN is not counted.
func (h *Histogram) Observe(v float64) {
	if math.IsNaN(v) {
		return
	}
	i := 0
	for i < len(h.bounds) && v > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// Since counts the seconds since start.
func (h *Histogram) Since(start time.Time) { h.Observe(time.Since(start).Seconds()) }

// Count is how many values were observed.
func (h *Histogram) Count() uint64 {
	var n uint64
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}

// Sum is the sum of the observed values.
func (h *Histogram) Sum() float64 { return math.Float64frombits(h.sum.Load()) }

func (h *Histogram) each(yield func(suffix, le string, value float64)) {
	sum := h.Sum() // first: a value in sum but not yet in a bucket is the lesser evil
	var n uint64
	for i := range h.counts {
		n += h.counts[i].Load()
		yield("_bucket", h.labels[i], float64(n))
	}
	yield("_count", "", float64(n))
	yield("_sum", "", sum)
}
