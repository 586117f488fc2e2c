// SPDX-License-Identifier: Apache-2.0

package storage_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"tercet/core/storage"
)

func TestZeroCommit(t *testing.T) {
	var c storage.Commit
	called := false
	c.Then(func(err error) { called = err == nil })
	if !c.Done() || c.Err() != nil || c.Wait(t.Context()) != nil || !called {
		t.Errorf("done %v, %v, called %v", c.Done(), c.Err(), called)
	}
}

func TestCommit(t *testing.T) {
	fault := errors.New("a fault")
	for _, want := range []error{nil, fault} {
		urged := 0
		b := storage.NewBatch(func() { urged++ })
		c := b.Commit()
		var order []int
		for i := range 3 {
			c.Then(func(err error) {
				if order = append(order, i); !errors.Is(err, want) {
					t.Errorf("function %d got %v, want %v", i, err, want)
				}
			})
		}
		if c.Done() || c.Err() != nil || urged != 0 || !b.Called() {
			t.Errorf("before: done %v, %v, urged %d, called %v", c.Done(), c.Err(), urged, b.Called())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 {
			if err := c.Wait(ctx); !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("Wait: %v", err)
			}
		}
		if urged != 1 {
			t.Errorf("urged %d times, want once", urged)
		}
		b.Finish(want)
		if len(order) > 0 {
			t.Error("Finish called functions")
		}
		b.Run()
		b.Run()
		if len(order) != 3 || order[0] != 0 || order[2] != 2 || b.Called() {
			t.Errorf("functions called: %v", order)
		}
		if err := c.Wait(ctx); !c.Done() || !errors.Is(c.Err(), want) || !errors.Is(err, want) {
			t.Errorf("after: done %v, %v, Wait %v, want %v", c.Done(), c.Err(), err, want)
		}
		c.Then(func(error) { order = append(order, 3) })
		if len(order) != 4 {
			t.Error("a late function was not called at once")
		}
	}
}

// TestRunAfterPanic: one function's fault is not the others'.
func TestRunAfterPanic(t *testing.T) {
	b := storage.NewBatch(nil)
	calls := 0
	for i := range 3 {
		b.Commit().Then(func(error) {
			if calls++; i == 1 {
				panic("in a test")
			}
		})
	}
	b.Finish(nil)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Run hid a panic")
			}
		}()
		b.Run()
	}()
	b.Run()
	if calls != 3 {
		t.Errorf("%d calls, want 3", calls)
	}
}

// TestCommitHammer: each function is called once and each waiter woken, however
// they meet Finish.
func TestCommitHammer(t *testing.T) {
	for range 500 {
		b := storage.NewBatch(func() {})
		var calls, woken atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				b.Commit().Then(func(error) { calls.Add(1) })
				if err := b.Commit().Wait(t.Context()); err == nil && b.Commit().Done() {
					woken.Add(1)
				}
				b.Commit().Then(func(error) { calls.Add(1) })
			})
		}
		wg.Go(func() { b.Finish(nil) })
		wg.Wait()
		b.Run()
		if calls.Load() != 16 || woken.Load() != 8 {
			t.Fatalf("%d calls of 16, %d woken of 8", calls.Load(), woken.Load())
		}
	}
}

func TestUnavailable(t *testing.T) {
	once := storage.Unavailable(context.DeadlineExceeded)
	if !errors.Is(once, storage.ErrUnavailable) || !errors.Is(once, context.DeadlineExceeded) {
		t.Errorf("got %v", once)
	}
	if twice := storage.Unavailable(once); twice.Error() != once.Error() {
		t.Errorf("got %v, want %v", twice, once)
	}
}

// BenchmarkAppendCommit is what an entry pays for its Commit.
func BenchmarkAppendCommit(b *testing.B) {
	batch := storage.NewBatch(nil)
	b.ReportAllocs()
	for b.Loop() {
		if c := batch.Commit(); c.Done() {
			b.Fatal("done")
		}
	}
}
