// SPDX-License-Identifier: Apache-2.0

// Package carbons copies an account's messages to its other resources
// (XEP-0280, version 1.0.1).
package carbons

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

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
	"tercet/modules/smacks"
)

// Module is the message carbons module.
var Module = module.Define("carbons", module.OnHost, struct{}{}, load)

// ShouldCopy is fired where the rules of the XEP leave a message uncopied or
// copied; a handler may decide otherwise by setting Copy. A message that holds
// <private/> or a carbon is not asked about.
var ShouldCopy = ext.NewHook[CopyEvent]("carbons-should-copy")

// A CopyEvent is a message of which other resources may get a copy.
type CopyEvent struct {
	*route.Event
	Sent bool // by the account whose resources may get copies, else received
	Copy bool
}

const (
	ns         = "urn:xmpp:carbons:2"
	nsRules    = "urn:xmpp:carbons:rules:0"
	nsForward  = "urn:xmpp:forward:0"
	nsHints    = "urn:xmpp:hints"
	nsMUCUser  = "http://jabber.org/protocol/muc#user"
	nsInvite   = "jabber:x:conference"                   // XEP-0249
	nsReceipts = "urn:xmpp:receipts"                     // XEP-0184
	nsMarkers  = "urn:xmpp:chat-markers:0"               // XEP-0333
	nsStates   = "http://jabber.org/protocol/chatstates" // XEP-0085
	nsSID      = "urn:xmpp:sid:0"                        // XEP-0359
	nsCall0    = "urn:xmpp:jingle-message:0"             // XEP-0353
	nsCall1    = "urn:xmpp:jingle-message:1"
)

// enabled says since when sessions want copies, in nanoseconds; 0: they do not.
var enabled = slot.New[atomic.Int64]("carbons")

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
	smacks.DeliveryFailed.Handle(s, 1, failed)
	return nil
}

func switchTo(on bool) iq.Handler {
	return func(_ context.Context, r *iq.Request) (element.Element, error) {
		if r.Origin == nil {
			return element.Element{}, stanza.Fail(stanza.NotAllowed, "")
		}
		since := int64(0)
		if on {
			since = time.Now().UnixNano()
		}
		if at := enabled.Of(r.Origin); !on || at.Load() == 0 {
			at.Store(since)
		}
		return element.Element{}, nil
	}
}

// Wants reports whether a session gets copies.
func Wants(s *session.Session) bool {
	since := enabled.Peek(s)
	return since != nil && since.Load() != 0
}

// failed spares a message another way if a copy of it is with another resource
// already.
func failed(ctx context.Context, ev *smacks.FailureEvent) ext.Verdict {
	account := ev.Session.JID.Bare()
	if ev.Stanza.Kind != stanza.Message || !eligible(ctx, ev.Event, account, false) {
		return ext.Next
	}
	for _, s := range ev.Host.Sessions.Resources(account.Local()) {
		since := enabled.Peek(s)
		if s == ev.Session || since == nil {
			continue
		}
		if n := since.Load(); n != 0 && n < ev.At.UnixNano() {
			return ext.Stop
		}
	}
	return ext.Next
}

// sent copies what the account sends to its other resources. What it sends to
// itself is received there.
func sent(ctx context.Context, ev *route.Event) ext.Verdict {
	account := ev.Origin.JID.Bare()
	others := ev.Host.Sessions.Resources(account.Local())
	if len(others) < 2 || ev.ToSelf || ev.Stanza.To.Bare() == account || !eligible(ctx, ev, account, true) {
		return ext.Next
	}
	var copied carbon
	for _, s := range others {
		if s != ev.Origin && Wants(s) {
			copied.deliver(ev, s, "sent", account)
		}
	}
	return ext.Next
}

// receivedFull copies a message to one resource to all others.
func receivedFull(ctx context.Context, ev *route.Event) ext.Verdict {
	to := ev.Stanza.To
	others := ev.Host.Sessions.Resources(to.Local())
	if !slices.ContainsFunc(others, func(s *session.Session) bool { return s.JID == to }) {
		return receivedBare(ctx, ev) // delivered as if to the bare JID
	}
	if len(others) > 1 && eligible(ctx, ev, to.Bare(), false) {
		var copied carbon
		for _, s := range others {
			if s.JID != to && s != ev.Origin && Wants(s) {
				copied.deliver(ev, s, "received", to.Bare())
			}
		}
	}
	reveal(ev)
	return ext.Next
}

