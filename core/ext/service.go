// SPDX-License-Identifier: Apache-2.0

package ext

import "fmt"

// A Service is a value that one module offers and others use. A second one
// that offers it fails the commit.
type Service[T any] struct{ id int }

// NewService declares a service. Call it from a package-level var only.
func NewService[T any](name string) Service[T] {
	return Service[T]{newPoint(name, func(name string, entries []entry) (any, error) {
		if len(entries) > 1 {
			return nil, fmt.Errorf("service %s is offered by %s and by %s", name, entries[0].owner.name, entries[1].owner.name)
		}
		v, _ := entries[0].value.(T) // a nil value of an interface type stays nil
		return &v, nil
	}, nil)}
}

// Name is the name under which guests know the service.
func (k Service[T]) Name() string { return pointOf(k.id).name }

// Offer makes v the service for the life of o.
func (k Service[T]) Offer(o Owner, v T) { o.scope().attach(entry{point: k.id, value: v}) }

// In returns the service that the pass sees. It is not kept beyond the pass.
func (k Service[T]) In(p Pass) (v T, ok bool) {
	if at, _ := p.slot(k.id).(*T); at != nil {
		return *at, true
	}
	return v, false
}
