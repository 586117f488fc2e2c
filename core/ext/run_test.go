// SPDX-License-Identifier: Apache-2.0

package ext_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/ext"
)

// collectPanics sends what OnPanic reports, as words.
func collectPanics(t *testing.T) <-chan string {
	t.Helper()
	reports := make(chan string, 16)
	ext.OnPanic(func(scope string, value any, stack []byte) {
		with := "without"
		if bytes.Contains(stack, []byte("panic")) {
			with = "with"
		}
		reports <- fmt.Sprintf("%s: %v, %s its stack", scope, value, with)
	})
	t.Cleanup(func() { ext.OnPanic(nil) })
	return reports
}

func TestGoFromSwapToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		var started, ended atomic.Int32
		work := func(ctx context.Context) {
			started.Add(1)
			<-ctx.Done()
			time.Sleep(time.Second) // to put its things in order
			ended.Add(1)
		}
		s.Go(work)
		synctest.Wait()
		if started.Load() != 0 {
			t.Error("a goroutine ran before the swap")
		}
		swapOK(t, table, ext.Change{New: s})
		s.Go(work)
		synctest.Wait()
		if started.Load() != 2 {
			t.Errorf("%d goroutines run after the swap, want 2", started.Load())
		}
		closeOK(t, s)
		if ended.Load() != 2 {
			t.Errorf("%d goroutines had ended as Close returned, want 2", ended.Load())
		}
	})
}

// A scope that is closed without ever having been live has run nothing.
func TestRolledBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		never := func(context.Context) { t.Error("ran, although the scope never was live") }
		s.Go(never)
		s.Every(time.Second, never)
		s.After(time.Second, never)
		testHook.Handle(s, 0, note("never"))
		time.Sleep(time.Minute)
		closeOK(t, s)
		s.Go(never)
		time.Sleep(time.Minute)
		wantMet(t, table, "")
	})
}

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		var ticks, at []time.Duration
		start := time.Now()
		s.Every(10*time.Second, func(context.Context) { ticks = append(ticks, time.Since(start)) })
		s.Every(10*time.Second, func(context.Context) { // longer than its period: never two at a time
			at = append(at, time.Since(start))
			time.Sleep(15 * time.Second)
		})
		start = start.Add(time.Minute)
		time.Sleep(time.Minute)
		swapOK(t, table, ext.Change{New: s})
		time.Sleep(61 * time.Second)
		s.Every(time.Second, func(context.Context) { ticks = append(ticks, time.Since(start)) })
		time.Sleep(1500 * time.Millisecond)
		closeOK(t, s)
		time.Sleep(time.Hour)
		if got := fmt.Sprint(ticks); got != "[10s 20s 30s 40s 50s 1m0s 1m2s]" {
			t.Errorf("ticks at %s", got)
		}
		if got := fmt.Sprint(at); got != "[10s 35s 1m0s]" {
			t.Errorf("slow ticks at %s", got)
		}
	})
}

func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		var ran []string
		add := func(name string) func(context.Context) {
			return func(context.Context) { ran = append(ran, name) }
		}
		s.After(time.Second, add("staged"))
		s.After(time.Second, add("stopped while staged"))()
		time.Sleep(time.Hour)
		swapOK(t, table, ext.Change{New: s})
		time.Sleep(2 * time.Second)
		s.After(time.Second, add("live"))
		stop := s.After(time.Second, add("stopped"))
		stop()
		stop()
		time.Sleep(2 * time.Second)
		s.After(time.Second, add("too late"))
		closeOK(t, s)
		time.Sleep(time.Hour)
		if got := strings.Join(ran, ", "); got != "staged, live" {
			t.Errorf("ran %s", got)
		}
	})
}

// Close waits for a timer that runs; pending ones do not keep it.
func TestCloseWaitsForTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		ended := false
		s.After(time.Second, func(context.Context) { time.Sleep(time.Minute); ended = true })
		s.Every(time.Hour, func(context.Context) {})
		swapOK(t, table, ext.Change{New: s})
		time.Sleep(2 * time.Second)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if !ended || time.Since(start) != 59*time.Second {
			t.Errorf("closed after %v, timer ended: %v", time.Since(start), ended)
		}
	})
}

// A panic ends its run only: the next tick comes, and Close waits for nothing.
func TestPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ext.NewTable()
		s := newScope(t, "s", table)
		reports := collectPanics(t)
		n := 0
		s.Go(func(context.Context) { panic("go") })
		s.After(time.Second, func(context.Context) { panic("after") })
		s.Every(2*time.Second, func(context.Context) { n++; panic(n) })
		s.Go(func(context.Context) { runtime.Goexit() }) // ends the goroutine without a panic
		swapOK(t, table, ext.Change{New: s})
		time.Sleep(5 * time.Second)
		for _, want := range []string{"go", "after", "1", "2"} {
			if got := <-reports; got != "s: "+want+", with its stack" {
				t.Errorf("reported %q, want %s", got, want)
			}
		}
		wantDone(t, "close", running(func() error { return s.Close(t.Context()) }), true)
	})
}

// Without OnPanic a panic is not lost either.
func TestPanicDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
		defer slog.SetDefault(old)
		table := ext.NewTable()
		s := newScope(t, "poor", table)
		s.Go(func(context.Context) { panic("lost?") })
		swapOK(t, table, ext.Change{New: s})
		closeOK(t, s)
		for _, want := range []string{"scope=poor", "lost?", "TestPanicDefault"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("log %q has no %q", out.String(), want)
			}
		}
	})
}
