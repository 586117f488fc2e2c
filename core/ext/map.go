// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"fmt"
	"iter"
)

// A Map is a set of values found by key: stream features by name, HTTP routes
// by pattern. A key has one owner: a second one fails the commit.
type Map[K comparable, V any] struct{ id int }

type mapped[K comparable, V any] struct {
	values map[K]V
	keys   []K
}

// NewMap declares a map. Call it from a package-level var only.
func NewMap[K comparable, V any](name string) Map[K, V] {
	return Map[K, V]{newPoint(name, buildMap[K, V], nil)}
}

func buildMap[K comparable, V any](name string, entries []entry) (any, error) {
	m := &mapped[K, V]{values: make(map[K]V, len(entries))}
	owners := make(map[K]*Scope, len(entries))
	for _, e := range entries {
		k, _ := e.key.(K)
		if first := owners[k]; first != nil {
			return nil, fmt.Errorf("map %s: %v is set by %s and by %s", name, k, first.name, e.owner.name)
		}
		owners[k] = e.owner
		m.values[k], _ = e.value.(V) // a nil value of an interface type stays nil
		m.keys = append(m.keys, k)
	}
	return m, nil
}

// Name is the name under which guests know the map.
func (m Map[K, V]) Name() string { return pointOf(m.id).name }

// Set binds k to v for the life of o.
func (m Map[K, V]) Set(o Owner, k K, v V) { o.scope().attach(entry{point: m.id, key: k, value: v}) }

// Get returns the value bound to k in the pass.
func (m Map[K, V]) Get(p Pass, k K) (v V, ok bool) {
	all, _ := p.slot(m.id).(*mapped[K, V])
	if all == nil {
		return v, false
	}
	v, ok = all.values[k]
	return v, ok
}

// All yields what the pass sees, in order of loading.
func (m Map[K, V]) All(p Pass) iter.Seq2[K, V] {
	all, _ := p.slot(m.id).(*mapped[K, V])
	return func(yield func(K, V) bool) {
		if all == nil {
			return
		}
		for _, k := range all.keys {
			if !yield(k, all.values[k]) {
				return
			}
		}
	}
}
