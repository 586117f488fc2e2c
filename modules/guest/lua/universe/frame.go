// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"context"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Task says what an entry is for. It may be used any number of times.
type Task struct {
	// Name tells an admin what ran: "mod_welcome: message/bare on example.org".
	Name string
	// Limit is how long it may run, waits aside; 0 stands for that of the
	// universe, a negative one for no limit.
	Limit time.Duration
	// Waits says that it runs on a goroutine of its own, or on that of the one
	// session which it may hold up: util.async may wait in it. An entry in a call
	// out of another may wait if that one may.
	Waits bool
}

// frame is one entry, from Do to its end.
type frame struct {
	task  *Task
	ctx   context.Context //nolint:containedctx // it is that of one call of Do, for Out
	below *frame          // the one that it was called from
	base  fiber           // what it runs
	fiber *fiber          // what of it runs now: base, or a coroutine
	used  time.Duration   // of its limit, as far as the watchdog saw
	why   *stopped        // if it was stopped
	waits bool
	depth int // how many frames are below it
}

// fiber is a thread of execution: the threads of Lua that call each other
// through pcall, the outermost first.
type fiber struct {
	chain  []*lua.LState
	handle *lua.LState // what coroutine.running returns; nil for the main one
	co     *coroutine  // nil for a frame's
	below  *fiber      // the one that resumed it
}

// top is the thread that runs.
func (f *fiber) top() *lua.LState { return f.chain[len(f.chain)-1] }

func (f *fiber) push(l *lua.LState) { f.chain = append(f.chain, l) }

func (f *fiber) pop() {
	f.chain[len(f.chain)-1] = nil // it may be dropped
	f.chain = f.chain[:len(f.chain)-1]
}

// Do enters the universe and calls fn with a thread of Lua, which is fn's until
// it returns. An error that Lua raises in fn ends it; Do returns it as an
// [*Error].
//
// If ctx comes from [Universe.Out], Do belongs to the task that called out, and
// the lock that this holds is used.
func (u *Universe) Do(ctx context.Context, t *Task, fn func(l *lua.LState)) error {
	from := tokenOf(ctx, u)
	if from == nil || !from.enter() {
		from = nil
		u.take()
	}
	defer u.leave(from)
	if u.closed.Load() {
		return ErrClosed
	}
	if u.now != nil && u.now.depth >= maxEntries {
		return &Error{Task: t.Name, Value: lua.LNil, Text: "stack overflow (Lua and the server call each other too deep)"}
	}
	f := u.push(ctx, t)
	defer u.pop(f)
	return u.run(f, fn)
}

// maxEntries is how deep Lua and the server may call each other.
const maxEntries = 100

// Call enters the universe, calls fn with args, and returns its first result.
func (u *Universe) Call(ctx context.Context, t *Task, fn *lua.LFunction, args ...lua.LValue) (result lua.LValue, err error) {
	err = u.Do(ctx, t, func(l *lua.LState) {
		l.Push(fn)
		for _, a := range args {
			l.Push(a)
		}
		l.Call(len(args), 1)
		result = l.Get(-1)
	})
	return result, err
}

// Go runs a task on a goroutine of its own; an error is logged.
func (u *Universe) Go(ctx context.Context, t *Task, fn func(l *lua.LState)) {
	ctx = Detach(ctx)
	u.tasks.Go(func() {
		if err := u.Do(ctx, t, fn); err != nil {
			u.report(err)
		}
	})
}

func (u *Universe) push(ctx context.Context, t *Task) *frame {
	var f *frame
	if n := len(u.frames); n > 0 {
		f, u.frames = u.frames[n-1], u.frames[:n-1]
	} else {
		f = &frame{}
	}
	f.task, f.ctx, f.below, f.waits = t, ctx, u.now, t.Waits
	if f.below != nil { // which has called out, and so is not running
		f.waits, f.depth = f.below.waits, f.below.depth+1
	}
	f.fiber = &f.base
	f.base.chain = append(f.base.chain[:0], u.thread()) //nolint:contextcheck // a thread has the context of all
	u.now = f
	u.arm(f)
	return f
}

func (u *Universe) pop(f *frame) {
	u.disarm(f)
	u.now = f.below
	if len(f.base.chain) > 0 {
		u.free(f.base.chain[0])
	}
	clear(f.base.chain[:cap(f.base.chain)])
	chain := f.base.chain[:0]
	*f = frame{}
	f.base.chain = chain
	if len(u.frames) < maxSpare {
		u.frames = append(u.frames, f)
	}
}

// maxSpare is how many threads and frames are kept for the next entry.
const maxSpare = 32

// thread returns a thread with nothing on its stack.
func (u *Universe) thread() *lua.LState {
	if n := len(u.threads); n > 0 {
		l := u.threads[n-1]
		u.threads[n-1] = nil // it may be dropped, and what it holds with it
		u.threads = u.threads[:n-1]
		return l
	}
	l, _ := u.main.NewThread()
	l.SetContext((*governor)(u))
	l.Panic = u.onRaise
	return l
}

// free keeps a thread for later. One whose stack is as an error left it must not
// come here.
func (u *Universe) free(l *lua.LState) {
	if len(u.threads) < maxSpare {
		l.SetTop(0)
		u.threads = append(u.threads, l)
	}
}

// A token travels in the context of a call out of Lua and lets what comes back
// on it use the lock of the frame that called. It is good for one entry at a
// time, until the call returns: so a goroutine that kept the context by mistake
// takes turns, and takes the lock as everybody once the call is over.
type token struct {
	universe *Universe
	sync.Mutex
	over bool // guarded by the Mutex
}

type tokenKey struct{}

func tokenOf(ctx context.Context, u *Universe) *token {
	t, _ := ctx.Value(tokenKey{}).(*token)
	if t == nil || t.universe != u {
		return nil
	}
	return t
}

func (t *token) enter() bool {
	t.Lock()
	if t.over {
		t.Unlock()
		return false
	}
	return true
}

// Out calls fn, which leaves Lua: it may route a stanza, call hooks, and enter
// the universe again with its context. The time it takes is not the task's.
// Functions of Go that Lua calls get their context here and nowhere else.
func (u *Universe) Out(fn func(ctx context.Context)) {
	f := u.now
	t := &token{universe: u}
	u.disarm(f)
	defer func() {
		t.Lock()
		t.over = true
		t.Unlock()
		u.arm(f)
	}()
	fn(context.WithValue(f.ctx, tokenKey{}, t))
}

// Detach returns ctx for another goroutine: it carries no right to the lock.
func Detach(ctx context.Context) context.Context {
	if t, _ := ctx.Value(tokenKey{}).(*token); t == nil {
		return ctx
	}
	return context.WithValue(ctx, tokenKey{}, (*token)(nil))
}

// take takes the interpreter lock and notes how long that took.
func (u *Universe) take() {
	if u.lock.TryLock() {
		u.waited.add(0)
		return
	}
	start := time.Now()
	u.lock.Lock()
	u.waited.add(time.Since(start))
}

// give gives the interpreter lock back.
func (u *Universe) give() { u.lock.Unlock() }

// leave ends an entry that began with a token, or with take.
func (u *Universe) leave(from *token) {
	if from != nil {
		from.Unlock()
		return
	}
	if u.abandoned.some.Load() {
		u.reap()
	}
	u.give()
}
