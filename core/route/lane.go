// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"tercet/core/ext"
	"tercet/core/session"
	"tercet/core/stanza"
)

// InLane runs fn in the lane of an account of the event's host: at once if the
// lane is free, else later and with a copy of the event. The acknowledgement
// of the stanza waits for it.
func (ev *Event) InLane(ctx context.Context, local string, fn func(context.Context, *Event)) {
	l := ev.Host.Lane(local)
	if ev.deep < maxDeep && l.TryEnter() {
		defer l.Leave()
		fn(ctx, ev)
		return
	}
	later := *ev
	later.Pass, later.Cork, later.deep = ext.Pass{}, nil, 0
	later.work.add()
	l.Do(func() {
		defer later.work.done()
		later.Pass = later.Host.Table.Enter()
		defer later.Pass.Leave()
		fn(ctx, &later)
	})
}

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
