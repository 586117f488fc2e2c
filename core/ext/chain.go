// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"context"
	"fmt"
	"math"
)

// A Chain is a hook per key: requests by what they ask for. The module that
// answers stands at priority 0, and there is one such module per key: two of
// them fail the commit. Others may stand before it or after it, be it by as
// little as 1e-9.
type Chain[K comparable, E any] struct{ id int }

type chain[K comparable, E any] struct {
	handlers map[K][]Handler[E]
}

// NewChain declares a chain. Call it from a package-level var only.
func NewChain[K comparable, E any](name string) Chain[K, E] {
	return Chain[K, E]{newPoint(name, buildChain[K, E], timed[E])}
}

func buildChain[K comparable, E any](name string, entries []entry) (any, error) {
	c := &chain[K, E]{handlers: make(map[K][]Handler[E])}
	answers := make(map[K]*Scope)
	for _, e := range entries {
		k, _ := e.key.(K)
		if e.prio == 0 {
			if first := answers[k]; first != nil && first != e.owner {
				return nil, fmt.Errorf("chain %s: %v is answered by %s and by %s", name, k, first.name, e.owner.name)
			}
			answers[k] = e.owner
		}
		if fn, ok := e.value.(Handler[E]); ok {
			c.handlers[k] = append(c.handlers[k], fn)
		}
	}
	for _, e := range entries {
		k, _ := e.key.(K)
		c.handlers[k] = around(e, c.handlers[k])
	}
	return c, nil
}

// Name is the name under which guests know the chain.
func (c Chain[K, E]) Name() string { return pointOf(c.id).name }

// Handle attaches fn to the key k for the life of o.
func (c Chain[K, E]) Handle(o Owner, k K, prio float64, fn Handler[E]) {
	o.scope().attach(entry{point: c.id, prio: prio, key: k, value: fn})
}

// Wrap attaches fn around the handlers of k for the life of o, as [Hook.Wrap].
func (c Chain[K, E]) Wrap(o Owner, k K, fn Wrapper[E]) {
	o.scope().attach(entry{point: c.id, prio: math.MaxFloat64, key: k, value: fn})
}

// Fire runs the handlers of k, highest priority first, until one stops the
// event. It is never called with a mutex held.
func (c Chain[K, E]) Fire(ctx context.Context, p Pass, k K, ev *E) Verdict {
	all, _ := p.slot(c.id).(*chain[K, E])
	if all == nil {
		return Next
	}
	return run(ctx, all.handlers[k], ev)
}
