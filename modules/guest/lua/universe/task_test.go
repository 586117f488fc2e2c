// SPDX-License-Identifier: Apache-2.0

package universe_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/metric"
	"tercet/modules/guest/lua/universe"
)

// after is closed once d has passed.
func after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}

// run runs a source within a task and returns its first result.
func run(u *universe.Universe, l *lua.LState, source string) lua.LValue {
	fn, err := u.Load(l, "run.lua", []byte(source), nil)
	if err != nil {
		l.RaiseError("%s", err.Error())
	}
	l.Push(fn)
	l.Call(0, 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

func limited(d time.Duration) *universe.Task { return &universe.Task{Name: "limited", Limit: d} }

// A task that runs for too long is stopped, wherever it is, and named; it can
// not catch that; the next one runs as if nothing had been.
func TestDeadline(t *testing.T) {
	u, _ := start(t, universe.Options{})
	for name, source := range map[string]string{
		"loop":       "while true do end",
		"pcall":      "while true do pcall(function() while true do end end) end",
		"xpcall":     "while true do xpcall(function() while true do end end, function(e) while true do end end) end",
		"pattern":    "while true do pcall(string.find, ('a'):rep(1000), ('a*'):rep(100) .. 'b') end",
		"gsub":       "return (('a'):rep(1000):gsub(('a*'):rep(100) .. 'b', ''))",
		"sort":       "local t = {} for i = 1, 1000 do t[i] = i end while true do pcall(table.sort, t, function(a, b) return a > b end) end",
		"coroutine":  "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
		"wrap":       "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
		"metamethod": "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] and nil end }) while true do pcall(function() return t[1] end) end",
		"require":    "package.preload.endless = function() while true do end end require 'endless'",
		"concat":     "local t = {} for i = 1, 1000 do t[i] = 'x' end while true do table.concat(t) end",
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := do(u, limited(50*time.Millisecond), source)
			if took := time.Since(began); !errors.Is(err, universe.ErrDeadline) || took > time.Minute {
				t.Fatalf("got %v after %v", err, took)
			}
			var failed *universe.Error
			if !errors.As(err, &failed) || failed.Task != "limited" || !strings.Contains(failed.Text, "ran for more than 50ms") {
				t.Errorf("got %v", err)
			}
			if v := mustDo(t, u, "return 6 * 7"); v[0] != lua.LNumber(42) {
				t.Errorf("then got %v", v)
			}
		})
	}
}

// Waits, and calls out of Lua, are not the task's time; what it runs is, in
// pieces too.
func TestDeadlineWithoutWaits(t *testing.T) {
	u, _ := start(t, universe.Options{})
	slow := &universe.Task{Name: "slow", Limit: 100 * time.Millisecond, Waits: true}
	err := u.Do(t.Context(), slow, func(l *lua.LState) {
		for range 3 {
			u.Wait(l, after(60*time.Millisecond))
			u.Out(func(context.Context) { <-time.After(60 * time.Millisecond) })
			u.Block(func(context.Context) { <-time.After(60 * time.Millisecond) })
		}
		run(u, l, "return 1")
	})
	if err != nil {
		t.Error(err)
	}
	busy := func(l *lua.LState, d time.Duration) {
		for began := time.Now(); time.Since(began) < d; {
			run(u, l, "for i = 1, 1000 do end")
		}
	}
	err = u.Do(t.Context(), slow, func(l *lua.LState) {
		for range 100 {
			busy(l, 50*time.Millisecond)
			u.Wait(l, after(time.Millisecond))
		}
	})
	if !errors.Is(err, universe.ErrDeadline) {
		t.Errorf("got %v", err)
	}
}

