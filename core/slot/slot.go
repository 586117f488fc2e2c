// SPDX-License-Identifier: Apache-2.0

// Package slot lets modules keep typed data of their own on a stream, a
// session or a host, without a table of fields that everybody shares. The data
// goes away with what it hangs on, and outlives the module that put it there:
// two instances of a module, before and after a reload, find the same value.
package slot

import (
	"slices"
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

// A Set is what a holder embeds; its zero value is ready. A holder has few of
// the slots that there are: they are searched one by one.
type Set struct {
	mu     sync.Mutex // guards values
	values []value
}

type value struct {
	id int
	v  any // a *T
}

func (s *Set) slots() *Set { return s }

// findLocked is the index of a slot's value, or -1.
func (s *Set) findLocked(id int) int {
	for i := range s.values {
		if s.values[i].id == id {
			return i
		}
	}
	return -1
}

// Of returns the holder's T, a zero one at the first call.
func (k Slot[T]) Of(h Holder) *T {
	s := h.slots()
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.findLocked(k.id); i >= 0 {
		return s.values[i].v.(*T)
	}
	v := new(T)
	s.values = append(s.values, value{k.id, v})
	return v
}

// Peek returns the holder's T, or nil if nobody has asked Of for it.
func (k Slot[T]) Peek(h Holder) *T {
	s := h.slots()
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.findLocked(k.id); i >= 0 {
		return s.values[i].v.(*T)
	}
	return nil
}

// Clear forgets the holder's T.
func (k Slot[T]) Clear(h Holder) {
	s := h.slots()
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.findLocked(k.id)
	if i < 0 {
		return
	}
	if s.values = slices.Delete(s.values, i, i+1); len(s.values) == 0 {
		s.values = nil
	}
}
