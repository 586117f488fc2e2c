// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// A Commit tells when something that was handed to a store is safe. It is
// shared by all that is written in one transaction, so it costs nothing per
// entry. The zero Commit is done, without an error.
type Commit struct{ b *Batch }

// Done reports whether it is decided what became of the transaction.
func (c Commit) Done() bool { return c.b == nil || c.b.done.Load() }

// Err returns why the transaction failed; nil while it is pending or when it succeeded.
func (c Commit) Err() error {
	if c.b == nil || !c.b.done.Load() {
		return nil
	}
	return c.b.err
}

// Wait returns Err once the transaction is decided, or an ErrUnavailable that
// wraps the context's error when the context ends before.
func (c Commit) Wait(ctx context.Context) error {
	if c.b == nil || c.b.done.Load() {
		return c.Err()
	}
	wake := c.b.waken()
	if wake == nil {
		return c.Err()
	}
	select {
	case <-wake:
		return c.b.err
	case <-ctx.Done():
		return Unavailable(ctx.Err())
	}
}

// Then calls fn with Err once the transaction is decided: at once if it is, else
// from a goroutine of the store, in the order of the calls. There fn delays those
// that come after it, so it must not wait.
func (c Commit) Then(fn func(error)) {
	if c.b == nil || !c.b.then(fn) {
		fn(c.Err())
	}
}

// Unavailable returns an error that is both ErrUnavailable and cause.
func Unavailable(cause error) error {
	if errors.Is(cause, ErrUnavailable) {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}

// A Batch is the driver's side of a Commit: one transaction to be.
type Batch struct {
	urge func() // see NewBatch
	done atomic.Bool
	err  error // valid once done

	mu    sync.Mutex // guards what follows, and the step to done
	wake  chan struct{}
	calls []func(error)
}

// NewBatch returns a batch that is not decided. If urge is not nil, it is
// called, from any goroutine, when somebody begins to wait for the batch: the
// driver should not delay it any longer.
func NewBatch(urge func()) *Batch { return &Batch{urge: urge} }

// Commit returns what is handed to those who have something in the batch.
func (b *Batch) Commit() Commit { return Commit{b} }

// Finish decides the batch and wakes those who wait for it. It is called once.
func (b *Batch) Finish(err error) {
	b.mu.Lock()
	b.err = err
	b.done.Store(true)
	if b.wake != nil {
		close(b.wake)
	}
	b.mu.Unlock()
}

// Called reports whether functions wait for Run.
func (b *Batch) Called() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls) > 0
}

// Run calls the functions given to Then before Finish. It is called after Finish,
// and once more if one of the functions has panicked: each is called once.
func (b *Batch) Run() {
	for {
		b.mu.Lock()
		if len(b.calls) == 0 {
			b.calls = nil
			b.mu.Unlock()
			return
		}
		fn := b.calls[0]
		b.calls = b.calls[1:]
		b.mu.Unlock()
		fn(b.err)
	}
}

// waken returns a channel that is closed by Finish, or nil after it.
func (b *Batch) waken() <-chan struct{} {
	b.mu.Lock()
	if b.done.Load() {
		b.mu.Unlock()
		return nil
	}
	first := b.wake == nil
	if first {
		b.wake = make(chan struct{})
	}
	wake := b.wake
	b.mu.Unlock()
	if first && b.urge != nil {
		b.urge()
	}
	return wake
}

// then keeps fn for Run, or returns false after Finish.
func (b *Batch) then(fn func(error)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done.Load() {
		return false
	}
	b.calls = append(b.calls, fn)
	return true
}
