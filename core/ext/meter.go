// SPDX-License-Identifier: Apache-2.0

package ext

import (
	"context"
	"sync/atomic"
	"time"
)

// One pass in 1<<sampleBits is timed while nobody watches, and its handlers
// count for all the others (README.md, Why).
const sampleBits = 8

// A Meter adds up what a module costs. Its scopes feed it, before and after a
// reload and on all hosts; guests feed theirs with what the table cannot see.
// All methods may be called by any goroutine.
type Meter struct {
	all, watched   tally
	errors, panics atomic.Uint64
	memory         atomic.Int64
}

type tally struct{ events, nanos atomic.Int64 }

func (t *tally) add(events, nanos int64) {
	t.events.Add(events)
	t.nanos.Add(nanos)
}

// A Usage is what a Meter has added up.
type Usage struct {
	Events uint64        // handlers called and timers run
	Time   time.Duration // by the clock, without what other handlers took meanwhile
	Errors uint64        // requests that failed for a fault of ours, calls of a guest that failed
	Panics uint64        // recovered in the module's code
	Memory int64         // bytes, as a guest tells them; 0 where nobody knows
}

// Total is what was added up since the start. Events and Time of handlers are
// estimates, made of samples; all other numbers are exact.
func (m *Meter) Total() Usage { return m.usage(&m.all) }

// Watched is what was added up while the table was watched: exact, and to be
// compared with an earlier one.
func (m *Meter) Watched() Usage { return m.usage(&m.watched) }

func (m *Meter) usage(t *tally) Usage {
	return Usage{
		Events: uint64(t.events.Load()), Time: time.Duration(t.nanos.Load()), //nolint:gosec // it only grows
		Errors: m.errors.Load(), Panics: m.panics.Load(), Memory: m.memory.Load(),
	}
}

// Call counts a call that a guest made of its own and that took so long. The
// time is taken off that of the handler around it, which ctx tells of.
func (m *Meter) Call(ctx context.Context, took time.Duration) {
	if outer, ok := ctx.Value(frameKey{}).(*frame); ok {
		outer.within.Add(int64(took))
	}
	m.all.add(1, int64(took))
	m.watched.add(1, int64(took))
}

// Error counts a failure.
func (m *Meter) Error() { m.errors.Add(1) }

// Panic counts a panic that was recovered.
func (m *Meter) Panic() { m.panics.Add(1) }

// AddMemory tells that the module has so many bytes more now, or fewer.
func (m *Meter) AddMemory(bytes int64) { m.memory.Add(bytes) }

// MeterOf is the meter that o's scope feeds.
func MeterOf(o Owner) *Meter { return o.scope().meter }

// Feed has the scope feed m. It is called while the scope is staged, before
// anything is attached.
func (s *Scope) Feed(m *Meter) { s.meter = m }

// Watch has each pass that begins from now on counted and timed, or again a
// sample of them.
func (t *Table) Watch(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watched == on {
		return
	}
	t.watched = on
	next, _ := t.edited(nil, nil) // no conflict comes of nothing
	for id, list := range next.entries {
		next.meter(id, list)
	}
	t.install(next)
}

// meter builds what timed passes find at a point: the same, with each handler
// in a frame.
func (s *snapshot) meter(id int, list []entry) {
	at := pointOf(id)
	if at.timed == nil || len(list) == 0 {
		s.timed.slots[id] = s.plain.slots[id]
		return
	}
	framed := make([]entry, len(list))
	for i, e := range list {
		framed[i] = e
		framed[i].value = at.timed(e, s.weight)
	}
	s.timed.slots[id], _ = at.build(at.name, framed) // it could be built without frames
}

// timed is a handler in a frame.
func timed[E any](e entry, weight int64) any {
	fn, ok := e.value.(Handler[E])
	if !ok {
		return e.value
	}
	m := e.owner.meter
	return Handler[E](func(ctx context.Context, ev *E) Verdict {
		f := &frame{Context: ctx, began: clock()}
		v := fn(f, ev) //nolint:contextcheck // the frame is made of ctx
		f.end(m, weight)
		return v
	})
}

// A frame is the time of one handler. It travels in the context, so that
// handlers within take off theirs, be it late and from another goroutine.
type frame struct {
	context.Context //nolint:containedctx // it is a context
	began           int64
	within          atomic.Int64 // nanoseconds of handlers within
}

type frameKey struct{}

// Value finds the frame itself, too.
func (f *frame) Value(key any) any {
	if key == (frameKey{}) {
		return f
	}
	return f.Context.Value(key)
}

func (f *frame) end(m *Meter, weight int64) {
	took := clock() - f.began
	if outer, ok := f.Context.Value(frameKey{}).(*frame); ok {
		outer.within.Add(took)
	}
	own := max(0, took-f.within.Load())
	m.all.add(weight, weight*own)
	if weight == 1 {
		m.watched.add(1, own)
	}
}

var epoch = time.Now()

// clock is a time in nanoseconds; it is half as dear as time.Now.
func clock() int64 { return int64(time.Since(epoch)) }