// receivedBare copies a message to an account to the resources to which
// delivery does not bring it.
func receivedBare(ctx context.Context, ev *route.Event) ext.Verdict {
	account := ev.Stanza.To.Bare()
	if ev.ToSelf {
		account = ev.Origin.JID.Bare()
	}
	if all := ev.Host.Sessions.Resources(account.Local()); len(all) > 0 && eligible(ctx, ev, account, false) {
		top := highest(all)
		var copied carbon
		for _, s := range all {
			direct := top >= 0 && s.Available() && s.Priority() == top && ev.Stanza.Type != "error"
			if !direct && s != ev.Origin && Wants(s) {
				copied.deliver(ev, s, "received", account)
			}
		}
	}
	reveal(ev)
	return ext.Next
}

// highest is the priority of those to whom a message to the account is
// delivered; negative if there is none (RFC 6121 section 8.5.2.1.1).
func highest(all []*session.Session) int {
	top := -1
	for _, s := range all {
		if s.Available() {
			top = max(top, s.Priority())
		}
	}
	return top
}

// reveal takes <private/> off what is delivered, as Prosody does; the sender's
// server and this one have heeded it.
func reveal(ev *route.Event) {
	isPrivate := func(e element.Element) bool { return e.Is(ns, "private") }
	if !ev.Stanza.Child(ns, "private").IsZero() {
		ev.Stanza = ev.Stanza.Without(isPrivate)
	}
}

// carbon is a message's carbon, made once for all who get it.
type carbon struct{ fan *route.Fan }

func (c *carbon) deliver(ev *route.Event, to *session.Session, direction string, account jid.JID) {
	if c.fan == nil {
		st := ev.Stanza
		if st.To.IsZero() {
			st = st.WithTo(account)
		}
		copied := element.New(ns, direction).Open(nsForward, "forwarded").Child(st.Forward()).Element()
		c.fan = ev.Fan(stanza.New(stanza.Message, ev.Stanza.Type, account, jid.JID{}, "", copied))
	}
	c.fan.Deliver(to)
}

// eligible reports whether a message is one that carbons are made of (section
// 6.1 of the XEP), unless a handler knows better.
func eligible(ctx context.Context, ev *route.Event, account jid.JID, sent bool) bool {
	ok, final := byRules(ev.Stanza, account, sent)
	if final || !ShouldCopy.Has(ev.Pass) {
		return ok
	}
	ask := CopyEvent{ev, sent, ok}
	ShouldCopy.Fire(ctx, ev.Pass, &ask)
	return ask.Copy
}

// byRules decides by the message alone; final means that nobody may decide
// otherwise.
func byRules(st *stanza.Stanza, account jid.JID, sent bool) (ok, final bool) {
	body, im, room, invited := false, false, false, false
	for e := range st.Children() {
		switch e.Space() {
		case ns:
			return false, true // private, or a carbon itself
		case nsHints:
			if e.Local() == "no-copy" {
				return false, true
			}
		case element.NSClient:
			body = body || e.Local() == "body"
		case nsMUCUser:
			room = true
			invited = invited || !e.Child(nsMUCUser, "invite").IsZero() || !e.Child(nsMUCUser, "decline").IsZero()
		case nsInvite:
			invited = true
		case nsReceipts, nsMarkers, nsStates, nsCall0, nsCall1:
			im = true
		case nsSID: // worth an archive, worth a copy
			im = im || e.Local() == "stanza-id" && e.Attr("by") == account.String()
		}
	}
	switch st.Type {
	case "groupchat", "headline":
		return false, false
	case "error": // an answer to what was eligible, as far as it shows
		if sent || room || st.From.Bare() == account {
			return false, st.From.Bare() == account
		}
		return st.From.Resource() == "" || body || im || invited, false
	}
	if room && !invited && !sent && st.To.Resource() != "" {
		return false, false // the room sends private messages to each resource that has joined
	}
	return st.Type == "chat" || body || im || invited, false
}
