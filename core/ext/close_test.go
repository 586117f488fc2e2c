// SPDX-License-Identifier: Apache-2.0

package ext_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/ext"
)

// running starts fn. result reports whether it has returned, once all has
// happened that can.
func running(fn func() error) (result func() (error, bool)) {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	return func() (error, bool) {
		synctest.Wait()
		select {
		case err := <-done:
			return err, true
		default:
			return nil, false
		}
	}
}

func wantDone(t *testing.T, what string, result func() (error, bool), want bool) {
	t.Helper()
	err, done := result()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if done != want {
		t.Errorf("%s: returned is %v, want %v", what, done, want)
	}
}

// A Close waits for the passes that may meet its scope, and for no others.
func TestCloseWaitsPerScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		before := table.Enter() // has not met a
		a, b := newScope(t, "a", table), newScope(t, "b", table)
		testHook.Handle(a, 0, note("a"))
		testHook.Handle(b, 0, note("b"))
		swapOK(t, table, ext.Change{New: a})
		meets := table.Enter() // a
		swapOK(t, table, ext.Change{New: b})

		closing := running(func() error { return a.Close(t.Context()) })
		wantDone(t, "close a", closing, false)
		after := table.Enter() // b only
		if got := metIn(t, after); got != "b" {
			t.Errorf("a pass after Close began met %q", got)
		}
		if got := metIn(t, meets); got != "a" {
			t.Errorf("a pass from before met %q", got)
		}
		meets.Leave()
		wantDone(t, "close a, after the pass", running(func() error { return a.Close(t.Context()) }), true)
		_, _ = closing()

		bare := newScope(t, "bare", table) // has attached nothing: no pass can meet it
		swapOK(t, table, ext.Change{New: bare})
		other := table.Enter()
		wantDone(t, "close bare", running(func() error { return bare.Close(t.Context()) }), true)
		other.Leave()
		closingB := running(func() error { return b.Close(t.Context()) })
		wantDone(t, "close b", closingB, false)
		after.Leave()
		wantDone(t, "close b, after the pass", closingB, true)
		before.Leave()
	})
}

// A replaced scope is waited for as of the swap, not as of its Close.
func TestCloseAfterSwapSkipsLaterPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		old, next, last := newScope(t, "old", table), newScope(t, "next", table), newScope(t, "last", table)
		testHook.Handle(old, 0, note("old"))
		testHook.Handle(next, 0, note("next"))
		swapOK(t, table, ext.Change{New: old})
		swapOK(t, table, ext.Change{Old: old, New: next})
		later := table.Enter()
		swapOK(t, table, ext.Change{New: last}) // the pass reads an old snapshot now
		wantDone(t, "close old", running(func() error { return old.Close(t.Context()) }), true)
		later.Leave()
	})
}

func TestHoldKeepsCloseWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		swapOK(t, table, ext.Change{New: s})
		closed := false
		s.Defer(func() error { closed = true; return nil })
		first, second := s.Hold(), s.Hold()
		closing := running(func() error { return s.Close(t.Context()) })
		wantDone(t, "two holds", closing, false)
		if s.Context().Err() == nil {
			t.Error("what is held is not told that the scope closes")
		}
		first()
		first() // a second time does nothing
		wantDone(t, "one hold", closing, false)
		third := s.Hold() // a step of work that is held already
		second()
		wantDone(t, "the third hold", closing, false)
		if closed {
			t.Error("Defer ran under a hold")
		}
		third()
		wantDone(t, "no hold", closing, true)
		if !closed {
			t.Error("Defer did not run")
		}
		s.Hold()() // on a closed scope: nothing
	})
}

// What runs as the scope closes may still start a goroutine: Close waits for it.
func TestGoWhileClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		release := make(chan struct{})
		var last error
		testHook.Handle(s, 0, func(context.Context, *trail) ext.Verdict {
			s.Go(func(ctx context.Context) { <-release; last = ctx.Err() })
			return ext.Next
		})
		swapOK(t, table, ext.Change{New: s})
		p := table.Enter()
		closing := running(func() error { return s.Close(t.Context()) })
		wantDone(t, "in a pass", closing, false)
		metIn(t, p)
		p.Leave()
		wantDone(t, "the goroutine", closing, false)
		close(release)
		wantDone(t, "nothing", closing, true)
		if last == nil {
			t.Error("the late goroutine's context was not done")
		}
		s.Go(func(context.Context) { t.Error("a goroutine ran on a closed scope") })
		s.After(0, func(context.Context) { t.Error("a timer ran on a closed scope") })
		ran := false
		s.Defer(func() error { ran = true; return nil })
		if !ran {
			t.Error("a Defer that comes too late leaks what it would have closed")
		}
	})
}

type mod struct{ block chan struct{} }

func (m *mod) stuckHandler(context.Context, *trail) ext.Verdict {
	<-m.block
	return ext.Next
}

func (m *mod) stuckGoroutine(context.Context) { <-m.block }

