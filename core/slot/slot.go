// SPDX-License-Identifier: Apache-2.0

// Package slot lets modules keep typed data of their own on a stream, a
// session or a host, without a table of fields that everybody shares. The data
// goes away with what it hangs on, and outlives the module that put it there:
// two instances of a module, before and after a reload, find the same value.
package slot

import (
	"sync"
	"sync/atomic"
)

var count atomic.Int32

// A Slot is a place for a T on each holder. Declare it as a package variable.
type Slot[T any] struct {
	id   int
	name string
}

// New declares a slot.
func New[T any](name string) Slot[T] { return Slot[T]{int(count.Add(1)) - 1, name} }

// Name is the name that the slot was declared with.
func (k Slot[T]) Name() string { return k.name }

// A Holder has slots: it is a struct that embeds a Set.
type Holder interface{ slots() *Set }

// A Set is what a holder embeds; its zero value is ready.
type Set struct {
	mu     sync.Mutex // guards values
	values []any
}

func (s *Set) slots() *Set { return s }

// Of returns the holder's T, a zero one at the first call.
func (k Slot[T]) Of(h Holder) *T {
	s := h.slots()
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.id < len(s.values) {
		if v, ok := s.values[k.id].(*T); ok {
			return v
		}
	}
	for len(s.values) <= k.id {
		s.values = append(s.values, nil)
	}
	v := new(T)
	s.values[k.id] = v
	return v
}

// Peek returns the holder's T, or nil if nobody has asked Of for it.
func (k Slot[T]) Peek(h Holder) *T {
	s := h.slots()
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.id >= len(s.values) {
		return nil
	}
	v, _ := s.values[k.id].(*T)
	return v
}

// Clear forgets the holder's T.
func (k Slot[T]) Clear(h Holder) {
	s := h.slots()
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.id < len(s.values) {
		s.values[k.id] = nil
	}
}
