// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"tercet/core/ext"
	"tercet/core/lane"
	"tercet/core/session"
	"tercet/core/stanza"
)

// InLane runs fn in the lane of an account of the event's host: at once if the
// lane is free, else later and with a copy of the event. The acknowledgement
// of the stanza waits for it.
func (ev *Event) InLane(ctx context.Context, local string, fn func(context.Context, *Event)) {
	if l := ev.Host.Lane(local); ev.enter(l) {
		defer leave(l, false)
		fn(ctx, ev)
	} else {
		ev.later(ctx, l, func(ctx context.Context, later *Event) {
			later.Pass = later.Host.Table.Enter()
			defer later.Pass.Leave()
			fn(ctx, later)
		})
	}
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

// later has a copy of the event wait for the lane. It has no share in the
// sender's pass, cork and frame.
func (ev *Event) later(ctx context.Context, l *lane.Lane, fn func(context.Context, *Event)) {
	later := *ev
	later.Pass, later.Cork, later.deep, later.root = ext.Pass{}, nil, 0, false
	later.work.add()
	waits := ev.wait()
	ctx = detached{context.WithoutCancel(ctx)} //nolint:contextcheck // what waits outlives the sender
	l.Later(func() {
		defer later.work.done()
		defer waits.over()
		fn(ctx, &later)
	})
}

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
	next := Event{Stanza: st, Origin: s, Host: ev.Host, Cork: ev.Cork, work: ev.work, hops: ev.hops + 1, deep: ev.deep + 1}
	if next.hops > maxHops {
		ev.Host.Log.WarnContext(ctx, "stanza dropped: modules answer each other without end", "jid", st.To.String())
		return
	}
	next.submit(ctx)
}
