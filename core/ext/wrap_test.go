// SPDX-License-Identifier: Apache-2.0

package ext_test

import (
	"context"
	"strings"
	"testing"

	"tercet/core/ext"
)

// around notes when it begins and ends; with a last word it leaves out what is
// within, and stops.
func around(name string, skip bool) ext.Wrapper[trail] {
	return func(ctx context.Context, ev *trail, next ext.Handler[trail]) ext.Verdict {
		ev.met = append(ev.met, name+"(")
		v := ext.Stop
		if !skip {
			v = next(ctx, ev)
		}
		ev.met = append(ev.met, ")"+name)
		return v
	}
}

// Wrappers stand around all handlers, those of higher priorities too; the last
// one that is attached is the outermost, and all go with their scopes.
func TestWrap(t *testing.T) {
	table := ext.NewTable()
	handlers, first, second := newScope(t, "handlers", table), newScope(t, "first", table), newScope(t, "second", table)
	testHook.Wrap(first, around("1", false))
	for _, name := range []string{"low", "high"} {
		testHook.Handle(handlers, map[string]float64{"low": -1, "high": 1 << 60}[name], note(name))
		testChain.Handle(handlers, "key", map[string]float64{"low": -1, "high": 0}[name], note(name))
	}
	testChain.Wrap(first, "key", around("1", false))
	testChain.Wrap(first, "other", around("other", false))
	testHook.Wrap(second, around("2", false))
	testHook.Wrap(second, around("3", true))
	fire := func() (hook, chain string, v ext.Verdict) {
		p := table.Enter()
		defer p.Leave()
		var a, b trail
		v = testHook.Fire(t.Context(), p, &a)
		testChain.Fire(t.Context(), p, "key", &b)
		return strings.Join(a.met, " "), strings.Join(b.met, " "), v
	}
	table.Watch(true) // passes are timed, too
	for _, tt := range []struct {
		what        string
		change      ext.Change
		hook, chain string
		verdict     ext.Verdict
	}{
		{"handlers", ext.Change{New: handlers}, "high low", "high low", ext.Next},
		{"one", ext.Change{New: first}, "1( high low )1", "1( high low )1", ext.Next},
		{"one that leaves the others out", ext.Change{New: second}, "3( )3", "1( high low )1", ext.Stop},
		{"without it", ext.Change{Old: second}, "1( high low )1", "1( high low )1", ext.Next},
		{"nothing within", ext.Change{Old: handlers}, "1( )1", "1( )1", ext.Next},
		{"nothing", ext.Change{Old: first}, "", "", ext.Next},
	} {
		swapOK(t, table, tt.change)
		hook, chain, v := fire()
		if hook != tt.hook || chain != tt.chain || v != tt.verdict {
			t.Errorf("%s: got %q, %q, %v; want %q, %q, %v", tt.what, hook, chain, v, tt.hook, tt.chain, tt.verdict)
		}
	}
}
