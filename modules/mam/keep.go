// SPDX-License-Identifier: Apache-2.0

package mam

import (
	"context"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/core/storage"
)

// outgoing keeps what the account sends.
func (a *archive) outgoing(ctx context.Context, ev *route.Event) ext.Verdict {
	if ev.ToSelf { // it comes in, too
		return ext.Next
	}
	account := ev.Origin.JID.Bare()
	ev.Stanza = a.strippedOf(ev.Stanza, account)
	if ev.Stanza.Type == "error" {
		return ext.Next
	}
	if id := a.keep(ctx, ev, account, ev.Stanza.To); id != "" {
		ev.Stanza = ev.Stanza.With(stanzaID(account, id))
	}
	return ext.Next
}

// strip takes the sender's archive id off before the message leaves: other
// archives have their own.
func (a *archive) strip(_ context.Context, ev *route.Event) ext.Verdict {
	ev.Stanza = a.strippedOf(ev.Stanza, ev.Origin.JID.Bare())
	return ext.Next
}

// incoming keeps what comes for the account; the copy that is delivered
// carries the id (XEP-0359).
func (a *archive) incoming(ctx context.Context, ev *route.Event) ext.Verdict {
	account := ev.Stanza.To.Bare()
	if ev.ToSelf {
		account = ev.Stanza.From.Bare()
	}
	ev.Stanza = a.strippedOf(ev.Stanza, account)
	if id := a.keep(ctx, ev, account, ev.Stanza.From); id != "" {
		ev.Stanza = ev.Stanza.With(stanzaID(account, id))
	}
	return ext.Next
}

// keep archives the message if it is worth keeping, and returns its id, or "".
// A store that fails loses the copy, not the message; it is not acknowledged.
func (a *archive) keep(ctx context.Context, ev *route.Event, account, with jid.JID) string {
	kept := a.lessIgnored(ev.Stanza)
	if !a.wanted(ctx, ev, kept, account, with) {
		return ""
	}
	if ev.ToSelf {
		kept = kept.WithTo(account) // what the sender may leave out
	}
	id, commit, err := a.store.Append(account.Local(), storage.Entry{When: time.Now(), With: with, Body: kept.AppendTo(nil)})
	if err != nil {
		a.scope.Log.ErrorContext(ctx, "message not archived", "jid", account.String(), "err", err)
		ev.Lost()
		return ""
	}
	ev.Await(commit)
	if Stored.Has(ev.Pass) {
		Stored.Fire(ctx, ev.Pass, &StoredEvent{ev, account, id})
	}
	return id
}

// lessIgnored takes off what the config leaves out of archives.
func (a *archive) lessIgnored(st *stanza.Stanza) *stanza.Stanza {
	ignored := func(e element.Element) bool { return a.Ignore.Has(e.Space()) }
	for e := range st.Children() {
		if ignored(e) {
			return st.Without(ignored)
		}
	}
	return st
}

func (a *archive) wanted(ctx context.Context, ev *route.Event, kept *stanza.Stanza, account, with jid.JID) bool {
	ok := worth(kept) && a.known(ctx, ev, account)
	if ok {
		var err error
		if ok, err = a.allowed(ctx, ev, account, with); err != nil {
			a.scope.Log.ErrorContext(ctx, "archive preferences not read", "jid", account.String(), "err", err)
		}
	}
	if !ShouldStore.Has(ev.Pass) {
		return ok
	}
	ask := StoreEvent{ev, account, ok}
	ShouldStore.Fire(ctx, ev.Pass, &ask)
	return ask.Store
}

// known reports whether there is such an account: nothing is kept for others.
func (a *archive) known(ctx context.Context, ev *route.Event, account jid.JID) bool {
	return ev.Host.Connected(account.Local()) || exists(ctx, ev, account.Local())
}

// worth reports whether a message is one that people would look for: it says
// more than that somebody is typing, and its sender does not forbid it
// (XEP-0334).
func worth(st *stanza.Stanza) bool {
	switch st.Type {
	case "headline", "groupchat":
		return false
	case "error": // tells a client that what it sent did not arrive
		return st.To.Resource() != ""
	}
	says, store := false, false
	for e := range st.Children() {
		space := e.Space()
		switch space {
		case element.NSClient:
			says = says || e.Local() == "body" || e.Local() == "subject"
		case nsHints:
			switch e.Local() {
			case "no-store", "no-permanent-store":
				return false
			case "store":
				store = true
			}
		case nsCarbons:
			if e.Local() != "private" {
				return false
			}
		case nsEvent:
			return false
		case nsStates, nsDelay, nsSID:
		default:
			says = true
		}
	}
	return says || store
}

func stanzaID(account jid.JID, id string) element.Element {
	return element.New(nsSID, "stanza-id").Attr("by", account.String()).Attr("id", id).Element()
}

// idBy finds the id that an account's archive has given to the message.
func idBy(st *stanza.Stanza, account jid.JID) (id string) {
	by := account.String()
	for e := range st.Children() {
		if e.Is(nsSID, "stanza-id") && e.Attr("by") == by {
			return e.Attr("id")
		}
	}
	return ""
}

// strippedOf takes off ids that claim to be of the account's archive (XEP-0359
// section 6, business rule 3).
func (a *archive) strippedOf(st *stanza.Stanza, account jid.JID) *stanza.Stanza {
	forged := func(e element.Element) bool {
		if !e.Is(nsSID, "stanza-id") {
			return false
		}
		by, err := jid.Parse(e.Attr("by"))
		return err != nil || by == account
	}
	for e := range st.Children() {
		if forged(e) {
			return st.Without(forged)
		}
	}
	return st
}
