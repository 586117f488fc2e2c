// SPDX-License-Identifier: Apache-2.0

// Package mam keeps each account's messages and lets its clients query them
// (XEP-0313, version 1.1.2, urn:xmpp:mam:2 with #extended; XEP-0059, XEP-0359,
// XEP-0334, XEP-0441).
package mam

import (
	"context"
	"sync/atomic"
	"time"

	"tercet/config"
	"tercet/core/cache"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/guest"
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
	Ignore: config.NewSet(nsStates),
}, load)

type options struct {
	ExpireAfter time.Duration `lua:"archive_expires_after" never:"true" min:"1s" doc:"How long messages are kept; \"never\" keeps them for ever."`
	MaxResults  int           `lua:"max_archive_query_results" min:"1" doc:"Most messages that one page of a query returns."`
	Policy      policy        `lua:"default_archive_policy" doc:"Whose messages are kept for accounts without preferences: true or \"always\", false or \"never\", or \"roster\" for contacts."`
	Store       string        `lua:"archive_store" doc:"Name of the store."`
	Ignore      config.Set    `lua:"dont_archive_namespaces" doc:"Namespaces of elements that are left out of what is kept; a message that has nothing else is not kept."`
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

var _ = guest.Expose(Stored, guest.JSON(view), "A message is in the archive of an account.")

// seen is what guests see of a StoredEvent.
type seen struct {
	Account string `json:"account"`
	ID      string `json:"id"`
}

func view(ev *StoredEvent) seen { return seen{ev.Account.String(), ev.ID} }

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
	saved storage.Typed[Prefs]
	prefs *cache.Cache[Prefs]
}

func load(s *module.Scope, o options) error {
	store, err := s.Archive(o.Store)
	if err != nil {
		return err
	}
	kv, err := s.KeyValue(o.Store + prefsSuffix)
	if err != nil {
		return err
	}
	a := &archive{options: o, scope: s, store: store, saved: storage.JSON[Prefs](kv)}
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
	Preferences.Offer(s, keeper{a})
	forget(s, a)
	if o.ExpireAfter != config.Never {
		s.Go(a.expire)
		s.Every(expirePeriod, a.expire)
	}
	return nil
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
func (a *archive) broadcast(ctx context.Context, ev *message.BroadcastEvent) ext.Verdict {
	if r := reads.Peek(ev.Session); r == nil || !r.Load() {
		return ext.Next
	}
	account := ev.Session.JID.Bare()
	oldest, _, err := a.store.Bounds(ctx, account.Local())
	if err != nil {
		a.scope.Log.ErrorContext(ctx, "archive not read", "jid", account.String(), "err", err)
	}
	if oldest == nil {
		return ext.Next
	}
	ev.Archived = func(st *stanza.Stanza) bool {
		return idBy(st, account) >= oldest.ID // what is older has expired: the client will not find it
	}
	return ext.Next
}

// failed says that a client which reads the archive will find the message
// there.
func (a *archive) failed(_ context.Context, ev *smacks.FailureEvent) ext.Verdict {
	r := reads.Peek(ev.Session)
	return ext.Verdict(r != nil && r.Load() && ev.Stanza.Kind == stanza.Message && idBy(ev.Stanza, ev.Session.JID.Bare()) != "")
}
