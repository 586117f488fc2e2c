// SPDX-License-Identifier: Apache-2.0

// Package universe runs the Lua of a server as Prosody 0.12 does: all modules
// share one set of globals and one interpreter lock, for they were written for
// a single thread.
//
// Who wants to run Lua enters with [Universe.Do], which takes the lock and a
// thread of Lua. A task that must wait gives the lock away and keeps its
// goroutine; so it may wait below pcall, in iterators and in functions of Go.
// Coroutines have goroutines too, and may yield from anywhere. A watchdog ends
// tasks that run for too long or need too much memory.
package universe

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// Limits where Options does not set others.
const (
	// DefaultLimit is how long a task may run, waits aside.
	DefaultLimit = 200 * time.Millisecond
	// callStack is how many calls of Lua nest in a thread, as in Lua 5.1.
	callStack = 20_000
	// registry is how many values the stack of a thread holds at first and at most.
	registry, registryMax, registryGrow = 256, 1 << 20, 4096
)

// Errors of [Universe.Do].
var (
	ErrClosed   = errors.New("the universe of Lua is closed")
	ErrDeadline = errors.New("deadline exceeded")
	ErrMemory   = errors.New("memory limit exceeded")
)

// Options are what a universe is made with.
type Options struct {
	// Limit is how long a task may run if it does not say so itself; 0 stands
	// for DefaultLimit, a negative one for no limit.
	Limit time.Duration
	// Memory is how many bytes a task may add to what lives on the heap; 0
	// stands for no limit.
	Memory int64
	// Log takes what Lua and the watchdog have to say; nil stands for the default one.
	Log *slog.Logger
	// Sources are trees of Lua files, in which require finds util/array.lua as
	// util.array; the first wins.
	Sources []fs.FS
	// Loaders are libraries in Go, by the name that is required.
	Loaders map[string]lua.LGFunction
}

// Universe is one state of Lua with all that belongs to it.
type Universe struct {
	lock    sync.Mutex // the interpreter's; see take
	waited  histogram
	closed  atomic.Bool
	closing chan struct{}
	tasks   sync.WaitGroup // goroutines that we started
	log     *slog.Logger
	limit   time.Duration
	memory  int64
	watch   watchdog
	timers  timers

	// What follows is guarded by the lock.
	main       *lua.LState
	library    *lua51.Library
	now        *frame         // what runs
	frames     []*frame       // to be used again
	threads    []*lua.LState  // the same
	protector  *lua.LFunction // see protected; the next four too
	handler    *lua.LFunction
	onRaise    func(*lua.LState)
	failed     *failed
	raisedOn   *lua.LState
	raisedLast *lua.ApiError
	found      *coroutine              // see coroutineOf
	coroutines map[*coroutine]struct{} // those that have not ended
	loading    *lua.LTable             // where globals that a library sets go
	locked     bool                    // whether globals are
	loaders    map[string]lua.LGFunction
	sources    []fs.FS
	chunks     map[string]string         // what debug.getinfo calls the source of a chunk
	defaults   map[string]*lua.LUserData // the files of io.input and io.output

	abandoned struct { // coroutines that nobody can resume
		sync.Mutex // guards list
		list       []*coroutine
		some       atomic.Bool
	}
}

// New makes a universe. It must be closed.
func New(o Options) *Universe {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	u := &Universe{
		closing: make(chan struct{}), log: o.Log, limit: o.Limit, memory: o.Memory,
		loaders: map[string]lua.LGFunction{}, coroutines: map[*coroutine]struct{}{}, sources: o.Sources, chunks: map[string]string{}, defaults: map[string]*lua.LUserData{},
		main: lua.NewState(lua.Options{
			SkipOpenLibs: true, CallStackSize: callStack, MinimizeStackMemory: true,
			RegistrySize: registry, RegistryMaxSize: registryMax, RegistryGrowStep: registryGrow,
		}),
	}
	u.library = lua51.New((*meter)(u))
	u.onRaise = u.raise
	u.protector = u.main.NewFunction(u.protected)
	u.openLibraries()
	maps.Copy(u.loaders, o.Loaders)
	u.startTimers()
	u.startWatchdog()
	return u
}

// Register adds a library in Go to those that require finds. The loader leaves
// the library on the stack and returns 1.
func (u *Universe) Register(name string, loader lua.LGFunction) {
	u.take()
	defer u.give()
	u.loaders[name] = loader
}

// Close ends what runs and what waits. After it, Do returns ErrClosed.
func (u *Universe) Close() {
	if u.closed.Swap(true) {
		return
	}
	close(u.closing)
	u.tasks.Wait()
	u.take()
	defer u.give()
	for co := range u.coroutines {
		co.close()
	}
}

// Closed reports whether the universe has been closed.
func (u *Universe) Closed() bool { return u.closed.Load() }

const registryKey = "tercet.universe"

// Of returns the universe that l belongs to; nil if there is none.
func Of(l *lua.LState) *Universe {
	ud, ok := l.G.Registry.RawGetString(registryKey).(*lua.LUserData)
	if !ok {
		return nil
	}
	u, _ := ud.Value.(*Universe)
	return u
}

// Library is the repaired standard library of the universe.
func (u *Universe) Library() *lua51.Library { return u.library }

// Meter is what functions of Go tell of long loops and large allocations, which
// it ends by an error when the task's time is up or its memory used.
func (u *Universe) Meter() lua51.Meter { return (*meter)(u) }

// Log is the universe's log.
func (u *Universe) Log() *slog.Logger { return u.log }

// root is the context of what nobody asked for from outside. It ends with the
// universe.
type root Universe

// Done implements [context.Context].
func (r *root) Done() <-chan struct{} { return r.closing }

// Err implements [context.Context].
func (r *root) Err() error {
	if r.closed.Load() {
		return ErrClosed
	}
	return nil
}

// Deadline implements [context.Context].
func (r *root) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value implements [context.Context].
func (r *root) Value(any) any { return nil }
