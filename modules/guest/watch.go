// SPDX-License-Identifier: Apache-2.0

// Package guest is what the runtimes of guests share: limits on what a call
// may take, what becomes of a guest that fails, and what it may ask for.
package guest

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often the watchdog looks: a call is stopped at most so much
// later than its limit.
const tick = 5 * time.Millisecond

// quiet is how many looks without a call let the watchdog go to sleep.
const quiet = 200

// A Stamp watches the calls of one instance, one at a time: at the limit stop
// is called, from the watchdog's goroutine, once.
type Stamp struct {
	began atomic.Int64 // nanoseconds; 0: no call; expired: stopped
	limit atomic.Int64
	stop  func()
}

const expired = math.MinInt64

// watchdog is the one goroutine that looks at all stamps. It runs while there
// are calls, and for a second longer.
var watchdog struct {
	mu     sync.Mutex // guards stamps
	stamps map[*Stamp]bool
	awake  atomic.Bool
}

// Watch returns a Stamp; Forget ends it.
func Watch(stop func()) *Stamp {
	s := &Stamp{stop: stop}
	watchdog.mu.Lock()
	defer watchdog.mu.Unlock()
	if watchdog.stamps == nil {
		watchdog.stamps = make(map[*Stamp]bool)
	}
	watchdog.stamps[s] = true
	return s
}

// Forget ends the watch.
func (s *Stamp) Forget() {
	watchdog.mu.Lock()
	defer watchdog.mu.Unlock()
	delete(watchdog.stamps, s)
}

// Begin notes that a call begins, which may take so long.
func (s *Stamp) Begin(limit time.Duration) {
	s.limit.Store(int64(limit))
	s.began.Store(now())
	if !watchdog.awake.Load() && watchdog.awake.CompareAndSwap(false, true) {
		go patrol()
	}
}

// End notes that the call has ended, and reports whether that was in time. If
// not, stop has been called, or is about to be.
func (s *Stamp) End() bool { return s.began.Swap(0) != expired }

// Since is how long the call has taken so far.
func (s *Stamp) Since() time.Duration { return time.Duration(now() - s.began.Load()) }

func patrol() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for idle := 0; ; {
		<-t.C
		if look() {
			idle = 0
			continue
		}
		if idle++; idle < quiet {
			continue
		}
		// A call that begins now either sees that nobody is awake, or is seen.
		watchdog.awake.Store(false)
		if !look() || !watchdog.awake.CompareAndSwap(false, true) {
			return
		}
		idle = 0
	}
}

// look stops the calls that are over their limit, and reports whether there
// are any.
func look() (busy bool) {
	watchdog.mu.Lock()
	stamps := slices.Collect(maps.Keys(watchdog.stamps))
	watchdog.mu.Unlock()
	at := now()
	for _, s := range stamps {
		began := s.began.Load()
		if began == 0 || began == expired {
			continue
		}
		busy = true
		if at-began > s.limit.Load() && s.began.CompareAndSwap(began, expired) {
			s.stop()
		}
	}
	return busy
}

var epoch = time.Now()

// now is never 0.
func now() int64 { return int64(time.Since(epoch)) | 1 }

// Detach runs fn beside everything: what it does ends the scope that asks.
func Detach(fn func()) { go fn() }
