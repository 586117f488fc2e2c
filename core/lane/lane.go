// SPDX-License-Identifier: Apache-2.0

// Package lane keeps order at one destination (an account, a room, a node)
// without ever blocking the sender: who finds the lane taken leaves his work
// with the one who has it.
package lane

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// How much of others' work the holder of a lane does before he hands the rest to
// a goroutine of its own.
const (
	drainItems = 64
	drainTime  = time.Millisecond
)

// keepRoom is the longest queue (8 KiB) that an idle lane keeps its memory for.
const keepRoom = 1024

// The states of a lane.
const (
	free   = iota
	taken  // by one who finds nothing waiting when he leaves
	queued // taken, and something waits or is being drained
)

// A Lane runs functions one at a time, those of one submitter in his order. The
// zero Lane is free. A Lane is not copied once used.
type Lane struct {
	state atomic.Int32

	mu    sync.Mutex // guards what follows, and the steps to and from queued
	queue []func()   // from head on: those that wait
	head  int
	came  uint64 // how many have waited so far
}

// TryEnter takes the lane if it is free. Whoever got true calls Leave, deferred,
// so that a panic leaves too. It is Do without a closure.
func (l *Lane) TryEnter() bool { return l.state.CompareAndSwap(free, taken) }

// Leave gives the lane back after a TryEnter that returned true. It first runs
// what waits: at most 64 functions or for 1 ms; the rest runs in a goroutine of
// its own. A panic of one of those is reported to OnPanic: it is not the
// caller's.
func (l *Lane) Leave() {
	if !l.state.CompareAndSwap(taken, free) {
		l.drain()
	}
}

// Yield is Leave for those who may hold a lock: what waits, which may want that
// lock, runs in a goroutine of its own.
func (l *Lane) Yield() {
	if !l.state.CompareAndSwap(taken, free) {
		l.spawn(l.next())
	}
}

// Do runs fn now if the lane is free, and then what waits, as Leave does. Else
// it queues fn and returns: it never waits for the lane, so that it may be
// called inside of it. If fn panics now, the panic is the caller's.
func (l *Lane) Do(fn func()) {
	if !l.TryEnter() {
		if entered, _ := l.enterOrQueue(fn); !entered {
			return
		}
	}
	returned := false
	defer func() {
		if returned {
			l.Leave()
		} else { // a panic goes through here
			l.Yield()
		}
	}()
	fn()
	returned = true
}

// Later is Do that never runs fn now, nor anything of others: whoever calls it
// may hold a lock, or have no stack left. It returns what Came was just then.
func (l *Lane) Later(fn func()) (came uint64) {
	entered, came := l.enterOrQueue(fn)
	if entered {
		l.spawn(fn)
	}
	return came
}

// enterOrQueue takes the lane if it has become free, or queues fn.
func (l *Lane) enterOrQueue(fn func()) (entered bool, came uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.TryEnter() {
			return true, l.came
		}
		// Only with mu held a lane becomes queued, or free after that.
		if l.state.Load() == queued || l.state.CompareAndSwap(taken, queued) {
			if len(l.queue) == cap(l.queue) && l.head > len(l.queue)/2 { // move up instead of growing
				n := copy(l.queue, l.queue[l.head:])
				clear(l.queue[n:])
				l.queue, l.head = l.queue[:n], 0
			}
			l.queue = append(l.queue, fn)
			l.came++
			return false, l.came
		}
	}
}

// Came is the number of functions that have had to wait until now: who finds it
// as it was after his own knows that none has come behind that.
func (l *Lane) Came() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.came
}

// Len is the number of functions that wait.
func (l *Lane) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) - l.head
}

// next takes the oldest function from the queue; when there is none, the lane
// becomes free.
func (l *Lane) next() (fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.head == len(l.queue) {
		l.queue, l.head = l.queue[:0], 0
		if cap(l.queue) > keepRoom {
			l.queue = nil
		}
		l.state.Store(free)
		return nil
	}
	fn, l.queue[l.head] = l.queue[l.head], nil
	l.head++
	return fn
}

// drain runs what waits, within the bounds. The lane is queued.
func (l *Lane) drain() {
	start := time.Now()
	over := false
	defer func() {
		if !over { // a function ended the goroutine
			l.spawn(l.next())
		}
	}()
	for n := 0; ; n++ {
		fn := l.next()
		if fn == nil || n == drainItems || n > 0 && time.Since(start) >= drainTime {
			over = true
			l.spawn(fn)
			return
		}
		run(fn)
	}
}

// spawn starts the lane's own goroutine with what next returned.
func (l *Lane) spawn(fn func()) {
	if fn != nil {
		go l.drainAll(fn)
	}
}

// drainAll runs fn and what waits until nothing does.
func (l *Lane) drainAll(fn func()) {
	over := false
	defer func() {
		if !over { // a function ended the goroutine
			l.spawn(l.next())
		}
	}()
	for n := 1; fn != nil; n++ {
		run(fn)
		if n%drainItems == 0 {
			runtime.Gosched()
		}
		fn = l.next()
	}
	over = true
}

// run calls a function that had waited: its panic is not that of the goroutine
// which happens to run it.
func run(fn func()) {
	defer func() {
		if v := recover(); v != nil {
			report(v)
		}
	}()
	fn()
}

var panicked atomic.Pointer[func(value any, stack []byte)]

// OnPanic sets where panics are reported of functions that had waited in a lane.
// Until it is called they go to slog's default logger.
func OnPanic(fn func(value any, stack []byte)) {
	if fn == nil {
		panicked.Store(nil)
		return
	}
	panicked.Store(&fn)
}

func report(value any) {
	if fn := panicked.Load(); fn != nil {
		(*fn)(value, debug.Stack())
		return
	}
	slog.Error("panic recovered in a lane", "value", value, "stack", string(debug.Stack()))
}
