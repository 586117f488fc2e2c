// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"

	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/modules/roster"
)

// maxRequest is the longest request to subscribe that is kept as it came; of a
// longer one only that it came.
const maxRequest = 4096

// subscriptionOut takes a subscription stanza of one of our users (RFC 6121
// section 3, and A.2). It runs in the user's lane.
func (m *presence) subscriptionOut(ctx context.Context, ev *route.Event) {
	st := ev.Stanza.WithFrom(ev.Stanza.From.Bare()).WithTo(ev.Stanza.To.Bare()) // section 3.1.2
	user, contact := st.From.Local(), st.To
	ledger, ok := roster.Subscriptions.In(ev.Pass)
	if !ok {
		ev.Bounce(ctx, stanza.Fail(stanza.ServiceUnavailable, ""))
		return
	}
	var was, is roster.Item
	routed := false
	err := ledger.Change(ctx, user, contact, func(i roster.Item) roster.Change {
		was = i
		is, routed = outbound(i, st.Type)
		c := roster.Change{Item: is, Keep: kept(is)}
		if routed {
			c.Owe = []string{st.Type}
		}
		return c
	})
	if err != nil {
		m.refuse(ctx, ev, err)
		return
	}
	if was.From && !is.From {
		sendUnavailable(ctx, ev, user, contact) // while it still is subscribed: section 3.2.1
	}
	if routed {
		ev.Send(ctx, st)
	}
	if !was.From && is.From {
		sendAvailable(ctx, ev, user, contact) // section 3.1.5
	}
}

// refuse says why a subscription did not change.
func (m *presence) refuse(ctx context.Context, ev *route.Event, err error) {
	if errors.Is(err, roster.ErrShared) {
		return // the contact is there whatever is asked
	}
	var cause *stanza.Error
	if !errors.As(err, &cause) {
		m.scope.Log.ErrorContext(ctx, "subscription not changed", "jid", ev.Stanza.From.String(), "err", err)
		cause = stanza.Fail(stanza.InternalServerError, "")
	}
	ev.Bounce(ctx, cause)
}

// kept reports whether there is an item after a change: a request that nobody
// waits for any more leaves nothing, and what never was does not begin by
// being ended.
func kept(i roster.Item) bool { return !i.Hidden || i.Pending != nil }

// outbound is the tables of RFC 6121 A.2: what becomes of the item, and
// whether the stanza goes on to the contact.
func outbound(i roster.Item, typ string) (next roster.Item, routed bool) {
	switch typ {
	case "subscribe":
		if !i.To {
			i.Ask, i.Hidden = true, false
		}
		return i, true
	case "unsubscribe":
		i.To, i.Ask = false, false
		return i, true
	case "subscribed":
		switch {
		case i.Pending != nil:
			i.From, i.Pending, i.Hidden = true, nil, false
			return i, true
		case !i.From:
			i.Approved, i.Hidden = true, false // section 3.4
		}
		return i, false
	case "unsubscribed":
		routed = i.From || i.Pending != nil
		i.From, i.Pending, i.Approved = false, nil, false
		return i, routed
	}
	return i, false
}

// inbound is the tables of RFC 6121 A.3: what becomes of the item, whether the
// user's clients get the stanza, and the type of the answer that the server
// gives for them.
func inbound(i roster.Item, st *stanza.Stanza) (next roster.Item, delivered bool, reply string) {
	switch st.Type {
	case "subscribe":
		switch {
		case i.From:
			return i, false, "subscribed"
		case i.Approved:
			i.From, i.Pending = true, nil
			return i, false, "subscribed"
		case i.Pending != nil:
			return i, false, ""
		}
		i.Pending = request(st)
		return i, true, ""
	case "unsubscribe":
		delivered = i.From || i.Pending != nil
		i.From, i.Pending = false, nil
	case "subscribed":
		if delivered = i.Ask; delivered {
			i.To, i.Ask = true, false
		}
	case "unsubscribed":
		delivered = i.To || i.Ask
		i.To, i.Ask = false, false
	}
	return i, delivered, ""
}

// request is what is kept of a request to subscribe.
func request(st *stanza.Stanza) []byte {
	if b := st.AppendTo(nil); len(b) <= maxRequest {
		return b
	}
	return stanza.New(stanza.Presence, "subscribe", st.From, st.To, "").AppendTo(nil)
}

