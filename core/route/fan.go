// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"tercet/core/jid"
	"tercet/core/session"
	"tercet/core/stanza"
)

// A Fan sends the copies of one stanza to many: to those who see a presence, to
// the occupants of a room, to the subscribers of a node. What all get alike is
// written once. A copy meets the same hooks as any stanza, in an Event that says
// Copy.
type Fan struct {
	of   *Event
	st   *stanza.Stanza
	next Event
}

// Fan begins to send copies of st, whose to says nothing. The handler's own
// goroutine uses it, until the handler returns.
func (ev *Event) Fan(st *stanza.Stanza) *Fan { return &Fan{of: ev, st: st.Shared()} }

// Send routes the copy for an address as Event.Send does.
func (f *Fan) Send(ctx context.Context, to jid.JID) {
	if f.follow(ctx, nil, to) {
		f.next.dispatch(ctx)
	}
}

// Submit routes the copy for an address in a client's name, as Event.Submit
// does.
func (f *Fan) Submit(ctx context.Context, s *session.Session, to jid.JID) {
	if f.follow(ctx, s, to) {
		f.next.Pass = f.of.Pass
		f.next.leaveHome(ctx)
	}
}

// Deliver gives a session its copy, as Event.Deliver does.
func (f *Fan) Deliver(s *session.Session) bool {
	return f.of.Deliver(s, f.st.WithTo(s.JID))
}

// follow makes the event of the next copy of that of the last one.
func (f *Fan) follow(ctx context.Context, s *session.Session, to jid.JID) bool {
	f.next = Event{Stanza: f.st.WithTo(to), Origin: s, Copy: true}
	return f.of.leads(ctx, &f.next)
}
