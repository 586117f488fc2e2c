// SPDX-License-Identifier: Apache-2.0

// Package presence keeps subscriptions and exchanges presence (RFC 6121
// sections 3 and 4).
package presence

import (
	"context"
	"time"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/disco"
	"tercet/modules/roster"
)

// Module is the presence module.
var Module = module.Define("presence", module.OnHost, options{}, load).Auto().Requiring("roster")

type options struct {
	IgnorePriority bool `lua:"ignore_presence_priority" doc:"Treat all resources of an account as if their presence had priority 0."`
}

const (
	nsRoster   = "jabber:iq:roster"
	nsApproval = "urn:xmpp:features:pre-approval" // RFC 6121 section 3.4
	nsDelay    = "urn:xmpp:delay"                 // XEP-0203
)

type presence struct {
	options
	scope *module.Scope
}

func load(s *module.Scope, o options) error {
	m := &presence{o, s}
	disco.Feature.Add(s, nsRoster) // the roster module cannot: disco asks it
	stream.Features.Handle(s, 0, feature)
	out, in := route.Out[stanza.Presence], route.In[stanza.Presence]
	for _, t := range [...]route.Target{route.Full, route.Bare, route.ToHost} {
		out[t].Handle(s, 0, m.outgoing)
	}
	in[route.Full].Handle(s, 0, m.full)
	in[route.Bare].Handle(s, 0, m.bare)
	in[route.ToHost].Handle(s, 0, m.host)
	route.Unbound.Handle(s, 0, m.unbound)
	roster.Removed.Handle(s, -1, m.removed)
	s.After(time.Second, m.pay)
	return nil
}

var approval = element.New(nsApproval, "sub").Element()

func feature(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if ev.Stream.User() != "" && !ev.Stream.Bound() {
		ev.Add(approval)
	}
	return ext.Next
}

// isSubscription reports whether a type is one of those that RFC 6121 section
// 3 is about.
func isSubscription(typ string) bool {
	switch typ {
	case "subscribe", "subscribed", "unsubscribe", "unsubscribed":
		return true
	}
	return false
}

// outgoing takes what a client addresses to somebody: subscriptions, and
// directed presence.
func (m *presence) outgoing(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	switch {
	case isSubscription(st.Type):
		if ev.ToSelf || st.To.Bare() == st.From.Bare() {
			ev.Bounce(ctx, stanza.Fail(stanza.NotAllowed, "you always see your own presence"))
			return ext.Stop
		}
		ev.InLane(ctx, st.From.Local(), m.subscriptionOut)
		return ext.Stop
	case st.Type == "" || st.Type == "unavailable":
		if ev.ToSelf {
			return m.checked(ctx, ev)
		}
		return m.direct(ctx, ev)
	case st.Type == "error" || st.Type == "probe":
		return ext.Verdict(ev.ToSelf)
	}
	return ext.Stop // no type that there is
}

// full delivers to one resource (RFC 6121 section 8.5.3.1).
func (m *presence) full(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	switch {
	case isSubscription(st.Type):
		ev.Stanza = st.WithTo(st.To.Bare())
		m.subscriptionIn(ctx, ev)
		return ext.Stop
	case st.Type == "probe":
		m.probed(ctx, ev)
		return ext.Stop
	}
	s := ev.Host.Sessions.Get(st.To)
	if s == nil {
		return ext.Stop
	}
	if st.Type == "error" {
		states.Of(s).drop(st.From) // it does not want our presence
	}
	ev.Deliver(s, st)
	return ext.Stop
}

// bare takes a client's own presence, and what others send to an account
// (RFC 6121 section 8.5.2.1).
func (m *presence) bare(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	if ev.ToSelf {
		m.broadcast(ctx, ev)
		return ext.Stop
	}
	switch {
	case isSubscription(st.Type):
		m.subscriptionIn(ctx, ev)
	case st.Type == "probe":
		m.probed(ctx, ev)
	case st.Type == "", st.Type == "unavailable":
		for _, s := range ev.Host.Sessions.Resources(st.To.Local()) {
			if s.Available() && !m.asks(ctx, ev, s) {
				ev.Deliver(s, st)
			}
		}
	case st.Type == "error":
		m.failed(ctx, ev)
	}
	return ext.Stop
}

// failed delivers the error that answers a request to subscribe; what else
// fails is nobody's concern.
func (m *presence) failed(ctx context.Context, ev *route.Event) {
	r := m.rosterOf(ctx, ev.Pass, ev.Stanza.To.Local())
	if r == nil || !r.Items[ev.Stanza.From.Bare()].Ask {
		return
	}
	for _, s := range ev.Host.Sessions.Resources(ev.Stanza.To.Local()) {
		if s.Available() {
			ev.Deliver(s, ev.Stanza)
		}
	}
}

// host answers for the host itself, which is always available.
func (m *presence) host(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	from, to := ev.Host.JID, st.From.Bare()
	if st.To != from {
		return ext.Stop // no address, or a resource of the host
	}
	switch st.Type {
	case "probe":
		ev.Send(ctx, stanza.New(stanza.Presence, "", from, st.From, st.ID))
	case "subscribe":
		ev.Send(ctx, stanza.New(stanza.Presence, "subscribed", from, to, st.ID))
		ev.Send(ctx, stanza.New(stanza.Presence, "", from, to, st.ID))
	}
	if isSubscription(st.Type) {
		m.settle(ctx, ev)
	}
	return ext.Stop
}

// rosterOf is an account's roster, or nil where there is none.
func (m *presence) rosterOf(ctx context.Context, p ext.Pass, user string) *roster.Roster {
	contacts, ok := roster.Service.In(p)
	if !ok {
		return nil
	}
	r, err := contacts.Roster(ctx, user)
	if err != nil {
		m.scope.Log.ErrorContext(ctx, "roster not read", "user", user, "err", err)
		return nil
	}
	return r
}

// exists reports whether there is such an account: nothing is kept for others.
func (m *presence) exists(ctx context.Context, ev *route.Event, user string) bool {
	if ev.Host.Connected(user) {
		return true
	}
	accounts, ok := auth.Accounts.In(ev.Pass)
	if !ok {
		return false
	}
	found, err := accounts.Exists(ctx, user)
	if err != nil {
		m.scope.Log.ErrorContext(ctx, "account not looked up", "user", user, "err", err)
	}
	return found
}

// eachAvailable calls fn for each available resource of an account and reports
// whether there is one.
func eachAvailable(h *route.Host, user string, fn func(s *session.Session, st *stanza.Stanza)) (found bool) {
	for _, s := range h.Sessions.Resources(user) {
		if st := s.Presence(); st != nil {
			found = true
			fn(s, st)
		}
	}
	return found
}

// sendAvailable tells somebody of each available resource of an account.
func sendAvailable(ctx context.Context, ev *route.Event, user string, to jid.JID) {
	eachAvailable(ev.Host, user, func(s *session.Session, st *stanza.Stanza) {
		ev.Send(ctx, states.Of(s).later(st).WithTo(to))
	})
}

// sendUnavailable takes back what sendAvailable has told.
func sendUnavailable(ctx context.Context, ev *route.Event, user string, to jid.JID) {
	eachAvailable(ev.Host, user, func(s *session.Session, _ *stanza.Stanza) {
		ev.Send(ctx, stanza.New(stanza.Presence, "unavailable", s.JID, to, ""))
	})
}
