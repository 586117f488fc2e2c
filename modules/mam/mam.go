// SPDX-License-Identifier: Apache-2.0

// Package mam keeps each account's messages and lets its clients query them
// (XEP-0313, version 1.1.2, urn:xmpp:mam:2 with #extended; XEP-0059, XEP-0359,
// XEP-0334, XEP-0441).
package mam

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"tercet/config"
	"tercet/core/cache"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/modules/disco"
	"tercet/modules/message"
	"tercet/modules/smacks"
)

// Module is the message archive.
var Module = module.Define("mam", module.OnHost, options{
	ExpireAfter: 7 * 24 * time.Hour, MaxResults: 50, Policy: policyAlways, Store: "archive", Total: true,
}, load)

type options struct {
	ExpireAfter time.Duration `lua:"archive_expires_after" never:"true" min:"1s" doc:"How long messages are kept; \"never\" keeps them for ever."`
	MaxResults  int           `lua:"max_archive_query_results" min:"1" doc:"Most messages that one page of a query returns."`
	Policy      policy        `lua:"default_archive_policy" doc:"Whose messages are kept for accounts without preferences: true or \"always\", false or \"never\", or \"roster\" for contacts."`
	Store       string        `lua:"archive_store" doc:"Name of the store."`
	Ignore      config.Set    `lua:"dont_archive_namespaces" doc:"Messages with an element of one of these namespaces are not kept."`
	Smart       bool          `lua:"mam_smart_enable" doc:"Keep nothing for an account before one of its clients has asked for its archive."`
	Total       bool          `lua:"mam_include_total" doc:"Tell how many messages an unfiltered query finds in all."`
}

// Hooks of the archive.
var (
	// ShouldStore is fired for each message that might be archived; a handler
	// may change Store.
	ShouldStore = ext.NewHook[StoreEvent]("archive-should-store")
	// Stored is fired after a message has been archived.
	Stored = ext.NewHook[StoredEvent]("archive-message-added")
)

// A StoreEvent is a message that may be archived for an account.
type StoreEvent struct {
	*route.Event
	Account jid.JID
	Store   bool
}

// A StoredEvent is a message in an archive.
type StoredEvent struct {
	*route.Event
	Account jid.JID
	ID      string
}

const (
	ns         = "urn:xmpp:mam:2"
	nsExtended = "urn:xmpp:mam:2#extended"
	nsSID      = "urn:xmpp:sid:0"
	nsHints    = "urn:xmpp:hints"
	nsDelay    = "urn:xmpp:delay"
	nsForward  = "urn:xmpp:forward:0"
	nsRSM      = "http://jabber.org/protocol/rsm"
	nsData     = "jabber:x:data"
	nsStates   = "http://jabber.org/protocol/chatstates"
	nsCarbons  = "urn:xmpp:carbons:2"
	nsEvent    = "http://jabber.org/protocol/pubsub#event"
)

// reads says of a session that its client reads the archive.
var reads = slot.New[atomic.Bool]("mam")

type archive struct {
	options
	scope *module.Scope
	store storage.Archive
	saved storage.Typed[prefs]
	prefs *cache.Cache[prefs]
}

func load(s *module.Scope, o options) error {
	store, err := s.Archive(o.Store)
	if err != nil {
		return err
	}
	kv, err := s.KeyValue(o.Store + "_prefs")
	if err != nil {
		return err
	}
	a := &archive{options: o, scope: s, store: store, saved: storage.JSON[prefs](kv)}
	a.prefs = cache.New(prefsKept, a.loadPrefs)

	for _, f := range [...]string{ns, nsExtended, nsSID} {
		disco.AccountFeature.Add(s, f)
	}
	// Outgoing: after the handlers that may refuse it. The id serves carbons,
	// and is taken off before the message leaves.
	for _, t := range [...]route.Target{route.Full, route.Bare, route.ToHost} {
		route.Out[stanza.Message][t].Handle(s, 0, a.outgoing)
		route.Out[stanza.Message][t].Handle(s, -1, a.strip)
	}
	route.In[stanza.Message][route.Full].Handle(s, 0, a.incoming)
	route.In[stanza.Message][route.Bare].Handle(s, 0, a.incoming)
	message.Offline.Handle(s, -2, a.offline)
	message.Broadcast.Handle(s, 0, a.broadcast)
	smacks.DeliveryFailed.Handle(s, 0, a.failed)
	for name, fn := range map[string]iq.Handler{"query": a.form, "prefs": a.getPrefs, "metadata": a.metadata} {
		iq.Handle(s, iq.Get, iq.Self, element.Name{Space: ns, Local: name}, fn)
	}
	iq.Handle(s, iq.Set, iq.Self, element.Name{Space: ns, Local: "query"}, a.query)
	iq.Handle(s, iq.Set, iq.Self, element.Name{Space: ns, Local: "prefs"}, a.setPrefs)
	forget(s, a)
	if o.ExpireAfter != config.Never {
		s.Every(expirePeriod, a.expire)
	}
	return nil
}

