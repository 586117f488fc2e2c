// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"tercet/core/ext"
	"tercet/core/lane"
	"tercet/core/session"
	"tercet/core/stanza"
)

// A place is the lane of an account, with what waits there for its turn.
type place struct {
	lane.Lane
	inbox inbox
}

// InLane runs fn in the lane of an account of the event's host: at once if the
// lane is free, else later and with a copy of the event. The acknowledgement
// of the stanza waits for it.
func (ev *Event) InLane(ctx context.Context, local string, fn func(context.Context, *Event)) {
	l := ev.Host.Lane(local)
	if ev.enter(l) {
		defer leave(l, false)
		fn(ctx, ev)
		return
	}
	later := ev.waiting()
	ctx = detach(ctx)
	l.Later(func() {
		defer later.over()
		later.ev.Pass = later.ev.Host.Table.Enter()
		defer later.ev.Pass.Leave()
		fn(ctx, &later.ev)
	})
}

func (ev *Event) enter(l *lane.Lane) bool { return ev.deep < maxDeep && l.TryEnter() }

// leave does what others want done in the lane only at the root of a stream:
// a handler further up may hold a lock that they need.
func leave(l *lane.Lane, root bool) {
	if root {
		l.Leave()
	} else {
		l.Yield()
	}
}

// A parcel is the copy of an event that waits for a lane.
type parcel struct {
	ev    Event
	waits wait
}

// Spent reports whether so many sends have led to the event that what it sends
// is dropped: modules answer each other without end.
func (ev *Event) Spent() bool { return ev.hops >= maxHops }

// waiting is the copy of the event that waits for a lane. It has no share in
// the sender's pass, cork and frame.
func (ev *Event) waiting() parcel {
	later := *ev
	later.Pass, later.Cork, later.deep, later.root = ext.Pass{}, nil, 0, false
	later.work.add()
	return parcel{later, ev.wait()}
}

func (p *parcel) over() {
	p.waits.over()
	p.ev.work.done()
}

// detach is the context of what waits, and outlives the sender.
func detach(ctx context.Context) context.Context { return detached{context.WithoutCancel(ctx)} }

// A wait is a stanza that its sender's reader has to pay for.
type wait struct {
	of   *session.Backlog
	size int
}

func (ev *Event) wait() wait {
	if ev.Origin == nil {
		return wait{}
	}
	w := wait{ev.Origin.Backlog(), ev.Stanza.Size()}
	w.of.Add(w.size)
	return w
}

func (w wait) over() {
	if w.of != nil {
		w.of.Done(w.size)
	}
}

// detached is the context of what has waited: the frame that sent it may have
// returned by then, its deadline passed, and the locks that its context tells
// of are held by somebody else.
type detached struct{ context.Context } //nolint:containedctx // it is a context

func (detached) Value(any) any { return nil }

// Submit routes a stanza that a handler makes in a client's name: it meets the
// hooks of the sender's side, as Host.Submit has it.
func (ev *Event) Submit(ctx context.Context, s *session.Session, st *stanza.Stanza) {
	next := newEvent(st)
	defer next.over()
	if ev.leads(ctx, next) {
		next.Origin = s
		next.submit(ctx)
	}
}