// At its deadline Close gives up: it says what is stuck, and does not pull the
// store from under it. A later Close brings it to its end.
func TestCloseDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "mam", table)
		m := &mod{make(chan struct{})}
		var handled atomic.Bool
		testHook.Handle(s, 0, m.stuckHandler)
		testHook.Handle(s, -1, func(context.Context, *trail) ext.Verdict { handled.Store(true); return ext.Next })
		s.Go(m.stuckGoroutine)
		release := s.Hold()
		s.Defer(func() error {
			if !handled.Load() {
				t.Error("Defer ran while a handler was at work")
			}
			return errors.New("the store's last words")
		})
		swapOK(t, table, ext.Change{New: s})
		go met(t, table)
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := s.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("Close returned %v after %v", err, time.Since(start))
		}
		for _, want := range []string{
			"close mam", "1 open pass", "(*mod).stuckHandler of mam at test-hook", "goroutine", "(*mod).stuckGoroutine",
			"hold taken by", "TestCloseDeadline", "1 deferred function",
		} {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
		wantMet(t, table, "") // it has left the table all the same

		closing := running(func() error { return s.Close(t.Context()) })
		wantDone(t, "second close", closing, false)
		close(m.block)
		release()
		if err, done := closing(); !done || err == nil || err.Error() != "the store's last words" {
			t.Errorf("second close: %v, %v", err, done)
		}
		closeOK(t, s) // and a third has nothing to do
	})
}

// A handler that closes its own module waits for itself. That is a fault, yet
// it ends, with or without a deadline of its own, and names the handler.
func TestCloseInsideOwnPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "suicidal", table)
		var err error
		testHook.Handle(s, 0, func(ctx context.Context, _ *trail) ext.Verdict {
			err = s.Close(ctx) // which has no deadline
			return ext.Next
		})
		s.Defer(func() error {
			if err == nil {
				t.Error("Defer ran inside of the handler's own Close")
			}
			return nil
		})
		swapOK(t, table, ext.Change{New: s})
		start := time.Now()
		met(t, table)
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("it took %v", took)
		}
		for _, want := range []string{"TestCloseInsideOwnPass", "suicidal at test-hook", "called Close itself"} {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
		closeOK(t, s)
	})
}

// The legal way: swap inside of the pass, close after it, in the background.
func TestSwapInsideOwnPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s, next := newScope(t, "s", table), newScope(t, "next", table)
		testHook.Handle(next, 0, note("next"))
		closed := make(chan error, 1)
		testHook.Handle(s, 0, func(ctx context.Context, ev *trail) ext.Verdict {
			ev.met = append(ev.met, "s")
			swapOK(t, table, ext.Change{Old: s, New: next})
			go func() { closed <- s.Close(ctx) }()
			synctest.Wait()
			select {
			case err := <-closed:
				t.Errorf("Close returned %v while the handler was at work", err)
			default:
			}
			return ext.Next
		})
		swapOK(t, table, ext.Change{New: s})
		wantMet(t, table, "s")
		if err := <-closed; err != nil {
			t.Error(err)
		}
		wantMet(t, table, "next")
	})
}

// A pass that panics is left by its deferred Leave, and blocks no Close.
func TestPanicLeavesPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		testHook.Handle(s, 0, func(context.Context, *trail) ext.Verdict { panic("handler") })
		swapOK(t, table, ext.Change{New: s})
		reports := collectPanics(t)
		driver := newScope(t, "driver", table)
		driver.Go(func(ctx context.Context) {
			p := table.Enter()
			defer p.Leave()
			testHook.Fire(ctx, p, new(trail))
		})
		swapOK(t, table, ext.Change{New: driver})
		synctest.Wait()
		if got := <-reports; got != "driver: handler, with its stack" {
			t.Errorf("reported %q", got)
		}
		wantDone(t, "close", running(func() error { return s.Close(t.Context()) }), true)
	})
}

func TestDefer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		reports := collectPanics(t)
		var order []string
		s.Defer(func() error { order = append(order, "first"); return errors.New("first failed") })
		s.Defer(func() error { panic("second") })
		s.Defer(func() error {
			order = append(order, "third")
			s.Defer(func() error { order = append(order, "nested"); return nil })
			return nil
		})
		err := s.Close(t.Context())
		if got := strings.Join(order, " "); got != "third nested first" {
			t.Errorf("order %q", got)
		}
		for _, want := range []string{"first failed", "panic: second"} {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
		if got := <-reports; got != "s: second, with its stack" {
			t.Errorf("reported %q", got)
		}
	})
}

// Several may close one scope: all return after it is closed, and Defer runs once.
func TestCloseTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		testHook.Handle(s, 0, note("s"))
		swapOK(t, table, ext.Change{New: s})
		var ran, closed atomic.Int32
		block := make(chan struct{})
		s.Defer(func() error { ran.Add(1); <-block; return nil })
		p := table.Enter()
		for range 4 {
			go func() {
				if err := s.Close(context.Background()); err != nil {
					t.Error(err)
				}
				closed.Add(1)
			}()
		}
		synctest.Wait()
		p.Leave()
		synctest.Wait()
		if ran.Load() != 1 || closed.Load() != 0 {
			t.Errorf("%d ran, %d closed before it was done", ran.Load(), closed.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a close while another is at work: %v", err)
		}
		close(block)
		synctest.Wait()
		if ran.Load() != 1 || closed.Load() != 4 {
			t.Errorf("%d ran, %d closed", ran.Load(), closed.Load())
		}
	})
}
