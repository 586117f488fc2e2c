// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A task is something that Close waits for.
type task struct {
	what string // "goroutine", "timer" or "hold"
	pc   uintptr
}

// Go runs fn in a goroutine of the scope: from the Swap that makes the scope
// live until Close, which waits for it. fn returns when its context is done.
// Handlers that end while the scope closes may still start one, with a context
// that is done; on a closed scope fn does not run.
func (s *Scope) Go(fn func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.started && !s.ended:
		s.goLocked(fn)
	case !s.started && !s.closing:
		s.staged = append(s.staged, fn)
	}
}

func (s *Scope) goLocked(fn func(context.Context)) {
	t := &task{"goroutine", pcOf(fn)}
	s.addLocked(t)
	go func() {
		defer s.done(t)
		s.run(s.ctx, fn)
	}()
}

// begin starts what was staged. It comes after the Swap; if a Close has come
// between, nothing is staged any more.
func (s *Scope) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	for _, fn := range s.staged {
		s.goLocked(fn)
	}
	s.staged = nil
	for t := range s.timers {
		t.arm()
	}
}

// run is the root of all that a scope runs by itself: a panic ends this run,
// not the server.
func (s *Scope) run(ctx context.Context, fn func(context.Context)) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(v)
		}
	}()
	fn(ctx)
}

func (s *Scope) addLocked(t *task) {
	if s.work == nil {
		s.work = make(map[*task]bool)
	}
	s.work[t] = true
}

// done ends a task; a second time it does nothing.
func (s *Scope) done(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.work, t)
	if len(s.work) == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// Hold keeps Close waiting until release is called: for work that waits, and
// therefore enters a pass per step, but must not see its module closed between
// two of them. It ends soon once the scope's context is done. On a closed scope
// it holds nothing.
func (s *Scope) Hold() (release func()) {
	t := &task{what: "hold"}
	var pc [1]uintptr
	if runtime.Callers(2, pc[:]) == 1 {
		t.pc = pc[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return func() {}
	}
	s.addLocked(t)
	return func() { s.done(t) }
}

// A timer runs fn once, or each period. Between two runs it costs no goroutine.
type timer struct {
	scope *Scope
	fn    func(context.Context)
	first time.Duration
	every time.Duration // 0: once
	clock *time.Timer   // nil until armed; guarded by scope.mu, as all that follows
	next  time.Time
}

// Every calls fn each d until Close, the first time d after the Swap that makes
// the scope live. A run that takes longer than d puts off the next: there are
// never two at a time.
func (s *Scope) Every(d time.Duration, fn func(context.Context)) {
	if d <= 0 {
		s.refuse(errors.New("every: the period is not positive"))
		return
	}
	s.schedule(&timer{scope: s, fn: fn, first: d, every: d})
}

// After calls fn once, d from now or from the Swap that makes the scope live.
// It does not if stop is called or the scope closes before. stop does not wait
// for an fn that runs already; Close does.
func (s *Scope) After(d time.Duration, fn func(context.Context)) (stop func()) {
	t := &timer{scope: s, fn: fn, first: d}
	s.schedule(t)
	return t.stop
}

func (s *Scope) schedule(t *timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return
	}
	if s.timers == nil {
		s.timers = make(map[*timer]bool)
	}
	s.timers[t] = true
	if s.started {
		t.arm()
	}
}

func (t *timer) arm() {
	t.next = time.Now().Add(t.first)
	t.clock = time.AfterFunc(t.first, t.fire) //nolint:forbidigo // this is the scope's timer
}

func (t *timer) stop() {
	t.scope.mu.Lock()
	defer t.scope.mu.Unlock()
	delete(t.scope.timers, t)
	if t.clock != nil {
		t.clock.Stop()
	}
}

func (t *timer) fire() {
	s := t.scope
	s.mu.Lock()
	if !s.timers[t] { // stopped while the clock rang
		s.mu.Unlock()
		return
	}
	if t.every == 0 {
		delete(s.timers, t)
	}
	w := &task{"timer", pcOf(t.fn)}
	s.addLocked(w)
	s.mu.Unlock()
	defer s.done(w)
	defer t.again()
	f := &frame{Context: s.ctx, began: clock()}
	s.run(f, t.fn)
	f.end(s.meter, 1)
}

// again sets the clock for the next run, unless there is none.
func (t *timer) again() {
	t.scope.mu.Lock()
	defer t.scope.mu.Unlock()
	if !t.scope.timers[t] {
		return
	}
	now := time.Now()
	if t.next = t.next.Add(t.every); t.next.Before(now) {
		t.next = now.Add(t.every)
	}
	t.clock.Reset(t.next.Sub(now))
}

var panicked atomic.Pointer[func(scope string, value any, stack []byte)]

// OnPanic sets where panics are reported that were recovered at the root of a
// scope's goroutine or timer, or in a Defer function. Until it is called they go
// to slog's default logger.
func OnPanic(fn func(scope string, value any, stack []byte)) {
	if fn == nil {
		panicked.Store(nil)
		return
	}
	panicked.Store(&fn)
}

// panicked counts a panic of what the scope runs by itself.
func (s *Scope) panicked(value any) {
	s.meter.Panic()
	reportPanic(s.name, value)
}

func reportPanic(scope string, value any) {
	if fn := panicked.Load(); fn != nil {
		(*fn)(scope, value, debug.Stack())
		return
	}
	slog.Error("panic recovered", "scope", scope, "value", value, "stack", string(debug.Stack()))
}

func pcOf(fn any) uintptr { return reflect.ValueOf(fn).Pointer() }
