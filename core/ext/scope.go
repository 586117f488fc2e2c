// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
)

// ErrClosed is the cause of a closed scope's context, and why a scope that was
// replaced or closed refuses what is attached to it.
var ErrClosed = errors.New("ext: scope closed")

// An Owner is a Scope, or a struct that embeds one.
type Owner interface{ scope() *Scope }

func (s *Scope) scope() *Scope { return s }

// A Scope is the life of one module on one table. What is attached through it
// is staged until Swap makes it live, all at one instant; what is attached
// afterwards is live at once. Its goroutines and timers run from that Swap until
// Close. Each scope is closed, also one that never was live.
type Scope struct {
	name   string
	table  *Table
	ctx    context.Context //nolint:containedctx // a scope is a lifetime: this is the one place that keeps it
	cancel context.CancelCauseFunc
	meter  *Meter

	// guarded by table.mu
	phase         phase
	isLive        atomic.Bool // phase == live, for readers without the lock
	entries       []entry
	fault         error  // what was refused first
	rank          uint64 // of equal priorities the lower runs first; kept by a replacement
	born, dropped uint64 // the first snapshot that has the scope, the first that has it no more

	turn chan struct{} // holds a token while a Close is at work

	mu      sync.Mutex // guards what follows; nothing is called while it is held
	started bool       // Swap has made the scope live: goroutines may run
	closing bool       // Close was called: nothing new is started for later
	ended   bool       // nothing of the scope runs, nor will
	staged  []func(context.Context)
	timers  map[*timer]bool // those that will run again
	work    map[*task]bool  // what Close waits for
	idle    chan struct{}   // closed when work becomes empty; nil while nobody waits
	undo    []func() error
}

// A phase of a scope's life with its table.
type phase int

const (
	staged phase = iota
	live
	gone // replaced, or closed
)

func (p phase) err() error {
	switch p {
	case staged:
		return errors.New("it is staged")
	case live:
		return errors.New("it is live")
	default:
		return ErrClosed
	}
}

// NewScope returns a scope in its staging phase. Its context is done at Close,
// or when ctx is.
func NewScope(ctx context.Context, name string, t *Table) *Scope {
	s := &Scope{name: name, table: t, turn: make(chan struct{}, 1), meter: new(Meter)}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	return s
}

// Name is the scope's name, as errors and Describe give it.
func (s *Scope) Name() string { return s.name }

// Context is done when the scope closes; its cause is ErrClosed.
func (s *Scope) Context() context.Context { return s.ctx }

// Live reports whether the scope's attachments are in its table.
func (s *Scope) Live() bool { return s.isLive.Load() }

// Err is the first attachment that was refused: one without a handler or at a
// priority that is no number, one that came after the scope was replaced or
// closed (ErrClosed), or one to a live scope that another has the key of. It
// fails the Swap of a staged scope; a live one goes on without that attachment.
func (s *Scope) Err() error {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	return s.fault
}

func (s *Scope) attach(e entry) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if err := s.attachLocked(e); err != nil && s.fault == nil {
		s.fault = fmt.Errorf("attach %s to %q: %w", s.name, pointOf(e.point).name, err)
	}
}

func (s *Scope) refuse(err error) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if s.fault == nil {
		s.fault = fmt.Errorf("%s: %w", s.name, err)
	}
}

// enter moves the scope to its next phase. table.mu is held.
func (s *Scope) enter(p phase) {
	s.phase = p
	s.isLive.Store(p == live)
}

func (s *Scope) attachLocked(e entry) error {
	v := reflect.ValueOf(e.value)
	switch {
	case e.point == 0:
		return errors.New("the extension point was never declared")
	case v.Kind() == reflect.Func && v.IsNil():
		return errors.New("the handler is nil")
	case math.IsNaN(e.prio):
		return errors.New("the priority is not a number")
	case s.phase == gone:
		return ErrClosed
	}
	e.owner, e.nth = s, len(s.entries)
	if s.phase == live {
		next, err := s.table.edited(nil, []entry{e})
		if err != nil {
			return err
		}
		s.table.install(next)
	}
	s.entries = append(s.entries, e)
	return nil
}

// Defer has Close call fn, newest first, after all handlers and goroutines of
// the scope have returned; also when the module was never live. On a scope that
// is closed already fn runs at once.
func (s *Scope) Defer(fn func() error) {
	s.mu.Lock()
	late := s.ended
	if !late {
		s.undo = append(s.undo, fn)
	}
	s.mu.Unlock()
	if !late {
		return
	}
	if err := s.call(fn); err != nil { // there is no Close left to return it
		s.refuse(err)
	}
}
