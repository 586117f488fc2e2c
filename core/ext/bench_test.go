// SPDX-License-Identifier: Apache-2.0

package ext_test

import (
	"context"
	"strconv"
	"testing"

	"tercet/core/ext"
)

var (
	benchHook    = ext.NewHook[benchEvent]("bench-hook")
	benchUnused  = ext.NewHook[benchEvent]("bench-unused")
	benchChain   = ext.NewChain[benchKey, benchEvent]("bench-chain")
	benchService = ext.NewService[*benchEvent]("bench-service")
	benchMap     = ext.NewMap[string, int]("bench-map")
)

type benchEvent struct{ n int }

type benchKey struct {
	kind, target int
	space, local string
}

func benchTable(tb testing.TB) *ext.Table {
	tb.Helper()
	table := ext.NewTable()
	s := ext.NewScope(context.Background(), "bench", table)
	for i := range 3 {
		benchHook.Handle(s, float64(i), func(_ context.Context, ev *benchEvent) ext.Verdict { ev.n++; return ext.Next })
		benchChain.Handle(s, benchKey{1, 2, "urn:xmpp:ping", "ping" + strconv.Itoa(i)}, 0,
			func(_ context.Context, ev *benchEvent) ext.Verdict { ev.n++; return ext.Stop })
		benchMap.Set(s, "key"+strconv.Itoa(i), i)
	}
	benchService.Offer(s, new(benchEvent))
	if err := ext.Swap(table, []ext.Change{{New: s}}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return table
}

func BenchmarkEnterLeave(b *testing.B) {
	table := benchTable(b)
	b.ReportAllocs()
	for b.Loop() {
		p := table.Enter()
		p.Leave()
	}
}

func BenchmarkEnterLeaveContended(b *testing.B) {
	table := benchTable(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := table.Enter()
			p.Leave()
		}
	})
}

// What a caller writes: a function with a deferred Leave.
func BenchmarkPassDeferred(b *testing.B) {
	table := benchTable(b)
	var ev benchEvent
	b.ReportAllocs()
	for b.Loop() {
		func() {
			p := table.Enter()
			defer p.Leave()
			benchUnused.Fire(b.Context(), p, &ev)
		}()
	}
}

func BenchmarkFireUnused(b *testing.B) {
	p := benchTable(b).Enter()
	defer p.Leave()
	ctx := b.Context()
	var ev benchEvent
	b.ReportAllocs()
	for b.Loop() {
		benchUnused.Fire(ctx, p, &ev)
	}
}

func BenchmarkFireThree(b *testing.B) {
	p := benchTable(b).Enter()
	defer p.Leave()
	ctx := b.Context()
	var ev benchEvent
	b.ReportAllocs()
	for b.Loop() {
		benchHook.Fire(ctx, p, &ev)
	}
}

// The same while each pass is timed.
func BenchmarkFireThreeWatched(b *testing.B) {
	table := benchTable(b)
	table.Watch(true)
	p := table.Enter()
	defer p.Leave()
	ctx := b.Context()
	var ev benchEvent
	b.ReportAllocs()
	for b.Loop() {
		benchHook.Fire(ctx, p, &ev)
	}
}

func BenchmarkChainFire(b *testing.B) {
	p := benchTable(b).Enter()
	defer p.Leave()
	ctx := b.Context()
	var ev benchEvent
	b.ReportAllocs()
	for b.Loop() {
		benchChain.Fire(ctx, p, benchKey{1, 2, "urn:xmpp:ping", "ping1"}, &ev)
	}
}

func BenchmarkMapGet(b *testing.B) {
	p := benchTable(b).Enter()
	defer p.Leave()
	b.ReportAllocs()
	for b.Loop() {
		benchMap.Get(p, "key1")
	}
}

func BenchmarkServiceIn(b *testing.B) {
	p := benchTable(b).Enter()
	defer p.Leave()
	b.ReportAllocs()
	for b.Loop() {
		benchService.In(p)
	}
}

// A reload of one module among fifty.
func BenchmarkSwap(b *testing.B) {
	table := benchTable(b)
	var scopes []*ext.Scope
	for i := range 50 {
		s := ext.NewScope(context.Background(), "s"+strconv.Itoa(i), table)
		hammerNoise.Handle(s, 0, func(context.Context, *hammerEvent) ext.Verdict { return ext.Next })
		scopes = append(scopes, s)
		if err := ext.Swap(table, []ext.Change{{New: s}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s := ext.NewScope(context.Background(), "again", table)
		hammerNoise.Handle(s, 0, func(context.Context, *hammerEvent) ext.Verdict { return ext.Next })
		if err := ext.Swap(table, []ext.Change{{Old: scopes[20], New: s}}); err != nil {
			b.Fatal(err)
		}
		if err := scopes[20].Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		scopes[20] = s
	}
}

// TestNoAllocations holds the budget: an unused hook costs a nil check, and a
// pass costs no memory.
func TestNoAllocations(t *testing.T) {
	table := benchTable(t)
	ctx := t.Context()
	var ev benchEvent
	got := testing.AllocsPerRun(1000, func() {
		p := table.Enter()
		defer p.Leave()
		benchUnused.Fire(ctx, p, &ev)
		benchHook.Fire(ctx, p, &ev)
		benchChain.Fire(ctx, p, benchKey{1, 2, "urn:xmpp:ping", "ping1"}, &ev)
		benchMap.Get(p, "key1")
		benchService.In(p)
		benchHook.Has(p)
	})
	if got != 0 {
		t.Errorf("a pass allocates %v times, want 0", got)
	}
}
