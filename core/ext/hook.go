// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"context"
	"math"
)

// A Verdict is a handler's answer: go on to the next handler, or stop here.
type Verdict bool

// The two verdicts.
const (
	Next Verdict = false
	Stop Verdict = true
)

// A Handler acts on one event. It may change the event's fields: the handlers
// after it see that.
type Handler[E any] func(context.Context, *E) Verdict

// A Hook is a point in the server's work at which modules may act on an E.
// The zero Hook is never fired.
type Hook[E any] struct{ id int }

// NewHook declares a hook. Call it from a package-level var only.
func NewHook[E any](name string) Hook[E] {
	return Hook[E]{newPoint(name, func(_ string, entries []entry) (any, error) {
		return handlers[E](entries), nil
	}, timed[E])}
}

// Name is the name under which guests know the hook.
func (h Hook[E]) Name() string { return pointOf(h.id).name }

// Handle attaches fn for the life of o. Higher priorities run first; equal ones
// in order of loading.
func (h Hook[E]) Handle(o Owner, prio float64, fn Handler[E]) {
	o.scope().attach(entry{point: h.id, prio: prio, value: fn})
}

// A Wrapper acts around all handlers of an event: next runs them. Its verdict
// is the event's.
type Wrapper[E any] func(ctx context.Context, ev *E, next Handler[E]) Verdict

// Wrap attaches fn around the hook's handlers for the life of o. The last one
// that is attached is the outermost. It is not metered.
func (h Hook[E]) Wrap(o Owner, fn Wrapper[E]) {
	o.scope().attach(entry{point: h.id, prio: math.MaxFloat64, value: fn})
}

// handlers are those of entries; where there are wrappers, one that is all.
func handlers[E any](entries []entry) []Handler[E] {
	list := make([]Handler[E], 0, len(entries))
	for _, e := range entries {
		if fn, ok := e.value.(Handler[E]); ok {
			list = append(list, fn)
		}
	}
	for _, e := range entries {
		list = around(e, list)
	}
	return list
}

// around is the list, with the entry about it if that is a wrapper.
func around[E any](e entry, list []Handler[E]) []Handler[E] {
	fn, ok := e.value.(Wrapper[E])
	if !ok {
		return list
	}
	return []Handler[E]{func(ctx context.Context, ev *E) Verdict {
		return fn(ctx, ev, func(ctx context.Context, ev *E) Verdict { return run(ctx, list, ev) })
	}}
}

// run calls handlers until one stops the event.
func run[E any](ctx context.Context, list []Handler[E], ev *E) Verdict {
	for _, call := range list {
		if call(ctx, ev) == Stop {
			return Stop
		}
	}
	return Next
}

// Fire runs the handlers that the pass sees until one stops the event. It is
// never called with a mutex held.
func (h Hook[E]) Fire(ctx context.Context, p Pass, ev *E) Verdict {
	list, _ := p.slot(h.id).([]Handler[E])
	return run(ctx, list, ev)
}

// Has reports whether the pass sees a handler, for callers that would have to
// make an event first.
func (h Hook[E]) Has(p Pass) bool { return p.slot(h.id) != nil }
