// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"iter"
	"runtime"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// coroutine is a coroutine of Lua. It has a goroutine, which it hands over to
// and back without the scheduler (iter.Pull): unlike gopher-lua's it may yield
// across pcall, metamethods, iterators, and functions of Go.
//
// Lua knows it by a handle, a state that never runs. When nobody has the handle
// any more, nobody can resume the coroutine, and it is closed; one whose own
// locals hold it while it is suspended lives on.
type coroutine struct {
	universe *Universe
	fiber    fiber
	fn       lua.LValue
	status   string
	next     func() (struct{}, bool)
	stop     func()
	yield    func(struct{}) bool
	in, out  []lua.LValue // what resume and yield pass
	failed   *failed
}

const (
	suspended = "suspended"
	running   = "running"
	normal    = "normal" // it has resumed another
	dead      = "dead"
)

func (u *Universe) openCoroutine() {
	l := u.main
	t := l.RegisterModule("coroutine", map[string]lua.LGFunction{}).(*lua.LTable) //nolint:forcetypeassert // that is what it makes
	lua51.Set(l, t, map[string]lua.LGFunction{
		"close":       u.coClose,
		"create":      u.coCreate,
		"isyieldable": func(l *lua.LState) int { l.Push(lua.LBool(u.now.fiber.co != nil)); return 1 },
		"resume":      u.coResume,
		"running":     u.coRunning,
		"status":      u.coStatus,
		"wrap":        u.coWrap,
		"yield":       u.coYield,
	})
}

// newHandle makes what Lua knows a thread by. Its Panic, which nothing else
// calls, tells which coroutine it is; see coroutineOf.
func (u *Universe) newHandle(co *coroutine) *lua.LState {
	return &lua.LState{G: u.main.G, Env: u.main.Env, Panic: func(*lua.LState) { u.found = co }}
}

// coroutineOf returns the coroutine of a handle; nil for that of a task.
func (u *Universe) coroutineOf(handle *lua.LState) *coroutine {
	u.found = nil
	handle.Panic(nil)
	co := u.found
	u.found = nil
	return co
}

func (u *Universe) newCoroutine(fn lua.LValue) *lua.LState {
	co := &coroutine{universe: u, fn: fn, status: suspended}
	co.fiber.co = co
	co.next, co.stop = iter.Pull(co.body)
	u.coroutines[co] = struct{}{}
	handle := u.newHandle(co)
	runtime.AddCleanup(handle, (*coroutine).abandon, co)
	return handle
}

// body is what the goroutine of the coroutine does.
func (co *coroutine) body(yield func(struct{}) bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r) //nolint:forbidigo // not ours
			}
		}
	}()
	co.yield = yield
	u := co.universe
	l := u.thread()
	co.fiber.chain = []*lua.LState{l}
	l.Push(co.fn)
	for _, v := range co.in {
		l.Push(v)
	}
	n := len(co.in)
	co.in, co.fn = nil, nil
	if co.failed = u.attempt(l, n); co.failed != nil {
		return
	}
	co.out = lua51.Args(l, 1)
	co.fiber.chain = nil
	u.free(l)
}

// attempt is try for the outermost call of a coroutine, whose stack stays as an
// error leaves it: debug.traceback may be asked about it.
func (u *Universe) attempt(l *lua.LState, n int) (bad *failed) {
	finished := false
	defer func() {
		if finished {
			return
		}
		switch r := recover().(type) {
		case nil: // the goroutine ends
		case killed:
			panic(r) //nolint:forbidigo // it goes on unwinding
		default:
			bad = &failed{value: u.raised(l, r)}
		}
	}()
	l.Call(n, lua.MultRet)
	finished = true
	return nil
}

// resume runs the coroutine until it yields or ends. What it yielded or
// returned is in co.out.
func (u *Universe) resume(handle *lua.LState, co *coroutine, in []lua.LValue) *failed {
	switch {
	case co == nil:
		return &failed{value: lua.LString("cannot resume running coroutine")}
	case co.status != suspended:
		return &failed{value: lua.LString("cannot resume " + co.status + " coroutine")}
	}
	f, nested := u.now, 0
	for b := f.fiber; b.co != nil; b = b.below {
		nested++
	}
	if nested >= maxNesting {
		return &failed{value: lua.LString("stack overflow (coroutines nest too deep)")}
	}
	before := f.fiber
	if before.co != nil {
		before.co.status = normal
	}
	co.in, co.out, co.status = in, nil, running
	co.fiber.handle, co.fiber.below, f.fiber = handle, before, &co.fiber
	_, alive := co.next()
	f.fiber, co.fiber.below, co.fiber.handle = before, nil, nil
	if before.co != nil {
		before.co.status = running
	}
	if co.status = suspended; !alive {
		co.status = dead
		delete(u.coroutines, co)
	}
	return co.failed
}

