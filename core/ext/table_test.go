// SPDX-License-Identifier: Apache-2.0

package ext_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"tercet/core/ext"
)

// A trail is an event that notes which handlers it met.
type trail struct{ met []string }

var (
	testHook    = ext.NewHook[trail]("test-hook")
	testChain   = ext.NewChain[string, trail]("test-chain")
	testList    = ext.NewList[string]("test-list")
	testMap     = ext.NewMap[string, int]("test-map")
	testService = ext.NewService[fmt.Stringer]("test-service")
)

type text string

func (t text) String() string { return string(t) }

func note(name string) ext.Handler[trail] {
	return func(_ context.Context, ev *trail) ext.Verdict {
		ev.met = append(ev.met, name)
		return ext.Next
	}
}

func newScope(t *testing.T, name string, table *ext.Table) *ext.Scope {
	t.Helper()
	s := ext.NewScope(context.Background(), name, table)
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close at the test's end: %v", err)
		}
	})
	return s
}

func swapOK(t *testing.T, table *ext.Table, changes ...ext.Change) {
	t.Helper()
	if err := ext.Swap(table, changes); err != nil {
		t.Fatal(err)
	}
}

func closeOK(t *testing.T, s *ext.Scope) {
	t.Helper()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// met fires the test hook in a pass of its own.
func met(t *testing.T, table *ext.Table) string {
	t.Helper()
	p := table.Enter()
	defer p.Leave()
	return metIn(t, p)
}

func metIn(t *testing.T, p ext.Pass) string {
	t.Helper()
	var ev trail
	testHook.Fire(t.Context(), p, &ev)
	return strings.Join(ev.met, " ")
}

func wantMet(t *testing.T, table *ext.Table, want string) {
	t.Helper()
	if got := met(t, table); got != want {
		t.Errorf("the event met %q, want %q", got, want)
	}
}

func TestStagedUntilSwap(t *testing.T) {
	table := ext.NewTable()
	s := newScope(t, "s", table)
	testHook.Handle(s, 0, note("s"))
	testList.Add(s, "feature")
	testMap.Set(s, "key", 7)
	testService.Offer(s, text("hello"))
	testChain.Handle(s, "get", 0, note("answer"))

	before := table.Enter()
	defer before.Leave()
	wantMet(t, table, "")
	if s.Live() || len(table.Describe()) != 0 {
		t.Error("live before its swap")
	}
	swapOK(t, table, ext.Change{New: s})
	if !s.Live() {
		t.Error("not live after its swap")
	}
	for _, tt := range []struct {
		name string
		pass ext.Pass
		want string
	}{
		{"a pass from before the swap", before, " false [] map[] <nil> false "},
		{"the zero pass", ext.Pass{}, " false [] map[] <nil> false "},
		{"a pass from after the swap", table.Enter(), "s true [feature] map[key:7] hello true answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if tt.pass != before {
					tt.pass.Leave()
				}
			}()
			v, ok := testService.In(tt.pass)
			var ev trail
			testChain.Fire(t.Context(), tt.pass, "get", &ev)
			got := fmt.Sprint(metIn(t, tt.pass), testHook.Has(tt.pass), slices.Collect(testList.All(tt.pass)),
				maps.Collect(testMap.All(tt.pass)), v, ok,
				strings.Join(ev.met, " "))
			want := tt.want
			if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// Higher first; equal: in order of loading; a replacement stands where the
// replaced one stood; the first Stop ends it.
func TestOrder(t *testing.T) {
	table := ext.NewTable()
	a, b, c := newScope(t, "a", table), newScope(t, "b", table), newScope(t, "c", table)
	testHook.Handle(a, 0, note("a1"))
	testHook.Handle(a, 0, note("a2"))
	testHook.Handle(b, 0, note("b"))
	testHook.Handle(b, 0.5, note("half"))
	testHook.Handle(c, -1, note("low"))
	testHook.Handle(c, math.Inf(1), note("top"))
	testList.Add(a, "a")
	testList.Add(b, "b")
	swapOK(t, table, ext.Change{New: a}, ext.Change{New: b})
	swapOK(t, table, ext.Change{New: c})
	wantMet(t, table, "top half a1 a2 b low")

	again := newScope(t, "a", table)
	testHook.Handle(again, 0, note("a3"))
	testList.Add(again, "a again")
	swapOK(t, table, ext.Change{Old: a, New: again})
	wantMet(t, table, "top half a3 b low")
	testHook.Handle(again, 0, note("a4")) // live at once
	wantMet(t, table, "top half a3 a4 b low")

	p := table.Enter()
	if got := fmt.Sprint(slices.Collect(testList.All(p))); got != "[a again b]" {
		t.Errorf("list %s", got)
	}
	p.Leave()
	testHook.Handle(b, 0.25, func(context.Context, *trail) ext.Verdict { return ext.Stop })
	wantMet(t, table, "top half")
}

func TestChain(t *testing.T) {
	table := ext.NewTable()
	s, guard := newScope(t, "s", table), newScope(t, "guard", table)
	testChain.Handle(s, "ping", 0, note("pong"))
	testChain.Handle(s, "ping", 0, note("again")) // of one owner: allowed
	testChain.Handle(s, "time", 0, note("clock"))
	testChain.Handle(guard, "ping", 1, note("guard"))
	testChain.Handle(guard, "ping", -1, note("after"))
	swapOK(t, table, ext.Change{New: s}, ext.Change{New: guard})
	p := table.Enter()
	defer p.Leave()
	for key, want := range map[string]string{"ping": "guard pong again after", "time": "clock", "none": ""} {
		var ev trail
		testChain.Fire(t.Context(), p, key, &ev)
		if got := strings.Join(ev.met, " "); got != want {
			t.Errorf("%s met %q, want %q", key, got, want)
		}
	}
}

// A swap that cannot be made whole is not made at all, and says why: by the
// names of both owners.
func TestSwapRefused(t *testing.T) {
	tests := []struct {
		name   string
		first  func(s *ext.Scope) // live
		second func(s *ext.Scope) // to be loaded beside it
		want   []string
	}{
		{
			"taken service",
			func(s *ext.Scope) { testService.Offer(s, text("x")) },
			func(s *ext.Scope) { testService.Offer(s, text("y")) },
			[]string{"test-service", "first", "second"},
		},
		{
			"taken key",
			func(s *ext.Scope) { testMap.Set(s, "k", 1) },
			func(s *ext.Scope) { testMap.Set(s, "k", 1) },
			[]string{"test-map", "k", "first", "second"},
		},
		{
			"key twice",
			func(*ext.Scope) {},
			func(s *ext.Scope) { testMap.Set(s, "k", 1); testMap.Set(s, "k", 2) },
			[]string{"test-map", "k", "second and by second"},
		},
		{
			"two that answer one request",
			func(s *ext.Scope) { testChain.Handle(s, "get", 0, note("x")) },
			func(s *ext.Scope) { testChain.Handle(s, "get", 0, note("y")) },
			[]string{"test-chain", "get", "first", "second"},
		},
		{
			"two conflicts are both told",
			func(s *ext.Scope) { testMap.Set(s, "k", 1); testService.Offer(s, text("x")) },
			func(s *ext.Scope) { testMap.Set(s, "k", 1); testService.Offer(s, text("x")) },
			[]string{"test-map", "test-service"},
		},
		{
			"nil handler",
			func(*ext.Scope) {},
			func(s *ext.Scope) { testHook.Handle(s, 0, nil) },
			[]string{"second", "test-hook", "nil"},
		},
		{
			"priority is no number",
			func(*ext.Scope) {},
			func(s *ext.Scope) { testHook.Handle(s, math.NaN(), note("x")) },
			[]string{"second", "test-hook", "not a number"},
		},
		{
			"hook never declared",
			func(*ext.Scope) {},
			func(s *ext.Scope) { ext.Hook[trail]{}.Handle(s, 0, note("x")) },
			[]string{"second", "never declared"},
		},
		{
			"period of nothing",
			func(*ext.Scope) {},
			func(s *ext.Scope) { s.Every(0, func(context.Context) {}) },
			[]string{"second", "period"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := ext.NewTable()
			first, good, second := newScope(t, "first", table), newScope(t, "good", table), newScope(t, "second", table)
			tt.first(first)
			swapOK(t, table, ext.Change{New: first})
			before := fmt.Sprint(table.Describe())

			testHook.Handle(good, 0, note("good"))
			good.Go(func(context.Context) { t.Error("a goroutine ran whose swap failed") })
			good.After(0, func(context.Context) { t.Error("a timer ran whose swap failed") })
			closed := false
			good.Defer(func() error { closed = true; return nil })
			tt.second(second)
			err := ext.Swap(table, []ext.Change{{New: good}, {New: second}})
			if err == nil {
				t.Fatal("the swap was made")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if got := fmt.Sprint(table.Describe()); got != before || good.Live() || second.Live() || !first.Live() {
				t.Errorf("the failed swap left a trace: %v", got)
			}
			wantMet(t, table, "")
			closeOK(t, good)
			if !closed {
				t.Error("Defer did not run after a failed load")
			}
		})
	}
}

// The key that an outgoing scope has is free for the one that comes, whichever
// change it is in.
func TestSwapHandsKeysOver(t *testing.T) {
	table := ext.NewTable()
	a, b := newScope(t, "a", table), newScope(t, "b", table)
	testMap.Set(a, "x", 1)
	testMap.Set(b, "y", 2)
	swapOK(t, table, ext.Change{New: a}, ext.Change{New: b})
	a2, b2 := newScope(t, "a", table), newScope(t, "b", table)
	testMap.Set(a2, "y", 3)
	testMap.Set(b2, "x", 4)
	swapOK(t, table, ext.Change{Old: a, New: a2}, ext.Change{Old: b, New: b2})
	p := table.Enter()
	defer p.Leave()
	x, _ := testMap.Get(p, "x")
	y, _ := testMap.Get(p, "y")
	if x != 4 || y != 3 {
		t.Errorf("x, y = %d, %d, want 4, 3", x, y)
	}
}

func TestSwapChecksScopes(t *testing.T) {
	table, other := ext.NewTable(), ext.NewTable()
	live, staged, gone, foreign := newScope(t, "live", table), newScope(t, "staged", table), newScope(t, "gone", table), newScope(t, "foreign", other)
	swapOK(t, table, ext.Change{New: live})
	closeOK(t, gone)
	for _, tt := range []struct {
		name    string
		changes []ext.Change
		closed  bool
	}{
		{"load what is live", []ext.Change{{New: live}}, false},
		{"load what is closed", []ext.Change{{New: gone}}, true},
		{"unload what is staged", []ext.Change{{Old: staged}}, false},
		{"unload what is closed", []ext.Change{{Old: gone, New: staged}}, true},
		{"load into another table", []ext.Change{{New: foreign}}, false},
		{"replace by itself", []ext.Change{{Old: live, New: live}}, false},
		{"twice", []ext.Change{{New: staged}, {New: staged}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := ext.Swap(table, tt.changes)
			if err == nil {
				t.Fatal("the swap was made")
			}
			if got := errors.Is(err, ext.ErrClosed); got != tt.closed {
				t.Errorf("errors.Is(%q, ErrClosed) = %v", err, got)
			}
			if !live.Live() || staged.Live() || foreign.Live() {
				t.Error("the failed swap left a trace")
			}
		})
	}
	if err := ext.SwapAll([]ext.Change{{Old: live, New: foreign}}); err == nil {
		t.Error("a scope was replaced by one of another table")
	}
	swapOK(t, table) // nothing to do is no error
	swapOK(t, table, ext.Change{})
}

// Over several tables too a swap is made whole or not at all.
func TestSwapAll(t *testing.T) {
	one, two := ext.NewTable(), ext.NewTable()
	first := newScope(t, "first", two)
	testService.Offer(first, text("x"))
	swapOK(t, two, ext.Change{New: first})

	a, b := newScope(t, "a", one), newScope(t, "b", two)
	testHook.Handle(a, 0, note("a"))
	testHook.Handle(b, 0, note("b"))
	taken := newScope(t, "taken", two)
	testService.Offer(taken, text("y"))
	if err := ext.SwapAll([]ext.Change{{New: a}, {New: b}, {New: taken}}); err == nil {
		t.Fatal("a taken service was taken")
	}
	wantMet(t, one, "")
	wantMet(t, two, "")
	if err := ext.SwapAll([]ext.Change{{New: b}, {New: a}, {Old: first, New: taken}}); err != nil {
		t.Fatal(err)
	}
	wantMet(t, one, "a")
	wantMet(t, two, "b")
}

// A replaced scope is not closed yet: what runs goes on, but it attaches no more.
func TestReplacedScopeRefuses(t *testing.T) {
	table := ext.NewTable()
	old, next := newScope(t, "old", table), newScope(t, "next", table)
	testHook.Handle(old, 0, note("old"))
	swapOK(t, table, ext.Change{New: old})
	swapOK(t, table, ext.Change{Old: old, New: next})
	if old.Live() || old.Context().Err() != nil || old.Err() != nil {
		t.Error("a replaced scope is not live, but not closed either")
	}
	testHook.Handle(old, 0, note("ghost"))
	wantMet(t, table, "")
	if err := old.Err(); !errors.Is(err, ext.ErrClosed) {
		t.Errorf("Err() = %v, want ErrClosed", err)
	}
	if err := ext.Swap(table, []ext.Change{{Old: next, New: old}}); !errors.Is(err, ext.ErrClosed) {
		t.Errorf("a replaced scope came back: %v", err)
	}
	closeOK(t, old)
	if !errors.Is(context.Cause(old.Context()), ext.ErrClosed) {
		t.Errorf("cause %v", context.Cause(old.Context()))
	}
}

// To a live scope a conflict is an error state; the rest of it goes on.
func TestAttachLive(t *testing.T) {
	table := ext.NewTable()
	a, b := newScope(t, "a", table), newScope(t, "b", table)
	testMap.Set(a, "k", 1)
	swapOK(t, table, ext.Change{New: a}, ext.Change{New: b})
	testMap.Set(b, "k", 2)
	testMap.Set(b, "l", 3)
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "is set by a and by b") {
		t.Errorf("Err() = %v", err)
	}
	p := table.Enter()
	if got := maps.Collect(testMap.All(p)); got["k"] != 1 || got["l"] != 3 {
		t.Errorf("the pass sees %v", got)
	}
	p.Leave()
	closeOK(t, b)
	want := []ext.Attachment{{Point: "test-map", Key: "k", Owner: "a"}}
	if got := table.Describe(); !slices.Equal(got, want) {
		t.Errorf("Describe() = %v, want %v", got, want)
	}
}

// A struct that embeds a scope owns what it attaches, as module.Scope does.
func TestEmbeddedOwner(t *testing.T) {
	table := ext.NewTable()
	m := struct{ *ext.Scope }{newScope(t, "embedded", table)}
	testHook.Handle(m, 2.5, note("m"))
	testChain.Handle(&m, "get", -1, note("m"))
	swapOK(t, table, ext.Change{New: m.Scope})
	want := []ext.Attachment{
		{Point: "test-chain", Key: "get", Owner: "embedded", Prio: -1},
		{Point: "test-hook", Owner: "embedded", Prio: 2.5},
	}
	if got := table.Describe(); !slices.Equal(got, want) {
		t.Errorf("Describe() = %v, want %v", got, want)
	}
}

func TestNames(t *testing.T) {
	got := []string{testHook.Name(), testChain.Name(), testList.Name(), testMap.Name(), testService.Name(), ext.Hook[trail]{}.Name()}
	want := []string{"test-hook", "test-chain", "test-list", "test-map", "test-service", ""}
	if !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("a name was declared twice")
		}
	}()
	ext.NewList[int]("test-hook")
}

// A nil of an interface type is a value like others.
func TestNilValues(t *testing.T) {
	table := ext.NewTable()
	s := newScope(t, "s", table)
	testService.Offer(s, nil)
	swapOK(t, table, ext.Change{New: s})
	p := table.Enter()
	defer p.Leave()
	if v, ok := testService.In(p); v != nil || !ok {
		t.Errorf("In() = %v, %v, want nil, true", v, ok)
	}
}
