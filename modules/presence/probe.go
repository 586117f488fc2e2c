// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"math"

	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
)

// probed answers a probe for an account or one of its resources (RFC 6121
// section 4.3.2). It runs in the account's lane.
func (m *presence) probed(ctx context.Context, ev *route.Event) {
	st := ev.Stanza
	user, who := st.To.Local(), st.From
	r := m.rosterOf(ctx, ev.Pass, user)
	if r == nil {
		return
	}
	if who.Bare() != st.To.Bare() && !r.Items[who.Bare()].From {
		if !m.tellDirected(ctx, ev, user, who) {
			ev.Send(ctx, stanza.New(stanza.Presence, "unsubscribed", st.To.Bare(), who.Bare(), st.ID))
		}
		return
	}
	if st.To.IsBare() {
		asked := turnOf(ev)
		if !eachAvailable(ev.Host, user, func(s *session.Session, last *stanza.Stanza) {
			if known := states.Of(s); known.now.Load() < asked { // else it tells him, or has told
				ev.Send(ctx, known.later(last).WithTo(who))
			}
		}) {
			ev.Send(ctx, stanza.New(stanza.Presence, "unavailable", st.To, who, st.ID))
		}
		return
	}
	if s := ev.Host.Sessions.Get(st.To); s != nil {
		if last := s.Presence(); last != nil {
			ev.Send(ctx, states.Of(s).later(last).WithTo(who))
			return
		}
	}
	ev.Send(ctx, stanza.New(stanza.Presence, "unavailable", st.To, who, st.ID))
}

// tellDirected answers one who has got directed presence and nothing else.
func (m *presence) tellDirected(ctx context.Context, ev *route.Event, user string, who jid.JID) (told bool) {
	for _, s := range ev.Host.Sessions.Resources(user) {
		if !ev.Stanza.To.IsBare() && s.JID != ev.Stanza.To {
			continue
		}
		if st := directedTo(s, who); st != nil {
			ev.Send(ctx, st.WithTo(who))
			told = true
		}
	}
	return told
}

func directedTo(s *session.Session, who jid.JID) *stanza.Stanza {
	known := states.Peek(s)
	if known == nil {
		return nil
	}
	if st := known.to(who); st != nil {
		return st
	}
	return known.to(who.Bare())
}

// Two resources that become available at a time would tell each other twice: by
// the broadcast of the one, and in answer to the probe of the other. Which of
// them was available first decides: who comes later finds the other there, and
// reaches it by its broadcast; the answer to its probe tells it of the other.

// turnOf is when the resource became available for which the server sends a
// probe; the end of time if that is not so: everybody else is answered.
func turnOf(ev *route.Event) uint64 {
	who := ev.Stanza.From
	if ev.Origin != nil {
		return math.MaxUint64
	}
	if h := ev.Host.Router.Host(who.Domain()); h != nil {
		if s := h.Sessions.Get(who); s != nil {
			if known := states.Peek(s); known != nil && s.Available() {
				return known.began.Load()
			}
		}
	}
	return math.MaxUint64
}

// asks reports whether a resource that gets a broadcast has a probe under way
// that will be answered with it.
func (m *presence) asks(ctx context.Context, ev *route.Event, s *session.Session) bool {
	if !ev.Copy || ev.Origin == nil || ev.Stanza.Type != "" {
		return false
	}
	from, to := states.Peek(ev.Origin), states.Peek(s)
	if from == nil || to == nil || from.now.Load() >= to.began.Load() {
		return false
	}
	r := m.rosterOf(ctx, ev.Pass, s.JID.Local())
	return r != nil && r.Items[ev.Stanza.From.Bare()].To
}
