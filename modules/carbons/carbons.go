// SPDX-License-Identifier: Apache-2.0

// Package carbons copies an account's messages to its other resources
// (XEP-0280, version 1.0.1).
package carbons

import (
	"context"
	"sync/atomic"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/modules/disco"
)

// Module is the message carbons module.
var Module = module.Define("carbons", module.OnHost, struct{}{}, load)

// ShouldCopy is fired where the rules of the XEP leave a message uncopied or
// copied; a handler may decide otherwise by setting Copy.
var ShouldCopy = ext.NewHook[CopyEvent]("carbons-should-copy")

// A CopyEvent is a message of which other resources may get a copy.
type CopyEvent struct {
	*route.Event
	Copy bool
}

const (
	ns         = "urn:xmpp:carbons:2"
	nsRules    = "urn:xmpp:carbons:rules:0"
	nsForward  = "urn:xmpp:forward:0"
	nsHints    = "urn:xmpp:hints"
	nsMUCUser  = "http://jabber.org/protocol/muc#user"
	nsInvite   = "jabber:x:conference"
	nsReceipts = "urn:xmpp:receipts"
	nsMarkers  = "urn:xmpp:chat-markers:0"
	nsStates   = "http://jabber.org/protocol/chatstates"
)

// enabled says which sessions want copies.
var enabled = slot.New[atomic.Bool]("carbons")

func load(s *module.Scope, _ struct{}) error {
	disco.Feature.Add(s, ns)
	disco.Feature.Add(s, nsRules)
	disco.AccountFeature.Add(s, ns)
	iq.Handle(s, iq.Set, iq.Self, element.Name{Space: ns, Local: "enable"}, switchTo(true))
	iq.Handle(s, iq.Set, iq.Self, element.Name{Space: ns, Local: "disable"}, switchTo(false))
	for _, t := range [...]route.Target{route.Full, route.Bare, route.ToHost} {
		route.Out[stanza.Message][t].Handle(s, -0.5, sent)
	}
	route.In[stanza.Message][route.Full].Handle(s, -0.5, receivedFull)
	route.In[stanza.Message][route.Bare].Handle(s, -0.5, receivedBare)
	return nil
}

func switchTo(on bool) iq.Handler {
	return func(_ context.Context, r *iq.Request) (element.Element, error) {
		if r.Origin == nil {
			return element.Element{}, stanza.Fail(stanza.NotAllowed, "")
		}
		enabled.Of(r.Origin).Store(on)
		return element.Element{}, nil
	}
}

func wants(s *session.Session) bool {
	on := enabled.Peek(s)
	return on != nil && on.Load()
}

// sent copies what the account sends to its other resources.
func sent(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	others := ev.Host.Sessions.Resources(ev.Origin.JID.Local())
	if len(others) > 1 && !ev.ToSelf && eligible(ctx, ev) {
		var copied carbon
		for _, s := range others {
			if s != ev.Origin && wants(s) {
				copied.deliver(ev, s, "sent", ev.Origin.JID.Bare())
			}
		}
	}
	if !st.Child(ns, "private").IsZero() {
		ev.Stanza = st.Without(func(e element.Element) bool { return e.Is(ns, "private") })
	}
	return ext.Next
}

// receivedFull copies a message to one resource to all others.
func receivedFull(ctx context.Context, ev *route.Event) ext.Verdict {
	others := ev.Host.Sessions.Resources(ev.Stanza.To.Local())
	if len(others) < 2 || !eligible(ctx, ev) {
		return ext.Next
	}
	if ev.Host.Sessions.Get(ev.Stanza.To) == nil {
		return receivedBare(ctx, ev) // delivered as if to the bare JID
	}
	var copied carbon
	for _, s := range others {
		if s.JID != ev.Stanza.To && wants(s) {
			copied.deliver(ev, s, "received", ev.Stanza.To.Bare())
		}
	}
	return ext.Next
}

// receivedBare copies a message to an account to the resources to which
// delivery does not bring it.
func receivedBare(ctx context.Context, ev *route.Event) ext.Verdict {
	account := ev.Stanza.To
	if ev.ToSelf {
		account = ev.Origin.JID
	}
	all := ev.Host.Sessions.Resources(account.Local())
	if len(all) < 1 || !eligible(ctx, ev) {
		return ext.Next
	}
	top := -1
	for _, s := range all {
		if s.Available() {
			top = max(top, s.Priority())
		}
	}
	var copied carbon
	for _, s := range all {
		if direct := s.Available() && s.Priority() == top; !direct && s != ev.Origin && wants(s) {
			copied.deliver(ev, s, "received", account.Bare())
		}
	}
	return ext.Next
}

// carbon is the payload of a carbon, made once for all who get it.
type carbon struct{ payload element.Element }

func (c *carbon) deliver(ev *route.Event, to *session.Session, direction string, account jid.JID) {
	if c.payload.IsZero() {
		c.payload = element.New(ns, direction).Open(nsForward, "forwarded").Child(ev.Stanza.Forward()).Element()
	}
	ev.Deliver(to, stanza.New(stanza.Message, ev.Stanza.Type, account, to.JID, "", c.payload))
}

// eligible reports whether a message is one that carbons are made of (section
// 6.1 of the XEP), unless a handler knows better.
func eligible(ctx context.Context, ev *route.Event) bool {
	st := ev.Stanza
	ok := byRules(st)
	if !ShouldCopy.Has(ev.Pass) {
		return ok
	}
	ask := CopyEvent{ev, ok}
	ShouldCopy.Fire(ctx, ev.Pass, &ask)
	return ask.Copy
}

func byRules(st *stanza.Stanza) bool {
	switch st.Type {
	case "groupchat", "headline", "error":
		return false
	}
	body, important := false, false
	for e := range st.Children() {
		switch e.Space() {
		case ns:
			return false // private, or a carbon itself
		case nsHints:
			if e.Local() == "no-copy" {
				return false
			}
		case element.NSClient:
			body = body || e.Local() == "body"
		case nsMUCUser:
			if e.Child(nsMUCUser, "invite").IsZero() && e.Child(nsMUCUser, "decline").IsZero() {
				return false // private messages in rooms belong to one resource
			}
			important = true
		case nsInvite, nsReceipts, nsMarkers, nsStates:
			important = true
		}
	}
	return st.Type == "chat" || body || important
}