// A task that needs too much memory is stopped and named.
func TestMemory(t *testing.T) {
	u, _ := start(t, universe.Options{Memory: 16 << 20, Limit: -1})
	for name, source := range map[string]string{
		"rep":     "return ('x'):rep(1e9)",
		"double":  "local s = 'x' while true do s = s .. s end",
		"tables":  "local t = {} while true do t[#t + 1] = { #t } end",
		"concat":  "local t = {} for i = 1, 20 do t[i] = ('x'):rep(1e6) end local u = {} while true do u[#u + 1] = table.concat(t) end",
		"strings": "local t = {} for i = 1, 1e9 do t[i] = 'word ' .. i end",
		"format":  "local s = 'x' while true do s = ('%s%s'):format(s, s) end",
		"gsub":    "local s = ('x'):rep(1e5) while true do s = s:gsub('x+', '%0%0') end",
		"pcall":   "while true do pcall(string.rep, 'x', 1e9) end",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := do(u, task, source)
			if !errors.Is(err, universe.ErrMemory) || !strings.Contains(err.Error(), "test: ") {
				t.Fatalf("got %v", err)
			}
			mustDo(t, u, "local s = '' for i = 1, 1000 do s = s .. 'garbage ' .. i end")
		})
	}
	// Garbage is no reason.
	mustDo(t, u, "for i = 1, 300 do local s = ('x'):rep(1e6) end for i = 1, 3e5 do local t = { i } end")
}

