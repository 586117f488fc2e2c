// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/memory"
)

const (
	// lookEvery is how often the watchdog looks at what runs.
	lookEvery = 10 * time.Millisecond
	// idleLooks is after how many looks at nothing it goes to sleep.
	idleLooks = 100
	// heldUp is how long a run may last before the log says whose it is.
	heldUp = time.Second
)

// watchdog looks every 10 ms which run it is and since when. An entry costs it
// two stores: it reads no clock.
//
// A run is what goes on between taking the lock and giving it away, or until
// another frame is on top; its number is odd, that of a pause even.
type watchdog struct {
	run    atomic.Uint64
	limit  atomic.Int64 // of the run, ns; 0: none
	before atomic.Int64 // what its frame has used of it in earlier runs, ns
	task   atomic.Pointer[Task]
	stop   atomic.Pointer[stopped]
	seen   atomic.Pointer[sighting]
	base   atomic.Int64 // bytes that lived when nothing ran

	awake atomic.Bool
	wake  chan struct{}

	// The same values for who holds the lock.
	current           uint64
	lastLimit, lastBe int64
	charged, next     int64 // bytes since the run began, and when to measure
}

// stopped says that a run is to end.
type stopped struct {
	run  uint64
	text string
	err  error
}

// sighting is how long a run was seen to go on.
type sighting struct {
	run uint64
	ran time.Duration
}

