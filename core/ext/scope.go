// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"context"
	"errors"
	"time"
)

// ErrClosed is the cause of a closed scope's context.
var ErrClosed = errors.New("ext: scope closed")

// An Owner is a Scope, or a struct that embeds one.
type Owner interface{ scope() *Scope }

func (s *Scope) scope() *Scope { return s }

// A Scope is the life of one module on one table.
type Scope struct {
	name string
	rank uint64
}

// NewScope returns a scope in its staging phase.
func NewScope(ctx context.Context, name string, t *Table) *Scope { panic("soon") }

// Name is the scope's name.
func (s *Scope) Name() string { return s.name }

// Context is done when the scope closes.
func (s *Scope) Context() context.Context { panic("soon") }

// Live reports whether the scope's attachments are in its table.
func (s *Scope) Live() bool { panic("soon") }

// Go runs fn in a goroutine of the scope.
func (s *Scope) Go(fn func(context.Context)) { panic("soon") }

// Every calls fn each d.
func (s *Scope) Every(d time.Duration, fn func(context.Context)) { panic("soon") }

// After calls fn once.
func (s *Scope) After(d time.Duration, fn func(context.Context)) (stop func()) { panic("soon") }

// Defer has Close call fn.
func (s *Scope) Defer(fn func() error) { panic("soon") }

// Hold keeps Close waiting until release is called.
func (s *Scope) Hold() (release func()) { panic("soon") }

// Close gives back all that the scope has.
func (s *Scope) Close(ctx context.Context) error { panic("soon") }

// OnPanic sets where recovered panics are reported.
func OnPanic(fn func(scope string, value any, stack []byte)) { panic("soon") }

func (s *Scope) attach(e entry) { panic("soon") }
