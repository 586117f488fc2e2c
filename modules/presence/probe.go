// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"

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
		if !sendAvailable(ctx, ev, user, who) {
			ev.Send(ctx, stanza.New(stanza.Presence, "unavailable", st.To, who, st.ID))
		}
		return
	}
	if s := ev.Host.Sessions.Get(st.To); s != nil {
		if last := s.Presence(); last != nil {
			ev.Send(ctx, states.Of(s).stamped(last).WithTo(who))
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