// arm begins a run of f.
func (u *Universe) arm(f *frame) {
	w := &u.watch
	limit := f.task.Limit
	if limit == 0 {
		limit = u.limit
	}
	n := int64(max(limit, 0))
	if n != w.lastLimit {
		w.lastLimit = n
		w.limit.Store(n)
	}
	if b := int64(f.used); b != w.lastBe {
		w.lastBe = b
		w.before.Store(b)
	}
	if w.task.Load() != f.task {
		w.task.Store(f.task)
	}
	w.current++
	w.run.Store(w.current)
	switch {
	case u.closed.Load():
		w.stop.Store(&stopped{w.current, ErrClosed.Error(), ErrClosed})
	case f.why != nil:
		w.stop.Store(&stopped{w.current, f.why.text, f.why.err})
	}
	w.charged, w.next = 0, u.memory/4
	if !w.awake.Load() {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// disarm ends the run of f.
func (u *Universe) disarm(f *frame) {
	w := &u.watch
	if why := w.stop.Load(); why != nil && why.run == w.current && f.why == nil {
		f.why = why
	}
	if s := w.seen.Load(); s != nil && s.run == w.current {
		f.used += s.ran
	}
	w.current++
	w.run.Store(w.current)
}

// why returns why the run must end; nil if it may go on.
func (u *Universe) why() *stopped {
	if s := u.watch.stop.Load(); s != nil && s.run == u.watch.current {
		return s
	}
	return nil
}

func (u *Universe) startWatchdog() {
	u.watch.wake = make(chan struct{}, 1)
	u.watch.base.Store(memory.Live())
	u.tasks.Go(u.watchRuns)
}

func (u *Universe) watchRuns() {
	for {
		select {
		case <-u.closing:
			u.watch.stopAll()
			return
		case <-u.watch.wake:
		}
		u.watch.awake.Store(true)
		if u.watchUntilIdle() {
			return
		}
	}
}

// watchUntilIdle returns true at the end of the universe.
func (u *Universe) watchUntilIdle() bool {
	w := &u.watch
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var run uint64
	var last time.Time
	var ran, cpu time.Duration
	var growth growth
	for idle := 0; ; {
		select {
		case <-u.closing:
			w.stopAll()
			return true
		case <-ticker.C:
		}
		now := time.Now()
		switch at := w.run.Load(); {
		case at != run:
			run, idle, ran, cpu = at, 0, 0, processTime()
			growth = u.beginGrowth()
		case at&1 == 0:
			if idle++; idle >= idleLooks && w.sleep(at) {
				return false
			}
		default:
			before := ran
			if ran += min(now.Sub(last), 2*lookEvery); before < heldUp && ran >= heldUp {
				u.tell(run, ran)
			}
			w.seen.Store(&sighting{run, ran})
			limit := time.Duration(w.limit.Load())
			left := limit - time.Duration(w.before.Load())
			if limit > 0 && ran > left && processTime()-cpu >= left/2 {
				w.end(&stopped{run, "it ran for more than " + limit.String(), ErrDeadline})
			}
			if growth.beyond(u.memory) {
				w.end(u.tooMuch(run))
			}
		}
		last = now
	}
}

// tell has the log say who holds everybody up.
func (u *Universe) tell(run uint64, ran time.Duration) {
	w := &u.watch
	if t := w.task.Load(); t != nil && w.run.Load() == run { // it is still that one's
		u.log.Warn("Lua is held up: nobody else can run", "task", t.Name, "for", ran)
	}
}

// processTime is how long the process has had a processor: on a machine that is
// overloaded a task may stand still for longer than it may run.
func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// sleep reports whether the watchdog can sleep: a run may have begun before it
// could see that nobody looks.
func (w *watchdog) sleep(run uint64) bool {
	w.base.Store(memory.Live())
	w.awake.Store(false)
	if w.run.Load() == run {
		return true
	}
	w.awake.Store(true)
	return false
}

// end stops a run, if it still goes on.
func (w *watchdog) end(s *stopped) {
	if old := w.stop.Load(); old == nil || old.run != s.run {
		w.stop.Store(s)
	}
}

// stopAll stops what runs when the universe is closed; see arm for what pauses.
func (w *watchdog) stopAll() {
	w.stop.Store(&stopped{w.run.Load(), ErrClosed.Error(), ErrClosed})
}

func (u *Universe) tooMuch(run uint64) *stopped {
	return &stopped{run, fmt.Sprintf("it needs more than %d MiB of memory", u.memory>>20), ErrMemory}
}

// growth watches how the heap grows while one run goes on: what grows then is
// taken to be Lua's.
type growth struct {
	live, next int64
}

func (u *Universe) beginGrowth() growth {
	if u.memory <= 0 {
		return growth{}
	}
	now := memory.InUse()
	return growth{live: min(u.watch.base.Load(), now), next: now + u.memory/2}
}

// beyond reports whether more than limit has come to live since the run began.
func (g *growth) beyond(limit int64) bool {
	if limit <= 0 || memory.InUse() < g.next {
		return false
	}
	runtime.GC()
	left := limit - (memory.Live() - g.live)
	g.next = memory.InUse() + max(left/2, limit/16)
	return left < 0
}

// governor is the context of all threads of Lua: gopher-lua asks it before each
// instruction whether it is done.
type governor Universe

var done = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done implements [context.Context] for gopher-lua.
func (g *governor) Done() <-chan struct{} {
	if s := g.watch.stop.Load(); s != nil && s.run == g.watch.current {
		return done
	}
	return nil
}

// Err implements [context.Context].
func (g *governor) Err() error {
	if s := (*Universe)(g).why(); s != nil {
		return fmt.Errorf("stopped: %s", s.text)
	}
	return nil
}

// Deadline implements [context.Context].
func (g *governor) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value implements [context.Context].
func (g *governor) Value(any) any { return nil }

// AfterFunc keeps contexts that are made of g from starting a goroutine each.
func (g *governor) AfterFunc(func()) func() bool { return func() bool { return true } }

// meter is what the functions of the standard library report to.
type meter Universe

// Step implements [lua51.Meter].
func (m *meter) Step(l *lua.LState, _ int) {
	if s := (*Universe)(m).why(); s != nil {
		l.RaiseError("stopped: %s", s.text)
	}
}

// Alloc implements [lua51.Meter].
func (m *meter) Alloc(l *lua.LState, n int) {
	u := (*Universe)(m)
	m.Step(l, 0)
	if u.memory <= 0 {
		return
	}
	w := &u.watch
	if int64(n) <= u.memory {
		if w.charged += int64(n); w.charged < w.next {
			return
		}
		runtime.GC()
		left := u.memory - int64(n) - max(memory.Live()-w.base.Load(), 0)
		w.next = w.charged + max(left/2, u.memory/16)
		if left >= 0 {
			return
		}
	}
	w.stop.Store(u.tooMuch(w.current))
	m.Step(l, 0)
}