// subscriptionIn takes a subscription stanza for one of our users. It runs in
// the user's lane.
func (m *presence) subscriptionIn(ctx context.Context, ev *route.Event) {
	defer m.settle(ctx, ev)
	st := ev.Stanza.WithFrom(ev.Stanza.From.Bare())
	user, contact := st.To.Local(), st.From
	ledger, ok := roster.Subscriptions.In(ev.Pass)
	if !ok || contact == st.To || !m.exists(ctx, ev, user) {
		return // as if the account did not care: section 8.5.1
	}
	var was, is roster.Item
	reply := ""
	err := ledger.Change(ctx, user, contact, func(i roster.Item) roster.Change {
		var delivered bool
		was = i
		is, delivered, reply = inbound(i, st)
		c := roster.Change{Item: is, Keep: kept(is)}
		if delivered {
			c.First = func() { deliverTo(ev, user, st) }
		}
		return c
	})
	var full *stanza.Error
	switch {
	case errors.Is(err, roster.ErrShared):
		if st.Type == "subscribe" {
			reply = "subscribed"
		}
	case errors.As(err, &full): // anybody can fill the room for requests: that is no news
		m.scope.Log.DebugContext(ctx, "request to subscribe dropped", "jid", st.To.String(), "err", err)
		return
	case err != nil:
		m.scope.Log.ErrorContext(ctx, "subscription not changed", "jid", st.To.String(), "err", err)
		return
	}
	if was.From && !is.From {
		sendUnavailable(ctx, ev, user, contact) // section 3.3.3
	}
	if reply != "" {
		ev.Send(ctx, stanza.New(stanza.Presence, reply, st.To, contact, st.ID))
		sendAvailable(ctx, ev, user, contact)
	}
}

// deliverTo gives a subscription stanza to the user's clients: a request to
// those that are available (section 3.1.3), an answer to those that have asked
// for the roster (3.1.6).
func deliverTo(ev *route.Event, user string, st *stanza.Stanza) {
	for _, s := range ev.Host.Sessions.Resources(user) {
		if st.Type == "subscribe" && s.Available() || st.Type != "subscribe" && roster.Interested(s) {
			ev.Deliver(s, st)
		}
	}
}

// settle tells the roster of the sender, if it is ours, that the stanza has
// arrived.
func (m *presence) settle(ctx context.Context, ev *route.Event) {
	from := ev.Stanza.From
	h := ev.Host.Router.Host(from.Domain())
	if h == nil || from.Local() == "" {
		return
	}
	p := h.Table.Enter()
	defer p.Leave()
	ledger, ok := roster.Subscriptions.In(p)
	if !ok {
		return
	}
	if err := ledger.Settle(ctx, from.Local(), ev.Stanza.To.Bare(), ev.Stanza.Type); err != nil {
		m.scope.Log.ErrorContext(ctx, "subscription not settled", "jid", from.String(), "err", err)
	}
}

// pay sends what was owed when the server was killed.
func (m *presence) pay(ctx context.Context) {
	h := m.scope.Host
	p := h.Table.Enter()
	ledger, ok := roster.Subscriptions.In(p)
	p.Leave()
	if !ok {
		return
	}
	var all []roster.Debt
	for d, err := range ledger.Owed(ctx) {
		if err != nil {
			m.scope.Log.ErrorContext(ctx, "unfinished subscriptions not read", "err", err)
			return
		}
		all = append(all, d)
	}
	for _, d := range all {
		from, err := jid.New(d.User, h.Name, "")
		if err != nil || h.Router.Host(d.Contact.Domain()) == nil {
			continue
		}
		h.Send(ctx, stanza.New(stanza.Presence, d.Type, from, d.Contact, ""))
		if err := ledger.Settle(ctx, d.User, d.Contact, d.Type); err != nil { // whatever stops the stanza on its way
			m.scope.Log.ErrorContext(ctx, "subscription not settled", "jid", from.String(), "err", err)
		}
	}
}

// removed ends the subscriptions of an item that was removed (section 2.5.2).
func (m *presence) removed(ctx context.Context, ev *roster.RemovedEvent) ext.Verdict {
	h := m.scope.Host
	from, err := jid.New(ev.User, h.Name, "")
	if err != nil {
		return ext.Next
	}
	i := ev.Item
	ctx = context.WithoutCancel(ctx)
	h.Lane(ev.User).Do(func() {
		if i.From {
			eachAvailable(h, ev.User, func(s *session.Session, _ *stanza.Stanza) {
				h.Send(ctx, stanza.New(stanza.Presence, "unavailable", s.JID, i.JID, ""))
			})
		}
		for _, typ := range i.Ends() {
			h.Send(ctx, stanza.New(stanza.Presence, typ, from, i.JID, ""))
		}
	})
	return ext.Next
}
