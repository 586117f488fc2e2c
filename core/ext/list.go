// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"iter"
	"slices"
)

// A List is a list to which modules add values: disco features, HTTP routes.
type List[T any] struct{ id int }

// NewList declares a list. Call it from a package-level var only.
func NewList[T any](name string) List[T] {
	return List[T]{newPoint(name, func(_ string, entries []entry) (any, error) {
		list := make([]T, len(entries))
		for i, e := range entries {
			list[i], _ = e.value.(T) // a nil value of an interface type stays nil
		}
		return list, nil
	}, nil)}
}

// Name is the name under which guests know the list.
func (l List[T]) Name() string { return pointOf(l.id).name }

// Add adds v for the life of o.
func (l List[T]) Add(o Owner, v T) { o.scope().attach(entry{point: l.id, value: v}) }

// All yields the values that the pass sees, in order of loading.
func (l List[T]) All(p Pass) iter.Seq[T] {
	list, _ := p.slot(l.id).([]T)
	return slices.Values(list)
}
