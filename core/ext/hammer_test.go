// SPDX-License-Identifier: Apache-2.0

package ext_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/ext"
)

// The points of the hammer. Each module attaches to all of them, so that what
// one pass sees of one module can be compared.
var (
	hammerHook    = ext.NewHook[hammerEvent]("hammer-hook")
	hammerChain   = ext.NewChain[string, hammerEvent]("hammer-chain")
	hammerList    = ext.NewList[*instance]("hammer-list")
	hammerMap     = ext.NewMap[string, *instance]("hammer-map")
	hammerService = ext.NewService[*instance]("hammer-service")
	hammerNoise   = ext.NewHook[hammerEvent]("hammer-noise")
)

// modules are swapped together: a pass never meets roster's new instance with
// presence's old one.
var modules = [...]string{"roster", "presence"}

type hammerEvent struct {
	pass ext.Pass
	met  map[string]*instance // by module; of this event
}

// An instance is one loaded copy of a module.
type instance struct {
	module string
	gen    int
	dead   atomic.Bool // Close has returned
	faults *faults
}

// faults counts what broke an invariant, and keeps the first in words.
type faults struct {
	n     atomic.Int64
	first atomic.Pointer[string]
}

func (f *faults) add(format string, args ...any) {
	if f.n.Add(1) == 1 {
		s := fmt.Sprintf(format, args...)
		f.first.Store(&s)
	}
}

func (f *faults) check(t *testing.T) {
	t.Helper()
	if s := f.first.Load(); s != nil {
		t.Fatalf("%d faults; the first: %s", f.n.Load(), *s)
	}
}

func (in *instance) alive(where string) {
	if in.dead.Load() {
		in.faults.add("%s %d: %s after Close returned", in.module, in.gen, where)
	}
}

func (in *instance) handle(_ context.Context, ev *hammerEvent) ext.Verdict {
	in.alive("handler")
	if other := ev.met[in.module]; other != nil {
		in.faults.add("one event met %s %d and %d", in.module, other.gen, in.gen)
	}
	ev.met[in.module] = in
	for range in.gen % 7 { // some handlers take their time
		runtime.Gosched()
	}
	in.alive("handler's end")
	return ext.Next
}

// load makes an instance and stages all that it attaches.
func load(table *ext.Table, f *faults, module string, gen int) (*ext.Scope, *instance) {
	s := ext.NewScope(context.Background(), fmt.Sprintf("%s/%d", module, gen), table)
	in := &instance{module: module, gen: gen, faults: f}
	hammerHook.Handle(s, 0, in.handle)
	hammerChain.Handle(s, module, 0, in.handle)
	hammerList.Add(s, in)
	hammerMap.Set(s, module, in)
	if module == modules[0] {
		hammerService.Offer(s, in)
	}
	s.Go(func(ctx context.Context) {
		for ctx.Err() == nil {
			in.alive("goroutine")
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Microsecond):
			}
		}
		in.alive("goroutine's end")
	})
	s.Every(100*time.Microsecond, func(context.Context) { in.alive("tick") })
	s.After(300*time.Microsecond, func(context.Context) { in.alive("timer") })
	return s, in
}

// fire carries one event through the points, in one pass.
func fire(ctx context.Context, table *ext.Table, f *faults) {
	p := table.Enter()
	defer p.Leave()
	var first *hammerEvent
	for range 2 { // the second time must meet the same
		ev := &hammerEvent{pass: p, met: make(map[string]*instance)}
		hammerNoise.Fire(ctx, p, ev)
		hammerHook.Fire(ctx, p, ev)
		if len(ev.met) != len(modules) {
			f.add("an event met %d modules, not %d", len(ev.met), len(modules))
			return
		}
		if first != nil && first.met["roster"] != ev.met["roster"] {
			f.add("one pass met roster %d, then %d", first.met["roster"].gen, ev.met["roster"].gen)
		}
		first = ev
	}
	gen := first.met["roster"].gen
	for _, module := range modules {
		in := first.met[module]
		if in.gen != gen {
			f.add("one pass met roster %d with %s %d", gen, module, in.gen)
		}
		if got, _ := hammerMap.Get(p, module); got != in {
			f.add("the map has another %s than the hook", module)
		}
		ev := &hammerEvent{pass: p, met: make(map[string]*instance)}
		hammerChain.Fire(ctx, p, module, ev)
		if len(ev.met) != 1 || ev.met[module] != in {
			f.add("the chain has %d times %s, or another than the hook", len(ev.met), module)
		}
	}
	if got, ok := hammerService.In(p); !ok || got != first.met["roster"] {
		f.add("the service is another instance than the hook's, or none")
	}
	n := 0
	for in := range hammerList.All(p) {
		if first.met[in.module] != in {
			f.add("the list has another %s than the hook", in.module)
		}
		n++
	}
	if n != len(modules) {
		f.add("the list has %d values, not %d", n, len(modules))
	}
}

