// SPDX-License-Identifier: Apache-2.0

package ext_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/ext"
)

var (
	meterHook  = ext.NewHook[meterEvent]("meter-hook")
	meterInner = ext.NewHook[meterEvent]("meter-inner")
	meterChain = ext.NewChain[string, meterEvent]("meter-chain")
)

type meterEvent struct{ pass ext.Pass }

// metered is a live scope that feeds a meter of its own.
func metered(t testing.TB, table *ext.Table, name string, attach func(*ext.Scope)) *ext.Meter {
	t.Helper()
	s := ext.NewScope(t.Context(), name, table)
	m := new(ext.Meter)
	s.Feed(m)
	attach(s)
	if err := ext.Swap(table, []ext.Change{{New: s}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

func pass(table *ext.Table, fn func(ext.Pass)) {
	p := table.Enter()
	defer p.Leave()
	fn(p)
}

// Watched, each handler counts its own time: not that of a handler within, be
// it of the same pass or of another table's.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := ext.NewTable(), ext.NewTable()
		wait := func(d time.Duration) { <-time.After(d) }
		outer := metered(t, here, "outer", func(s *ext.Scope) {
			meterHook.Handle(s, 0, func(ctx context.Context, ev *meterEvent) ext.Verdict {
				wait(time.Second)
				meterInner.Fire(ctx, ev.pass, ev)
				pass(there, func(p ext.Pass) { meterInner.Fire(context.WithoutCancel(ctx), p, ev) })
				return ext.Next
			})
		})
		inner := metered(t, here, "inner", func(s *ext.Scope) {
			meterInner.Handle(s, 0, func(context.Context, *meterEvent) ext.Verdict { wait(10 * time.Second); return ext.Next })
			meterChain.Handle(s, "key", 0, func(context.Context, *meterEvent) ext.Verdict { wait(time.Minute); return ext.Stop })
		})
		guest := metered(t, there, "guest", func(s *ext.Scope) {
			meterInner.Handle(s, 0, func(ctx context.Context, _ *meterEvent) ext.Verdict {
				wait(3 * time.Second)
				ext.MeterOf(s).Call(ctx, 2*time.Second) // in its own runtime
				return ext.Next
			})
		})
		fire := func() {
			pass(here, func(p ext.Pass) {
				meterHook.Fire(t.Context(), p, &meterEvent{p})
				meterChain.Fire(t.Context(), p, "key", &meterEvent{p})
			})
		}
		for _, table := range []*ext.Table{here, there} {
			table.Watch(true)
			table.Watch(true) // is no second one
		}
		for range 5 {
			fire()
		}
		for _, tt := range []struct {
			name   string
			m      *ext.Meter
			events uint64
			time   time.Duration
		}{
			{"outer", outer, 5, 5 * time.Second},
			{"inner", inner, 10, 5 * 70 * time.Second},
			{"guest", guest, 10, 5 * 3 * time.Second},
		} {
			if got := tt.m.Watched(); got.Events != tt.events || got.Time != tt.time {
				t.Errorf("%s: got %d events, %v, want %d, %v", tt.name, got.Events, got.Time, tt.events, tt.time)
			}
			if all, got := tt.m.Total(), tt.m.Watched(); all != got {
				t.Errorf("%s: in total %+v, watched %+v", tt.name, all, got)
			}
		}
		here.Watch(false)
		for range 2000 { // so many that there are samples
			fire()
		}
		if got := outer.Watched(); got.Events != 5 {
			t.Errorf("%d events were counted as watched afterwards", got.Events-5)
		}
		if got := outer.Total(); got.Events < 1000 || got.Events > 3000 {
			t.Errorf("%d events in total, want about 2005", got.Events)
		}
	})
}

// A sample stands for all, whatever pattern the passes have: of two that take
// turns each has its share, and so has a scope that was loaded anew meanwhile.
func TestSamples(t *testing.T) {
	table := ext.NewTable()
	count := func(context.Context, *meterEvent) ext.Verdict { return ext.Next }
	first := metered(t, table, "first", func(s *ext.Scope) { meterHook.Handle(s, 0, count) })
	second := metered(t, table, "second", func(s *ext.Scope) { meterInner.Handle(s, 0, count) })
	const each = 200_000
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range each {
				hook := meterHook
				if i%2 == 1 {
					hook = meterInner
				}
				pass(table, func(p ext.Pass) { hook.Fire(t.Context(), p, &meterEvent{p}) })
				if i%1000 == 0 {
					metered(t, table, "other", func(*ext.Scope) {}) // counts begin anew
				}
			}
		})
	}
	wg.Wait()
	for name, m := range map[string]*ext.Meter{"first": first, "second": second} {
		got := m.Total()
		if off := math.Abs(float64(got.Events)/each - 1); off > 0.2 || got.Time <= 0 {
			t.Errorf("%s: %d events, %v; want about %d", name, got.Events, got.Time, each)
		}
	}
}

// What a scope runs by itself counts always, and its panics, and what guests
// tell.
func TestMeter(t *testing.T) {
	ext.OnPanic(func(string, any, []byte) {})
	defer ext.OnPanic(nil)
	synctest.Test(t, func(t *testing.T) {
		m := metered(t, ext.NewTable(), "m", func(s *ext.Scope) {
			s.After(time.Second, func(ctx context.Context) {
				<-time.After(time.Second)
				ext.MeterOf(s).Call(ctx, time.Second/4)
			})
			s.Every(time.Minute, func(context.Context) { panic("on purpose") })
			s.Go(func(context.Context) { panic("on purpose, too") })
		})
		<-time.After(90 * time.Second)
		m.Error()
		m.Panic()
		m.AddMemory(1 << 20)
		want := ext.Usage{Events: 3, Time: time.Second, Errors: 1, Panics: 3, Memory: 1 << 20}
		if got := m.Total(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A watched table is changed, and given back, under load.
func TestWatchHammer(t *testing.T) {
	table := ext.NewTable()
	m := metered(t, table, "m", func(s *ext.Scope) {
		meterHook.Handle(s, 0, func(context.Context, *meterEvent) ext.Verdict { return ext.Next })
	})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					pass(table, func(p ext.Pass) { meterHook.Fire(t.Context(), p, &meterEvent{p}) })
				}
			}
		})
	}
	for i := range 200 {
		table.Watch(i%2 == 0)
		s := ext.NewScope(t.Context(), "other", table)
		meterHook.Handle(s, 1, func(context.Context, *meterEvent) ext.Verdict { return ext.Next })
		if err := ext.Swap(table, []ext.Change{{New: s}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	if got := m.Watched(); got.Events == 0 {
		t.Error("nothing was counted")
	}
}
