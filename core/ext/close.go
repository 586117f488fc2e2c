// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// closeLimit is how long a Close waits whose context has no deadline: a Close
// from inside a handler of the same scope waits for itself.
const closeLimit = 30 * time.Second

// Close gives back all that the scope has: it takes the scope out of its table,
// ends its context and its timers, waits for the passes that may meet it (those
// that began before it left the table, no others), for its goroutines and its
// holds, and then calls the Defer functions, newest first. When Close returns,
// and its error is not the context's, nothing of the module runs any more.
//
// At the deadline (of ctx, else after 30 s) Close gives up: its error says what
// is stuck, and the Defer functions have not run, for they would close a store
// under a handler that is at work. Another Close may try again. Close is not
// legal in a pass of the scope's own table, nor in a goroutine of the scope: it
// would wait for itself, until the deadline.
func (s *Scope) Close(ctx context.Context) error {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, closeLimit)
		defer cancel()
	}
	passes := s.depart()
	s.halt()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("close %s: %w: another close is at work", s.name, ctx.Err())
	}
	if !s.quiet(ctx, passes) {
		return fmt.Errorf("close %s: %w: %s", s.name, ctx.Err(), s.stuck(passes))
	}
	var errs []error
	for {
		fn := s.lastUndo()
		if fn == nil {
			return errors.Join(errs...)
		}
		errs = append(errs, s.call(fn))
	}
}

// depart takes the scope out of its table and returns the snapshots in which a
// reader may still meet it.
func (s *Scope) depart() (passes []*snapshot) {
	t := s.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.phase == live {
		next, _ := t.edited([]*Scope{s}, nil) // taking away makes no conflict
		t.install(next)
		s.dropped = next.seq
	}
	s.enter(gone)
	if len(s.entries) == 0 {
		return nil
	}
	for _, old := range t.old {
		if old.seq >= s.born && old.seq < s.dropped && !old.empty.Load() {
			passes = append(passes, old)
		}
	}
	return passes
}

// halt ends the scope's context, and what would run later.
func (s *Scope) halt() {
	s.cancel(ErrClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.staged = nil
	for t := range s.timers {
		if t.clock != nil {
			t.clock.Stop()
		}
	}
	clear(s.timers)
}

// quiet waits until nothing of the scope runs, and reports whether it came so
// far. First the handlers: they may still start a goroutine, or take a hold.
func (s *Scope) quiet(ctx context.Context, passes []*snapshot) bool {
	for _, p := range passes {
		if !wait(ctx, p.drained) {
			return false
		}
	}
	for {
		s.mu.Lock()
		if len(s.work) == 0 {
			s.ended = true
			s.mu.Unlock()
			return true
		}
		if s.idle == nil {
			s.idle = make(chan struct{})
		}
		idle := s.idle
		s.mu.Unlock()
		if !wait(ctx, idle) {
			return false
		}
	}
}

// wait prefers what has happened to a context that is done as well.
func wait(ctx context.Context, event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	case <-ctx.Done():
	}
	select {
	case <-event:
		return true
	default:
		return false
	}
}

func (s *Scope) lastUndo() (fn func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.undo); n > 0 {
		fn = s.undo[n-1]
		s.undo = slices.Delete(s.undo, n-1, n)
	}
	return fn
}

// call runs a Defer function: one that panics does not keep the others from
// running.
func (s *Scope) call(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(v)
			err = fmt.Errorf("close %s: panic: %v", s.name, v)
		}
	}()
	return fn()
}