// outgoing keeps what the account sends.
func (a *archive) outgoing(ctx context.Context, ev *route.Event) ext.Verdict {
	if ev.ToSelf { // it comes in, too
		return ext.Next
	}
	account := ev.Origin.JID.Bare()
	ev.Stanza = a.strippedOf(ev.Stanza, account)
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
// A store that fails loses the copy, not the message.
func (a *archive) keep(ctx context.Context, ev *route.Event, account, with jid.JID) string {
	if !a.wanted(ctx, ev, account, with) {
		return ""
	}
	id, commit, err := a.store.Append(account.Local(), storage.Entry{When: time.Now(), With: with, Body: ev.Stanza.AppendTo(nil)})
	if err != nil {
		a.scope.Log.ErrorContext(ctx, "message not archived", "jid", account.String(), "err", err)
		return ""
	}
	ev.Await(commit)
	if Stored.Has(ev.Pass) {
		Stored.Fire(ctx, ev.Pass, &StoredEvent{ev, account, id})
	}
	return id
}

func (a *archive) wanted(ctx context.Context, ev *route.Event, account, with jid.JID) bool {
	ok := a.worth(ev.Stanza) && a.known(ctx, ev, account)
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
func (a *archive) worth(st *stanza.Stanza) bool {
	switch st.Type {
	case "", "normal", "chat":
	default:
		return false
	}
	says, store := false, false
	for e := range st.Children() {
		space := e.Space()
		if a.Ignore.Has(space) {
			return false
		}
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

// offline says that an archived message is kept, where no other store has
// taken it.
func (a *archive) offline(_ context.Context, ev *route.Event) ext.Verdict {
	account := ev.Stanza.To.Bare()
	if ev.ToSelf {
		account = ev.Stanza.From.Bare()
	}
	return ext.Verdict(idBy(ev.Stanza, account) != "")
}

// broadcast spares clients that read the archive the messages which are there.
func (a *archive) broadcast(_ context.Context, ev *message.BroadcastEvent) ext.Verdict {
	if r := reads.Peek(ev.Session); r != nil && r.Load() {
		ev.Archived = true
	}
	return ext.Next
}

// failed says that a client which reads the archive will find the message
// there.
func (a *archive) failed(_ context.Context, ev *smacks.FailureEvent) ext.Verdict {
	r := reads.Peek(ev.Session)
	return ext.Verdict(r != nil && r.Load() && ev.Stanza.Kind == stanza.Message && idBy(ev.Stanza, ev.Session.JID.Bare()) != "")
}

// policy is whose messages are kept by default.
type policy string

const (
	policyAlways policy = "always"
	policyNever  policy = "never"
	policyRoster policy = "roster"
)

// UnmarshalConfig reads true, false or a word.
func (p *policy) UnmarshalConfig(v config.Value) error {
	switch {
	case v.Kind() == config.Bool && v.Bool():
		*p = policyAlways
	case v.Kind() == config.Bool:
		*p = policyNever
	case v.Str() == "always", v.Str() == "never", v.Str() == "roster":
		*p = policy(v.Str())
	default:
		return fmt.Errorf("want true, false, \"always\", \"never\" or \"roster\", got %s", v)
	}
	return nil
}
