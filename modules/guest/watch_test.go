// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/coretest"
	"tercet/modules/guest"
)

const tick = 5 * time.Millisecond // how much later than its limit a call may be stopped

// The watchdog stops a call soon after its limit, and no other.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Int32
		slow := guest.Watch(func() { stopped.Add(1) })
		fast := guest.Watch(func() { t.Error("a call was stopped that was in time") })
		defer slow.Forget()
		defer fast.Forget()
		for range 3 {
			fast.Begin(20 * time.Millisecond)
			slow.Begin(20 * time.Millisecond)
			<-time.After(19 * time.Millisecond)
			if !fast.End() {
				t.Error("19 ms were too long")
			}
			<-time.After(10 * time.Millisecond)
			if slow.End() {
				t.Error("29 ms were in time")
			}
		}
		if n := stopped.Load(); n != 3 {
			t.Errorf("stopped %d times, want 3", n)
		}
		<-time.After(5 * time.Second) // the watchdog sleeps
		slow.Begin(time.Millisecond)
		<-time.After(10 * time.Millisecond)
		if slow.End() {
			t.Error("nobody has woken the watchdog")
		}
		<-time.After(5 * time.Second)
	})
}

// Calls of many limits, which begin at any time, are stopped once each, never
// before their limits and never much later.
func TestWatchInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		for n := range 60 {
			limit := time.Duration(n) * 1300 * time.Microsecond
			wg.Go(func() {
				<-time.After(time.Duration(n*n%37) * 700 * time.Microsecond)
				stops := make(chan time.Time, 10)
				s := guest.Watch(func() { stops <- time.Now() })
				defer s.Forget()
				begun := time.Now()
				s.Begin(limit)
				took := (<-stops).Sub(begun)
				if took < limit || took > limit+tick {
					t.Errorf("a call with %v was stopped after %v", limit, took)
				}
				<-time.After(10 * tick)
				if len(stops) > 0 {
					t.Errorf("a call with %v was stopped again", limit)
				}
				if s.End() {
					t.Errorf("a call with %v that was stopped ended in time", limit)
				}
			})
		}
		wg.Wait()
		<-time.After(5 * time.Second) // the watchdog sleeps
	})
}

// What has ended is not stopped any more: neither for the limit that it had,
// nor for that of another.
func TestWatchEnded(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(s *guest.Stamp) (inTime bool)
	}{
		{"before its limit", func(s *guest.Stamp) bool {
			s.Begin(2 * tick)
			<-time.After(2*tick - time.Microsecond)
			return s.End()
		}},
		{"at once", func(s *guest.Stamp) bool {
			s.Begin(0)
			return s.End()
		}},
		{"and another has a longer limit", func(s *guest.Stamp) bool {
			s.Begin(2 * tick)
			<-time.After(tick)
			first := s.End()
			s.Begin(20 * tick)
			<-time.After(10 * tick)
			return s.End() && first
		}},
		{"many short ones that are long together", func(s *guest.Stamp) bool {
			all := true
			for range 100 {
				s.Begin(2 * tick)
				<-time.After(tick)
				all = s.End() && all
			}
			return all
		}},
		{"forgotten meanwhile", func(s *guest.Stamp) bool {
			s.Begin(tick)
			s.Forget()
			<-time.After(10 * tick)
			return s.End()
		}},
		{"after the watchdog has slept in vain", func(s *guest.Stamp) bool {
			s.Begin(2 * tick)
			first := s.End()
			<-time.After(5 * time.Second)
			s.Begin(2 * tick)
			<-time.After(tick)
			return s.End() && first
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := guest.Watch(func() { t.Error("stopped") })
				defer s.Forget()
				if !tt.do(s) {
					t.Error("it was not in time")
				}
				<-time.After(5 * time.Second) // the watchdog sleeps
			})
		})
	}
}

func TestStampSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guest.Watch(func() {})
		defer s.Forget()
		s.Begin(time.Minute)
		<-time.After(30 * time.Millisecond)
		if took := s.Since(); took < 30*time.Millisecond || took > 31*time.Millisecond {
			t.Errorf("got %v", took)
		}
		s.End()
		<-time.After(5 * time.Second) // the watchdog sleeps
	})
}

// Calls that end at their limit are stopped or not, but never both or twice.
func TestWatchHammer(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var stopped atomic.Int32
			s := guest.Watch(func() { stopped.Add(1) })
			defer s.Forget()
			late := int32(0)
			for i := range 40 {
				s.Begin(time.Duration(i%7) * time.Millisecond)
				<-time.After(time.Duration(i%11) * time.Millisecond)
				if !s.End() {
					late++
				}
			}
			deadline := time.Now().Add(5 * time.Second)
			for stopped.Load() != late && time.Now().Before(deadline) {
				<-time.After(time.Millisecond)
			}
			if got := stopped.Load(); got != late {
				t.Errorf("%d calls were late, %d were stopped", late, got)
			}
		})
	}
	wg.Wait()
	// The clock of the tests above is not the watchdog's, should they come again.
	coretest.Eventually(t, "the watchdog sleeps", func() bool { return !guest.Awake() })
}
