// SPDX-License-Identifier: Apache-2.0

// Package message delivers messages to connected resources, or gives them to
// who keeps them (RFC 6121 sections 5 and 8.5).
package message

import (
	"context"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
)

// Module is the message delivery module.
var Module = module.Define("message", module.OnHost, struct{}{}, load).Auto()

// Offline is fired for a message to an account without a resource that could
// take it. Stop means that it is kept.
var Offline = ext.NewHook[route.Event]("message/offline/handle")

var _ = guest.Expose(Offline, guest.Stanza, "A message to an account without a resource that could take it. Stop: it is kept.")

// Broadcast is fired when a resource becomes available with a priority that is
// not negative: what was kept for the account can be delivered.
var Broadcast = ext.NewHook[BroadcastEvent]("message/offline/broadcast")

var _ = guest.Expose(Broadcast, guest.About(func(ev *BroadcastEvent) *route.Event { return ev.Event }), "A resource can take what was kept.")

// A BroadcastEvent is a resource that can take what was kept.
type BroadcastEvent struct {
	*route.Event
	Session *session.Session
	// Archived, if not nil, reports whether the client finds a message in its
	// archive: then it need not be delivered.
	Archived func(*stanza.Stanza) bool
}

// Redelivery gives a message for an account, whose first way has failed, to
// another resource or to who keeps it. Next means that nobody takes it.
var Redelivery = ext.NewService[func(context.Context, *route.Event) ext.Verdict]("message-redelivery")

func load(s *module.Scope, _ struct{}) error {
	in := route.In[stanza.Message]
	in[route.Full].Handle(s, -1, full)
	in[route.Bare].Handle(s, -1, bare)
	Redelivery.Offer(s, redeliver)
	return nil
}

// full delivers to the resource that is meant, else as RFC 6121 section
// 8.5.3.2.1 says.
func full(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	if s := ev.Host.Sessions.Get(st.To); s != nil && ev.Deliver(s, st) {
		return ext.Stop
	}
	switch st.Type {
	case "groupchat":
		return ext.Next // service-unavailable
	case "headline", "error":
		return ext.Stop // dropped
	}
	return bare(ctx, ev)
}

// bare delivers to an account (RFC 6121 section 8.5.2).
func bare(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	account := st.To.Local()
	if ev.ToSelf {
		account = ev.Origin.JID.Local()
	}
	switch st.Type {
	case "groupchat":
		return ext.Next // service-unavailable
	case "error":
		return ext.Stop // dropped
	case "headline":
		for _, s := range ev.Host.Sessions.Resources(account) {
			if s.Available() && s.Priority() >= 0 {
				ev.Deliver(s, st)
			}
		}
		return ext.Stop
	}
	if toTop(ev, ev.Host.Sessions.Resources(account)) {
		return ext.Stop
	}
	if !exists(ctx, ev, account) {
		return ext.Next
	}
	return Offline.Fire(ctx, ev.Pass, ev)
}

// toTop delivers to the most available resources: all of those that share the
// highest priority that is not negative.
func toTop(ev *route.Event, all []*session.Session) bool {
	top := -1
	for _, s := range all {
		if s.Available() {
			top = max(top, s.Priority())
		}
	}
	if top < 0 {
		return false
	}
	delivered := false
	for _, s := range all {
		if s.Available() && s.Priority() == top && ev.Deliver(s, ev.Stanza) {
			delivered = true
		}
	}
	return delivered
}

func exists(ctx context.Context, ev *route.Event, account string) bool {
	if ev.Host.Connected(account) {
		return true
	}
	accounts, ok := auth.Accounts.In(ev.Pass)
	if !ok {
		return false
	}
	found, err := accounts.Exists(ctx, account)
	if err != nil {
		ev.Host.Log.ErrorContext(ctx, "account not looked up", "jid", ev.Stanza.To.Bare().String(), "err", err)
	}
	return found
}

// redeliver finds another way for a message to a resource that is gone.
func redeliver(ctx context.Context, ev *route.Event) ext.Verdict {
	switch ev.Stanza.Type {
	case "groupchat":
		return ext.Next
	case "headline":
		return ext.Stop
	}
	return bare(ctx, ev)
}