// A panic in a function of Go is an error of Lua with the name of the function.
func TestPanic(t *testing.T) {
	u, w := start(t, universe.Options{})
	u.Register("broken", func(l *lua.LState) int {
		l.Push(l.NewFunction(func(*lua.LState) int {
			panic("no more ideas")
		}))
		return 1
	})
	v := mustDo(t, u, "local fails = require 'broken' return select(2, pcall(function() fails() end)), pcall(fails)")
	if got := v[0].String(); !strings.HasPrefix(got, "test.lua:1: internal error in function 'fails': no more ideas") {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(w.String(), "function for Lua failed") {
		t.Errorf("logged %s", w)
	}
	if _, err := do(u, task, "require 'broken' ()"); err == nil || !strings.Contains(err.Error(), "no more ideas") {
		t.Errorf("got %v", err)
	}
}

// What comes back into the universe on a call out of it uses the caller's lock.
func TestReenter(t *testing.T) {
	u, _ := start(t, universe.Options{})
	var enter func(ctx context.Context, depth int) int
	enter = func(ctx context.Context, depth int) (sum int) {
		err := u.Do(ctx, task, func(l *lua.LState) { //nolint:contextcheck // Out gives the context
			sum = int(lua.LVAsNumber(run(u, l, "return 1")))
			if depth > 0 {
				u.Out(func(ctx context.Context) { sum += enter(ctx, depth-1) + enter(ctx, depth-1) })
			}
		})
		if err != nil {
			t.Error(err)
		}
		return sum
	}
	if got := enter(t.Context(), 6); got != 127 {
		t.Errorf("got %d", got)
	}
}

// A context that outlives its call, or that another goroutine uses meanwhile,
// lets nobody run Lua beside somebody else.
func TestStaleContext(t *testing.T) {
	u, _ := start(t, universe.Options{Limit: -1})
	inside := 0 // guarded by the interpreter lock, as the race detector checks
	work := func(l *lua.LState) {
		inside++
		if inside != 1 {
			t.Error("two are inside")
		}
		run(u, l, "for i = 1, 100 do end")
		inside--
	}
	var wg sync.WaitGroup
	for range 50 {
		err := u.Do(t.Context(), task, func(*lua.LState) {
			u.Out(func(ctx context.Context) {
				for range 4 {
					wg.Go(func() {
						if err := u.Do(ctx, task, work); err != nil {
							t.Error(err)
						}
					})
				}
			})
		})
		if err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

// Detach takes the right to the lock away.
func TestDetach(t *testing.T) {
	u, _ := start(t, universe.Options{})
	entered := make(chan struct{})
	err := u.Do(t.Context(), task, func(*lua.LState) {
		u.Out(func(ctx context.Context) {
			go func() {
				defer close(entered)
				if err := u.Do(universe.Detach(ctx), task, func(*lua.LState) {}); err != nil {
					t.Error(err)
				}
			}()
			select {
			case <-entered:
				t.Error("entered while the lock is taken")
			case <-time.After(20 * time.Millisecond):
			}
		})
	})
	if err != nil {
		t.Error(err)
	}
	<-entered
}

// An error in a nested entry is its own; the outer one goes on.
func TestNestedError(t *testing.T) {
	u, _ := start(t, universe.Options{})
	err := u.Do(t.Context(), task, func(l *lua.LState) {
		u.Out(func(ctx context.Context) {
			err := u.Do(ctx, limited(20*time.Millisecond), func(l *lua.LState) {
				run(u, l, "while true do end")
			})
			if !errors.Is(err, universe.ErrDeadline) {
				t.Errorf("got %v", err)
			}
		})
		run(u, l, "assert(1 + 1 == 2)")
	})
	if err != nil {
		t.Error(err)
	}
}

// Lua and the server may call each other, but not without end.
func TestEndlessReentry(t *testing.T) {
	u, _ := start(t, universe.Options{})
	depth := 0
	var enter func(ctx context.Context) error
	enter = func(ctx context.Context) (err error) {
		depth++
		failed := u.Do(ctx, task, func(*lua.LState) { u.Out(func(ctx context.Context) { err = enter(ctx) }) }) //nolint:contextcheck // Out gives the context
		return errors.Join(failed, err)
	}
	if err := enter(t.Context()); err == nil || !strings.Contains(err.Error(), "too deep") || depth > 200 {
		t.Errorf("got %v at depth %d", err, depth)
	}
	mustDo(t, u, "return 1")
}

// An entry in a call out of another waits only if that one may.
func TestMayWait(t *testing.T) {
	u, _ := start(t, universe.Options{})
	for _, waits := range []bool{true, false} {
		err := u.Do(t.Context(), &universe.Task{Name: "outer", Waits: waits}, func(*lua.LState) {
			u.Out(func(ctx context.Context) {
				err := u.Do(ctx, &universe.Task{Name: "inner", Waits: true}, func(*lua.LState) {
					if u.MayWait() != waits {
						t.Errorf("got %v within %v", u.MayWait(), waits)
					}
				})
				if err != nil {
					t.Error(err)
				}
			})
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// While one waits or blocks, others run; a wait ends with its context.
func TestOthersMeanwhile(t *testing.T) {
	u, w := start(t, universe.Options{})
	waits := &universe.Task{Name: "waits", Waits: true}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		for range 2 {
			mustDo(t, u, "return 1")
			ran <- struct{}{}
		}
		cancel()
	}()
	err := u.Do(ctx, waits, func(l *lua.LState) {
		u.Wait(l, ran)
		u.Block(func(context.Context) { <-ran })
		u.Wait(l, nil)
	})
	if err == nil || !strings.Contains(err.Error(), "the wait has ended: context canceled") {
		t.Errorf("got %v", err)
	}
	done := make(chan struct{})
	u.Go(t.Context(), waits, func(l *lua.LState) {
		defer close(done)
		run(u, l, "error 'on its own'")
	})
	<-done
	u.Close()
	if !strings.Contains(w.String(), "Lua task failed") || !strings.Contains(w.String(), "on its own") {
		t.Errorf("logged %s", w)
	}
}

// Timers of Go repeat while they say so.
func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, _ := start(t, universe.Options{})
		var came []time.Duration
		began := time.Now()
		u.After(task, time.Second, func(*lua.LState, time.Time) time.Duration {
			if came = append(came, time.Since(began)); len(came) == 3 {
				return -1
			}
			return 2 * time.Second
		})
		stop := u.After(task, time.Second, func(*lua.LState, time.Time) time.Duration {
			t.Error("it was stopped")
			return -1
		})
		if !stop() || stop() {
			t.Error("stop tells wrong")
		}
		time.Sleep(time.Minute)
		u.Close()
		if want := []time.Duration{time.Second, 3 * time.Second, 5 * time.Second}; !slices.Equal(came, want) {
			t.Errorf("got %v, want %v", came, want)
		}
	})
}

// Close ends what waits and what runs.
func TestClose(t *testing.T) {
	u, _ := start(t, universe.Options{Limit: -1})
	var wg sync.WaitGroup
	waiting := make(chan struct{}, 2)
	wg.Go(func() {
		err := u.Do(t.Context(), &universe.Task{Name: "waits", Waits: true}, func(l *lua.LState) {
			waiting <- struct{}{}
			u.Wait(l, nil)
		})
		if err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("got %v", err)
		}
	})
	<-waiting
	wg.Go(func() {
		err := u.Do(t.Context(), task, func(l *lua.LState) {
			waiting <- struct{}{}
			run(u, l, "local co = coroutine.wrap(function() coroutine.yield() end) co() while true do end")
		})
		if err == nil {
			t.Error("no error")
		}
	})
	<-waiting
	u.Close()
	wg.Wait()
	if err := u.Do(t.Context(), task, func(*lua.LState) {}); !errors.Is(err, universe.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// Many enter, nest, wait, fail and are stopped at once; nobody meets another
// inside, and the count is right.
func TestHammer(t *testing.T) {
	u, _ := start(t, universe.Options{Limit: -1})
	mustDo(t, u, `
count, inside = 0, nil
function enter(who) if inside then error(inside .. " is inside, and " .. who) end inside = who end
function leave() inside = nil count = count + 1 end
function plain(who) enter(who) local t = {} for i = 1, 50 do t[i] = i end leave() end
function fails(who) enter(who) leave() local _, e = pcall(error, "e") error(e) end
function coroutines(who)
	local co = coroutine.wrap(function() for i = 1, 5 do pcall(coroutine.yield, i) end end)
	enter(who) for i = 1, 5 do co() end leave()
end`)
	call := func(l *lua.LState, name, who string) {
		l.Push(l.GetGlobal(name))
		l.Push(lua.LString(who))
		l.Call(1, 0)
	}
	const workers, rounds = 8, 40
	waits := metric.New().Histogram("waits", "", universe.WaitBounds)
	u.MeasureWaits(waits)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				who := fmt.Sprint(w, ".", i)
				waits := &universe.Task{Name: who, Waits: true}
				var err error
				switch kind := (w + i) % 6; kind {
				case 0:
					err = u.Do(t.Context(), waits, func(l *lua.LState) { call(l, "plain", who) })
				case 1:
					if err = u.Do(t.Context(), waits, func(l *lua.LState) { call(l, "fails", who) }); err != nil {
						err = nil
					} else {
						t.Error("no error")
					}
				case 2:
					err = u.Do(t.Context(), waits, func(*lua.LState) {
						u.Out(func(ctx context.Context) {
							if err := u.Do(ctx, waits, func(l *lua.LState) { call(l, "plain", who) }); err != nil {
								t.Error(err)
							}
						})
					})
				case 3:
					err = u.Do(t.Context(), waits, func(l *lua.LState) {
						u.Wait(l, after(time.Millisecond))
						call(l, "plain", who)
					})
				case 4:
					err = u.Do(t.Context(), waits, func(l *lua.LState) { call(l, "coroutines", who) })
				case 5:
					if i%4 == 0 {
						_, stopped := do(u, limited(15*time.Millisecond), "while true do end")
						if !errors.Is(stopped, universe.ErrDeadline) {
							t.Errorf("got %v", stopped)
						}
					}
					err = u.Do(t.Context(), waits, func(l *lua.LState) { call(l, "plain", who) })
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v := mustDo(t, u, "return count"); v[0] != lua.LNumber(workers*rounds) {
		t.Errorf("counted %v, want %d", v[0], workers*rounds)
	}
	if waits.Count() < workers*rounds || waits.Sum() == 0 {
		t.Errorf("%d entries have waited for %g seconds", waits.Count(), waits.Sum())
	}
}
