// SPDX-License-Identifier: Apache-2.0

package listen_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/listen"
	"tercet/core/metric"
)

func TestGateServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metric.New()
		g := listen.NewGate(1, "test", m)
		if err := g.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 5 {
			go func() {
				if err := g.Enter(t.Context()); err != nil {
					t.Error(err)
				}
				order = append(order, i) // the gate is the lock
				g.Leave()
			}()
			synctest.Wait()
		}
		if g.Waiting() != 5 || g.TryEnter() {
			t.Errorf("waiting: got %d, want 5", g.Waiting())
		}
		g.Leave()
		synctest.Wait()
		if !slices.IsSorted(order) || len(order) != 5 || g.Waiting() != 0 {
			t.Errorf("order %v, waiting %d", order, g.Waiting())
		}
		if n := m.Counter("gate_waits", "", metric.Label{Name: "gate", Value: "test"}).Value(); n != 5 {
			t.Errorf("counted %d waits, want 5", n)
		}
	})
}

func TestGateGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := listen.NewGate(0, "test", nil) // at least one place
		if !g.TryEnter() {
			t.Fatal("no place at all")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if g.Waiting() != 0 {
			t.Errorf("waiting: %d", g.Waiting())
		}
		g.Leave()
		g.Leave() // one too many takes nothing away
		if !g.TryEnter() || g.TryEnter() {
			t.Error("the gate has not one place")
		}
	})
}

func TestNilGate(t *testing.T) {
	var g *listen.Gate
	if err := g.Enter(t.Context()); err != nil || !g.TryEnter() || g.Waiting() != 0 {
		t.Error("a nil gate is closed")
	}
	g.Leave()
}

func TestGateHammer(t *testing.T) {
	const places = 3
	g := listen.NewGate(places, "test", nil)
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%4 == 0 {
					cancel()
				}
				if g.Enter(ctx) == nil {
					if n := inside.Add(1); n > places {
						most.Store(n)
					}
					inside.Add(-1)
					g.Leave()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if most.Load() != 0 || g.Waiting() != 0 {
		t.Errorf("%d inside, %d waiting", most.Load(), g.Waiting())
	}
}

func BenchmarkGate(b *testing.B) {
	g := listen.NewGate(4, "bench", nil)
	for b.Loop() {
		if g.Enter(b.Context()) == nil {
			g.Leave()
		}
	}
}