func (u *Universe) coCreate(l *lua.LState) int {
	l.Push(u.newCoroutine(l.CheckFunction(1)))
	return 1
}

func (u *Universe) checkThread(l *lua.LState, n int) (*lua.LState, *coroutine) {
	handle := l.CheckThread(n)
	return handle, u.coroutineOf(handle)
}

func (u *Universe) coResume(l *lua.LState) int {
	handle, co := u.checkThread(l, 1)
	if bad := u.resume(handle, co, lua51.Args(l, 2)); bad != nil {
		l.Push(lua.LFalse)
		l.Push(bad.value)
		return 2
	}
	l.Push(lua.LTrue)
	return 1 + pushAll(l, co.out)
}

func pushAll(l *lua.LState, values []lua.LValue) int {
	for _, v := range values {
		l.Push(v)
	}
	return len(values)
}

func (u *Universe) coWrap(l *lua.LState) int {
	handle := u.newCoroutine(l.CheckFunction(1))
	l.Push(l.NewFunction(func(l *lua.LState) int {
		co := u.coroutineOf(handle)
		if bad := u.resume(handle, co, lua51.Args(l, 1)); bad != nil {
			if s, ok := bad.value.(lua.LString); ok {
				bad.value = lua.LString(u.where(1)) + s
			}
			l.Error(bad.value, 0)
		}
		return pushAll(l, co.out)
	}))
	return 1
}

func (u *Universe) coYield(l *lua.LState) int {
	co := u.now.fiber.co
	if co == nil {
		l.RaiseError("attempt to yield from outside a coroutine")
		return 0
	}
	co.out = lua51.Args(l, 1)
	if !co.yield(struct{}{}) {
		panic(killed{}) //nolint:forbidigo // it unwinds the goroutine
	}
	in := co.in
	co.in = nil
	return pushAll(l, in)
}

func (u *Universe) coRunning(l *lua.LState) int {
	f := u.now.fiber
	if f.handle == nil && f.co == nil && u.now.waits {
		f.handle = u.newHandle(nil)
	}
	if f.handle == nil {
		l.Push(lua.LNil)
	} else {
		l.Push(f.handle)
	}
	return 1
}

func (u *Universe) coStatus(l *lua.LState) int {
	_, co := u.checkThread(l, 1)
	status := lua.LString(running)
	if co != nil {
		status = lua.LString(co.status)
	}
	l.Push(status)
	return 1
}

// coClose is coroutine.close of Lua 5.4.
func (u *Universe) coClose(l *lua.LState) int {
	_, co := u.checkThread(l, 1)
	if co == nil || co.status == running || co.status == normal {
		l.RaiseError("cannot close a running coroutine")
		return 0
	}
	bad := co.failed
	co.close()
	co.failed = nil
	if bad != nil {
		l.Push(lua.LFalse)
		l.Push(bad.value)
		return 2
	}
	l.Push(lua.LTrue)
	return 1
}

// close ends a coroutine that is suspended; its goroutine is gone when close
// returns.
func (co *coroutine) close() {
	if co.status == suspended {
		co.stop()
	}
	co.status, co.fiber.chain, co.fn, co.in, co.out = dead, nil, nil, nil, nil
	delete(co.universe.coroutines, co)
}

// abandon is called by the collector. The coroutine is closed by who holds the
// lock next.
func (co *coroutine) abandon() {
	a := &co.universe.abandoned
	a.Lock()
	a.list = append(a.list, co)
	a.Unlock()
	a.some.Store(true)
}

// reap closes the coroutines that are abandoned.
func (u *Universe) reap() {
	a := &u.abandoned
	a.Lock()
	list := slices.Clip(a.list)
	a.list = nil
	a.Unlock()
	a.some.Store(false)
	for _, co := range list {
		co.close()
	}
}
