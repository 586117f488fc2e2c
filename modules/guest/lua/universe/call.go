// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// Error is an error that Lua raised and nothing in Lua caught.
type Error struct {
	// Task is the name of the task that it ended.
	Task string
	// Value is what was raised.
	Value lua.LValue
	// Text is the value as a string.
	Text string
	// Traceback says where.
	Traceback string
	// Stopped says why the task was stopped (ErrDeadline, ErrMemory,
	// ErrClosed); it is nil for other errors.
	Stopped error
}

// Error returns the task and the text.
func (e *Error) Error() string { return e.Task + ": " + e.Text }

// Unwrap returns why the task was stopped, if it was.
func (e *Error) Unwrap() error { return e.Stopped }

// report logs how a task ended that nobody waits for.
func (u *Universe) report(err error) {
	if e, ok := err.(*Error); ok { //nolint:errorlint // Do does not wrap
		u.log.Error("Lua task failed", "task", e.Task, "err", e.Text, "traceback", e.Traceback)
	}
}

// maxNesting is how many calls through pcall, and how many coroutines, nest:
// each takes Go's stack, as it took C's in Lua 5.1.
const maxNesting = 200

// killed unwinds the goroutine of a coroutine that is closed.
type killed struct{}

// run calls fn on the thread of a frame.
func (u *Universe) run(f *frame, fn func(l *lua.LState)) (err error) {
	finished := false
	defer func() {
		if finished {
			return
		}
		if r := recover(); r != nil {
			err = u.failure(f, r)
		}
		f.base.chain = f.base.chain[:0] // the stack of the thread is as it was
	}()
	fn(f.base.chain[0])
	finished = true
	return nil
}

// failure makes an error of what a frame panicked with.
func (u *Universe) failure(f *frame, r any) *Error {
	value := u.raised(f.base.top(), r)
	e := &Error{Task: f.task.Name, Value: value, Text: plainText(value), Traceback: u.traceback(&f.base, 0)}
	if why := u.why(); why != nil {
		e.Stopped = why.err
	} else if f.why != nil {
		e.Stopped = f.why.err
	}
	return e
}

// plainText is a value as a string, without running Lua.
func plainText(v lua.LValue) string {
	if lua51.IsText(v) {
		return lua51.ToText(v)
	}
	return "error object is a " + v.Type().String()
}

// raised returns the error of Lua that r, which was recovered, stands for. The
// stack of l is still that of the place where it was raised.
func (u *Universe) raised(l *lua.LState, r any) lua.LValue {
	u.raisedOn, u.raisedLast = nil, nil
	failed, ok := r.(*lua.ApiError)
	if ok && failed.Object != nil {
		if s, ok := failed.Object.(lua.LString); ok {
			return lua.LString(lua51.Reword(string(s)))
		}
		return failed.Object
	}
	where := position(l, 0)
	if r == "lua callstack overflow" { // gopher-lua is one call late
		return lua.LString(where + "stack overflow")
	}
	name := "?"
	if dbg, ok := l.GetStack(0); ok {
		if _, err := l.GetInfo("n", dbg, lua.LNil); err == nil && dbg.Name != "" {
			name = dbg.Name
		}
	}
	u.log.Error("function for Lua failed", slog.String("function", name), slog.Any("err", r), slog.String("stack", string(debug.Stack())))
	return lua.LString(fmt.Sprintf("%sinternal error in function '%s': %v", where, name, r))
}

// failed is an error on its way through protect.
type failed struct {
	value lua.LValue
	clean bool // the thread can be used again
}

// unwinding is the failure of what is closed.
var unwinding = &failed{value: lua.LNil}

// protect calls the function below the n values on top of from, which are its
// arguments, on a thread of its own. The results are all that is on the thread
// it returns, which must be freed. Each protected call has a stack of its own
// because gopher-lua closes the upvalues of all functions on the stack of a
// thread that raises an error: those outside of pcall too, which then live a
// life of their own.
//
// handler, if not nil, is called where the error was raised; its result takes
// the place of the error.
func (u *Universe) protect(from *lua.LState, n int, handler *lua.LFunction) (*lua.LState, *failed) {
	f := u.now.fiber
	if len(f.chain) >= maxNesting {
		from.RaiseError("stack overflow (more than %d protected calls)", maxNesting)
	}
	l := u.thread()
	l.Push(u.protector)
	from.XMoveTo(l, n+1)
	f.push(l)
	u.handler = handler
	bad := u.try(l, n+1)
	f.pop()
	return l, bad
}

