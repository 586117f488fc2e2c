// SPDX-License-Identifier: Apache-2.0

// Package memory keeps the server small: it sets the pace of the collector,
// and returns to the system what a burst, or the start, has left behind.
package memory

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// Garbage may grow to a third of what lives, with reserveSize counted as
// living: to 13 MiB where next to nothing lives, for a small server shall not
// collect all the time. (With half of 4 MiB a message over TLS, 16 in flight,
// cost 5.3 us of CPU instead of 4.4.)
//
// A percentage that is set anew after each collection would need no reserve,
// but a machine under load is late to set it, and the next collection goes by
// the old one: a flood that brought what lives from 4 to 20 MiB then left 100
// of garbage.
const (
	gcPercent   = 33
	reserveSize = 36 << 20
)

// reserve is never touched, and so takes memory in the collector's sums only.
var reserve []byte

// CollectEarly bounds the garbage that may pile up, unless GOGC is set.
// It comes before all else here.
func CollectEarly() {
	if os.Getenv("GOGC") == "" {
		reserve = make([]byte, reserveSize)
		debug.SetGCPercent(gcPercent)
	}
}

// Live is what the last collection found alive, in bytes.
func Live() int64 { return read("/gc/heap/live:bytes") }

// InUse is what lives, and what has become garbage since the last collection,
// in bytes.
func InUse() int64 { return read("/memory/classes/heap/objects:bytes") }

func read(name string) int64 {
	sample := [1]metrics.Sample{{Name: name}}
	metrics.Read(sample[:])
	return max(int64(sample[0].Value.Uint64())-int64(len(reserve)), 0) //nolint:gosec // no heap has 2^63 bytes
}
