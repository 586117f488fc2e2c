// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
)

// newUniverse makes a universe with all libraries; what it logs is in the buffer.
func newUniverse(tb testing.TB) (*universe.Universe, *bytes.Buffer) {
	tb.Helper()
	var logged bytes.Buffer
	u := universe.New(universe.Options{Loaders: lib.Loaders(), Log: slog.New(slog.NewTextHandler(&logged, nil))})
	return u, &logged
}

// enter runs a source as a task and returns its first result.
func enter(tb testing.TB, u *universe.Universe, waits bool, source string) (v lua.LValue, err error) {
	tb.Helper()
	err = u.Do(tb.Context(), &universe.Task{Name: "test", Waits: waits}, func(l *lua.LState) {
		fn, err := u.Load(l, "test.lua", []byte(source), nil)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(fn)
		l.Call(0, 1)
		v = l.Get(-1)
	})
	return v, err
}

func mustEnter(tb testing.TB, u *universe.Universe, waits bool, source string) lua.LValue {
	tb.Helper()
	v, err := enter(tb, u, waits, source)
	if err != nil {
		tb.Error(err)
	}
	return v
}

// A task with a goroutine of its own waits below pcall, in iterators, in
// metamethods and in functions of Go, while others run.
func TestWaitAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, _ := newUniverse(t)
		defer u.Close()
		mustEnter(t, u, false, `
async = require "util.async"
dones = {}
function wait() local wait, done = async.waiter() dones[#dones + 1] = done wait() return true end`)
		var wg sync.WaitGroup
		for _, source := range []string{
			"return wait()",
			"return select(2, pcall(wait))",
			"return select(2, xpcall(function(...) return wait(...) end, debug.traceback))",
			"return setmetatable({}, { __index = function() return wait() end }).x",
			"for v in function(_, last) if not last then return wait() end end do return v end",
			"local t = { 2, 1 } table.sort(t, function(a, b) return wait() and a < b end) return t[1] == 1",
			"return (('x'):gsub('.', function() return wait() and 'y' end)) == 'y'",
			"assert(coroutine.running() and async.ready()) assert(coroutine.status(coroutine.running()) == 'running') return wait()",
			"async.sleep(3600) return true",
			"return async.wait_for(require 'util.promise'.new(function(yes) dones[#dones + 1] = function() yes(true) end end))",
		} {
			wg.Go(func() {
				if v := mustEnter(t, u, true, source); v != lua.LTrue {
					t.Errorf("%s: got %v", source, v)
				}
			})
		}
		wg.Go(func() {
			for range 20 {
				time.Sleep(time.Second)
				mustEnter(t, u, false, "local d = dones dones = {} for _, done in ipairs(d) do done() end")
			}
		})
		wg.Wait()
		if v := mustEnter(t, u, false, "return #dones"); v != lua.LNumber(0) {
			t.Errorf("%v still wait", v)
		}
	})
}

// Where a wait would hold up somebody else it is an error.
func TestWaitNowhere(t *testing.T) {
	u, _ := newUniverse(t)
	defer u.Close()
	for name, c := range map[string]struct {
		waits  bool
		source string
	}{
		"a task that must not wait":       {false, "require 'util.async'.waiter()"},
		"sleep":                           {false, "require 'util.async'.sleep(1)"},
		"a plain coroutine within a task": {true, "local a = require 'util.async' local co = coroutine.create(function() a.waiter() end) local ok, err = coroutine.resume(co) error(err, 0)"},
	} {
		if _, err := enter(t, u, c.waits, c.source); err == nil || !strings.Contains(err.Error(), "Not running in an async context") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if v := mustEnter(t, u, false, "return tostring(require 'util.async'.ready()) .. tostring(coroutine.running())"); v != lua.LString("falsenil") {
		t.Errorf("got %v", v)
	}
}

// A runner that waits leaves its turn to who ran it, and goes on from a timer.
func TestRunnerSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, logged := newUniverse(t)
		defer u.Close()
		mustEnter(t, u, false, `
local async = require "util.async"
said = {}
local r = async.runner(function(n) async.sleep(n) said[#said + 1] = n pcall(async.sleep, n) said[#said + 1] = -n end)
r:run(2)
r:run(1)
said[#said + 1] = r.state`)
		time.Sleep(5500 * time.Millisecond)
		if v := mustEnter(t, u, false, "return table.concat(said, ' ')"); v != lua.LString("waiting 2 -2 1") {
			t.Errorf("got %v", v)
		}
		time.Sleep(time.Second)
		if v := mustEnter(t, u, false, "return table.concat(said, ' ')"); v != lua.LString("waiting 2 -2 1 -1") {
			t.Errorf("got %v", v)
		}
		if logged.Len() > 0 {
			t.Error(logged)
		}
	})
}

// Timers come in their order, repeat, stop and are put off; one that fails is
// logged and keeps no other from coming.
func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, logged := newUniverse(t)
		defer u.Close()
		mustEnter(t, u, false, `
timer = require "util.timer"
said = {}
local function say(word) return function(now, id, param) said[#said + 1] = word .. tostring(param or "") return nil end end
timer.add_task(3, say "c")
timer.add_task(1, say "a", "!")
timer.add_task(2, say "b")
timer.add_task(0, say "now")
timer.add_task(0, say "then")
timer.add_task(2, function() error "fails" end)
local n = 0
timer.add_task(1.5, function(now, id) n = n + 1 said[#said + 1] = "r" .. n if n == 3 then timer.stop(id) return end return 1.5 end)
stopped = timer.add_task(2, say "stopped")
assert(timer.stop(stopped) == true and timer.stop(stopped) == false)
later = timer.add_task(1, say "later")
assert(timer.reschedule(later, 3.5) == later)
timer.stop(nil)`)
		time.Sleep(10 * time.Second)
		want := "now then a! r1 b c r2 later r3"
		if v := mustEnter(t, u, false, "return table.concat(said, ' ')"); v.String() != want {
			// At the third second c and the second r are due; c was set first.
			t.Errorf("got %v, want %s", v, want)
		}
		if s := logged.String(); !strings.Contains(s, "test.lua:10: fails") || !strings.Contains(s, "timer function<test.lua:10>") {
			t.Errorf("logged %s", s)
		}
		mustEnter(t, u, false, "local now = os.time() timer.add_task(1, function(at) time_ok = at - now >= 1 and at - now < 2 end)")
		time.Sleep(2 * time.Second)
		if v := mustEnter(t, u, false, "return time_ok"); v != lua.LTrue {
			t.Error("the time passed to the timer is wrong")
		}
	})
}

// A promise goes on with a tick of its own, after what runs.
func TestPromiseTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, _ := newUniverse(t)
		defer u.Close()
		mustEnter(t, u, false, `
said = {}
require "util.promise".resolve(1):next(function() said[#said + 1] = "resolved" end)
said[#said + 1] = "first"`)
		time.Sleep(time.Second)
		if v := mustEnter(t, u, false, "return table.concat(said, ' ')"); v != lua.LString("first resolved") {
			t.Errorf("got %v", v)
		}
	})
}
