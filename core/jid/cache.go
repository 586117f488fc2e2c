// SPDX-License-Identifier: Apache-2.0

package jid

import (
	"hash/maphash"
	"sync/atomic"
)

// The cache holds addresses by what was parsed. Remote input fills it, so it
// is bounded: cacheSets * cacheWays entries of at most maxCached bytes, 18 MiB
// at worst and 4 MiB in common use. A set is its own shard, and no lock is
// taken; what two goroutines store at once, one of them loses.
const (
	cacheSets = 1 << 13
	cacheWays = 4
	maxCached = 255
)

var (
	cache     [cacheSets]cacheSet
	cacheSeed = maphash.MakeSeed()
)

type cacheSet [cacheWays]atomic.Pointer[cached]

// cached is an immutable entry, but for used, which is set when it is found
// and cleared when it is passed over for eviction.
type cached struct {
	raw  string
	jid  JID
	used atomic.Bool
}

func setOf(raw string) (set *cacheSet, first uint) {
	h := maphash.String(cacheSeed, raw)
	return &cache[h%cacheSets], uint(h>>32) % cacheWays
}

// lookup returns the address that raw was parsed to, if that is known.
func lookup(raw string) (JID, bool) {
	set, _ := setOf(raw)
	for i := range set {
		if e := set[i].Load(); e != nil && e.raw == raw {
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e.jid, true
		}
	}
	return JID{}, false
}

// remember stores j for raw, in the place of an entry that was not found since
// the last time. It keeps raw.
func remember(raw string, j JID) {
	set, first := setOf(raw)
	e := &cached{raw: raw, jid: j}
	victim := first
	for i := range uint(cacheWays) {
		at := (first + i) % cacheWays
		old := set[at].Load()
		if old == nil || !old.used.Swap(false) {
			victim = at
			break
		}
	}
	set[victim].Store(e)
}