// try calls the protector, which was pushed with what it is to call. After an
// error the thread is free already, or dropped.
func (u *Universe) try(l *lua.LState, n int) *failed {
	err := l.PCall(n, lua.MultRet, nil)
	if err == nil {
		return nil
	}
	bad := u.failed
	u.failed = nil
	switch {
	case bad == nil: // an error that gopher-lua raised beside the protector
		return &failed{value: lua.LString(err.Error())}
	case bad == unwinding:
		panic(killed{}) //nolint:forbidigo // it goes on unwinding
	case bad.clean:
		u.free(l)
	}
	return bad
}

// raise takes the place of gopher-lua's, which describes the stack each time.
// It notes where it was: a thread on which something else panicked is not used
// again, for closures may still look into its stack.
func (u *Universe) raise(l *lua.LState) {
	u.raisedOn, u.raisedLast = l, &lua.ApiError{Type: lua.ApiErrorRun, Object: l.Get(-1)}
	panic(u.raisedLast) //nolint:forbidigo // this is how gopher-lua raises errors
}

// protected is the function of the protector: it calls its first argument with
// the others. What it panics with anew makes PCall, below it, clear the stack,
// but not describe it, which takes time that is quadratic in its depth.
func (u *Universe) protected(l *lua.LState) int {
	handler := u.handler
	u.handler = nil
	l.Panic = u.onRaise
	finished := false
	defer func() {
		if finished {
			return
		}
		switch r := recover().(type) {
		case nil: // the goroutine ends
		case killed:
			u.failed = unwinding
			panic(&lua.ApiError{Object: lua.LNil, StackTrace: "-"}) //nolint:forbidigo // try goes on with it
		default:
			clean := u.raisedOn == l && r == any(u.raisedLast)
			bad := &failed{value: u.raised(l, r), clean: clean}
			if handler != nil {
				bad.value = u.handle(handler, bad.value)
			}
			u.failed = bad
			panic(&lua.ApiError{Object: bad.value, StackTrace: "-"}) //nolint:forbidigo // see above
		}
	}()
	l.Call(l.GetTop()-1, lua.MultRet)
	finished = true
	return l.GetTop()
}

// handle calls the handler of xpcall while the threads of the error are in
// place, so that it can describe them.
func (u *Universe) handle(handler *lua.LFunction, value lua.LValue) lua.LValue {
	f := u.now.fiber
	if len(f.chain) > maxNesting { // one more than for calls
		return value
	}
	h := u.thread()
	h.Push(u.protector)
	h.Push(handler)
	h.Push(value)
	f.push(h)
	bad := u.try(h, 2)
	f.pop()
	if bad != nil {
		return bad.value
	}
	result := h.Get(1)
	u.free(h)
	return result
}

// PCall is what functions of Go call in place of gopher-lua's PCall, which is
// not safe (see protect). It takes the function and its n arguments from the
// stack and leaves the results there, or returns what was raised.
func (u *Universe) PCall(l *lua.LState, n int) (results int, raised lua.LValue) {
	from, bad := u.protect(l, n, nil)
	if bad != nil {
		return 0, bad.value
	}
	results = from.GetTop()
	from.XMoveTo(l, results)
	u.free(from)
	return results, nil
}

func (u *Universe) luaPCall(l *lua.LState) int {
	l.CheckAny(1)
	return u.answer(l, l.GetTop()-1, nil)
}

// luaXPCall passes on arguments, as Lua does from 5.2 on.
func (u *Universe) luaXPCall(l *lua.LState) int {
	l.CheckAny(1)
	handler, _ := l.Get(2).(*lua.LFunction)
	l.Remove(2)
	return u.answer(l, l.GetTop()-1, handler)
}

func (u *Universe) answer(l *lua.LState, n int, handler *lua.LFunction) int {
	from, bad := u.protect(l, n, handler)
	if bad != nil {
		l.Push(lua.LFalse)
		l.Push(bad.value)
		return 2
	}
	l.Push(lua.LTrue)
	results := from.GetTop()
	from.XMoveTo(l, results)
	u.free(from)
	return results + 1
}

func (u *Universe) luaError(l *lua.LState) int {
	v := l.Get(1)
	level := lua51.Integer(l, 2, 1)
	if s, ok := v.(lua.LString); ok && level > 0 {
		v = lua.LString(u.where(level)) + s
	}
	l.Error(v, 0)
	return 0
}
