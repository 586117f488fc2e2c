// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"tercet/core/cache"
)

func TestLoadsOnceForAllWhoAsk(t *testing.T) {
	var loads atomic.Int32
	gate := make(chan struct{})
	c := cache.New(100, func(_ context.Context, owner string) (string, error) {
		loads.Add(1)
		<-gate
		return owner + "'s", nil
	})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got, err := c.Get(t.Context(), "romeo"); err != nil || got != "romeo's" {
				t.Errorf("Get = %q, %v", got, err)
			}
		})
	}
	close(gate)
	wg.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("%d loads, want 1", n)
	}
}

func TestEditsAreInOrderAndSurviveEviction(t *testing.T) {
	stored := make(map[string]int)
	var mu sync.Mutex // guards stored
	c := cache.New(8, func(_ context.Context, owner string) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return stored[owner], nil
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 5000 {
				owner := fmt.Sprint("user", i%1000)
				_, err := c.Edit(t.Context(), owner, func(n int) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					if stored[owner] != n {
						t.Errorf("%s: edit of %d, stored is %d", owner, n, stored[owner])
					}
					stored[owner] = n + 1
					return n + 1, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for owner, n := range stored {
		if n != 40 {
			t.Errorf("%s: %d edits are stored, want 40", owner, n)
		}
	}
}

func TestFailures(t *testing.T) {
	bad := errors.New("no disk")
	fail := true
	c := cache.New(10, func(context.Context, string) (int, error) {
		if fail {
			return 0, bad
		}
		return 7, nil
	})
	if _, err := c.Get(t.Context(), "a"); !errors.Is(err, bad) {
		t.Errorf("Get = %v, want %v", err, bad)
	}
	fail = false
	if v, err := c.Get(t.Context(), "a"); err != nil || v != 7 {
		t.Errorf("Get after a failure = %d, %v", v, err)
	}
	if _, err := c.Edit(t.Context(), "a", func(int) (int, error) { return 9, bad }); !errors.Is(err, bad) {
		t.Errorf("Edit = %v, want %v", err, bad)
	}
	if v, _ := c.Get(t.Context(), "a"); v != 7 {
		t.Errorf("value after a failed edit = %d, want 7", v)
	}
	c.Forget("a")
	if v, err := c.Get(t.Context(), "a"); err != nil || v != 7 {
		t.Errorf("Get after Forget = %d, %v", v, err)
	}
}

func BenchmarkGet(b *testing.B) {
	c := cache.New(1000, func(context.Context, string) (int, error) { return 1, nil })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(b.Context(), "romeo"); err != nil {
			b.Fatal(err)
		}
	}
}