// TestReloadUnderLoad is the promise of the package: while modules are swapped
// under load each event meets exactly one copy of each, all of one generation,
// and nothing of a module runs once its Close has returned.
func TestReloadUnderLoad(t *testing.T) {
	const firers = 8
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	ctx := t.Context()
	table := ext.NewTable()
	f := new(faults)

	swap := func(gen int, old []ext.Change) (changes []ext.Change, loaded []*instance) {
		for i, module := range modules {
			s, in := load(table, f, module, gen)
			c := ext.Change{New: s}
			if old != nil {
				c.Old = old[i].New
			}
			changes, loaded = append(changes, c), append(loaded, in)
		}
		if err := ext.Swap(table, changes); err != nil {
			t.Errorf("swap %d: %v", gen, err)
		}
		return changes, loaded
	}
	now, loaded := swap(0, nil)

	stop := make(chan struct{})
	var events atomic.Int64
	var wg sync.WaitGroup
	for range firers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					fire(ctx, table, f)
					events.Add(1)
				}
			}
		})
	}
	wg.Go(func() { noise(ctx, table, f, stop) })
	wg.Go(func() { conflicts(ctx, table, f, stop) })

	for gen := 1; gen <= rounds && f.n.Load() == 0; gen++ {
		outgoing := loaded
		next, fresh := swap(gen, now)
		var closing sync.WaitGroup
		for i := range next {
			closing.Go(func() {
				if err := next[i].Old.Close(ctx); err != nil {
					f.add("close: %v", err)
				}
				outgoing[i].dead.Store(true)
			})
		}
		if gen%2 == 0 { // every other time the next swap does not wait for the close
			closing.Wait()
		} else {
			defer closing.Wait()
		}
		now, loaded = next, fresh
	}
	close(stop)
	wg.Wait()
	for i, c := range now {
		if err := c.New.Close(ctx); err != nil {
			t.Errorf("last close: %v", err)
		}
		loaded[i].dead.Store(true)
	}
	f.check(t)
	if left := table.Describe(); len(left) != 0 {
		t.Errorf("left in the table: %v", left)
	}
	t.Logf("%d events over %d reloads", events.Load(), rounds)
}

// TestCloseBesideSwap closes scopes at the moment at which they go live: either
// comes first, and in both cases nothing runs after Close.
func TestCloseBesideSwap(t *testing.T) {
	table := ext.NewTable()
	f := new(faults)
	var live int
	for gen := range 2000 {
		s, in := load(table, f, "roster", gen)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := ext.Swap(table, []ext.Change{{New: s}}); err == nil {
				live++
			} else if !errors.Is(err, ext.ErrClosed) {
				t.Errorf("swap: %v", err)
			}
		})
		wg.Go(func() {
			for range 10 {
				s.Go(func(context.Context) { in.alive("goroutine") })
				s.After(0, func(context.Context) { in.alive("timer") })
			}
		})
		wg.Go(func() {
			for range gen % 16 {
				runtime.Gosched()
			}
			if err := s.Close(context.Background()); err != nil {
				t.Errorf("close: %v", err)
			}
			in.dead.Store(true)
		})
		wg.Wait()
	}
	f.check(t)
	if live == 0 || len(table.Describe()) != 0 {
		t.Errorf("%d were live; left: %v", live, table.Describe())
	}
}

// TestSwapAllCrossed swaps two tables in both orders at once: it ends.
func TestSwapAllCrossed(t *testing.T) {
	one, two := ext.NewTable(), ext.NewTable()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			first, second := one, two
			if i%2 == 0 {
				first, second = two, one
			}
			for range 500 {
				a := ext.NewScope(context.Background(), "a", first)
				b := ext.NewScope(context.Background(), "b", second)
				hammerNoise.Handle(a, 0, func(context.Context, *hammerEvent) ext.Verdict { return ext.Next })
				if err := ext.SwapAll([]ext.Change{{New: a}, {New: b}}); err != nil {
					t.Errorf("swap: %v", err)
				}
				for _, s := range []*ext.Scope{a, b} {
					if err := s.Close(context.Background()); err != nil {
						t.Errorf("close: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// noise loads and closes scopes that have nothing to do with the modules,
// attaches to them while they live, and lets scopes go without ever a commit.
func noise(ctx context.Context, table *ext.Table, f *faults, stop <-chan struct{}) {
	for gen := 0; ; gen++ {
		select {
		case <-stop:
			return
		default:
		}
		in := &instance{module: "noise", gen: gen, faults: f}
		count := func(context.Context, *hammerEvent) ext.Verdict { in.alive("noise"); return ext.Next }
		s := ext.NewScope(ctx, "noise", table)
		hammerNoise.Handle(s, 1, count)
		if gen%3 != 0 {
			if err := ext.Swap(table, []ext.Change{{New: s}}); err != nil {
				f.add("noise: %v", err)
			}
			hammerNoise.Handle(s, 2, count) // live at once
		}
		if err := s.Close(ctx); err != nil {
			f.add("close noise: %v", err)
		}
		in.dead.Store(true)
	}
}

// conflicts tries swaps that must fail, and whose modules must never be met.
func conflicts(ctx context.Context, table *ext.Table, f *faults, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		good := ext.NewScope(ctx, "good", table)
		hammerHook.Handle(good, 5, func(context.Context, *hammerEvent) ext.Verdict {
			f.add("an event met a module whose swap failed")
			return ext.Stop
		})
		good.Go(func(context.Context) { f.add("a goroutine ran whose swap failed") })
		taken := ext.NewScope(ctx, "taken", table)
		hammerMap.Set(taken, "roster", nil)
		if err := ext.Swap(table, []ext.Change{{New: good}, {New: taken}}); err == nil {
			f.add("a taken key was taken")
		}
		for _, s := range []*ext.Scope{good, taken} {
			if err := s.Close(ctx); err != nil {
				f.add("close: %v", err)
			}
		}
	}
}
