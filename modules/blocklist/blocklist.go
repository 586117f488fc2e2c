// SPDX-License-Identifier: Apache-2.0

// Package blocklist lets users block others (XEP-0191, version 1.3).
package blocklist

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"tercet/core/auth"
	"tercet/core/cache"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/modules/disco"
	"tercet/modules/roster"
)

// Module is the blocking command module.
var Module = module.Define("blocklist", module.OnHost, options{Cache: 10_000, Max: 5000}, load)

type options struct {
	Cache  int  `lua:"blocklist_cache_size" min:"1" doc:"Block lists kept in memory."`
	Bounce bool `lua:"bounce_blocked_messages" doc:"Answer messages from blocked users with an error; else they vanish."`
	Max    int  `lua:"blocklist_max_items" min:"1" doc:"Most entries in a block list."`
}

const (
	ns       = "urn:xmpp:blocking"
	nsErrors = "urn:xmpp:blocking:errors"
)

// list is who an account has blocked; it is replaced, never changed.
type list map[jid.JID]bool

// has reports whether the list holds an address, its bare JID, or its domain
// (section 4 of the XEP).
func (l list) has(j jid.JID) bool {
	if len(l) == 0 {
		return false
	}
	if l[j] || l[j.Bare()] || l[j.Host()] {
		return true
	}
	if j.Resource() == "" || j.Local() == "" {
		return false
	}
	at, err := j.Host().WithResource(j.Resource())
	return err == nil && l[at]
}

// interested says of a session that it has asked for the list, and so is told
// of changes.
var interested = slot.New[atomic.Bool]("blocklist")

type blocklist struct {
	options
	scope *module.Scope
	store storage.Typed[[]string]
	lists *cache.Cache[list]
}

func load(s *module.Scope, o options) error {
	kv, err := s.KeyValue("blocklist")
	if err != nil {
		return err
	}
	m := &blocklist{options: o, scope: s, store: storage.JSON[[]string](kv)}
	m.lists = cache.New(o.Cache, m.read)
	disco.Feature.Add(s, ns)
	disco.AccountFeature.Add(s, ns)
	iq.Handle(s, iq.Get, iq.Self, element.Name{Space: ns, Local: "blocklist"}, m.get)
	iq.Handle(s, iq.Set, iq.Self, element.Name{Space: ns, Local: "block"}, m.block)
	iq.Handle(s, iq.Set, iq.Self, element.Name{Space: ns, Local: "unblock"}, m.unblock)
	for kind := range route.In {
		for _, t := range [...]route.Target{route.Full, route.Bare} {
			route.In[kind][t].Handle(s, 100, m.incoming)
		}
		for _, t := range [...]route.Target{route.Full, route.Bare, route.ToHost} {
			prio := 100.0
			if stanza.Kind(kind) == stanza.Presence && t != route.Full {
				prio = -1 // after directed presence and subscriptions were noted
			}
			route.Out[kind][t].Handle(s, prio, m.outgoing)
		}
	}
	route.Out[stanza.Presence][route.Bare].Handle(s, 100, m.subscribing)
	auth.Deleted.Handle(s, 0, func(_ context.Context, ev *auth.AccountEvent) ext.Verdict {
		m.lists.Forget(ev.User)
		return ext.Next
	})
	return nil
}

func (m *blocklist) read(ctx context.Context, user string) (list, error) {
	stored, _, err := m.store.Get(ctx, user)
	if err != nil {
		return nil, err
	}
	l := make(list, len(stored))
	for _, s := range stored {
		if j, err := jid.Parse(s); err == nil {
			l[j] = true
		}
	}
	return l, nil
}

func (l list) sorted() []string {
	all := make([]string, 0, len(l))
	for j := range l {
		all = append(all, j.String())
	}
	slices.Sort(all)
	return all
}

func (m *blocklist) get(ctx context.Context, r *iq.Request) (element.Element, error) {
	l, err := m.lists.Get(ctx, r.To.Local())
	if err != nil {
		return element.Element{}, err
	}
	if r.Origin != nil {
		interested.Of(r.Origin).Store(true)
	}
	b := element.New(ns, "blocklist")
	for _, j := range l.sorted() {
		b.Open(ns, "item").Attr("jid", j).Close()
	}
	return b.Element(), nil
}

// items reads the addresses of a request.
func items(e element.Element) ([]jid.JID, error) {
	var all []jid.JID
	for item := range e.Children() {
		if !item.Is(ns, "item") {
			return nil, stanza.Fail(stanza.BadRequest, "there is something else than items")
		}
		j, err := jid.Parse(item.Attr("jid"))
		if err != nil {
			return nil, stanza.Fail(stanza.JIDMalformed, "")
		}
		all = append(all, j)
	}
	return all, nil
}

func (m *blocklist) block(ctx context.Context, r *iq.Request) (element.Element, error) {
	all, err := items(r.Payload)
	if err != nil {
		return element.Element{}, err
	}
	if len(all) == 0 {
		return element.Element{}, stanza.Fail(stanza.BadRequest, "there is nobody to block")
	}
	if slices.Contains(all, r.To) || slices.Contains(all, r.From) {
		return element.Element{}, stanza.Fail(stanza.NotAllowed, "one cannot block oneself")
	}
	var fresh []jid.JID
	err = m.change(ctx, r, all, func(next list) error {
		for _, j := range all {
			if !next[j] {
				next[j] = true
				fresh = append(fresh, j)
			}
		}
		if len(next) > m.Max {
			return stanza.Fail(stanza.ResourceConstraint, "the list is full")
		}
		return nil
	})
	if err == nil {
		m.hide(ctx, r, fresh)
	}
	return element.Element{}, err
}

func (m *blocklist) unblock(ctx context.Context, r *iq.Request) (element.Element, error) {
	all, err := items(r.Payload)
	if err != nil {
		return element.Element{}, err
	}
	var gone []jid.JID
	err = m.change(ctx, r, all, func(next list) error {
		if len(all) == 0 { // everybody (section 3.5)
			for j := range next {
				gone = append(gone, j)
			}
			clear(next)
		}
		for _, j := range all {
			if next[j] {
				delete(next, j)
				gone = append(gone, j)
			}
		}
		return nil
	})
	if err == nil {
		m.show(ctx, r, gone)
	}
	return element.Element{}, err
}

// change edits the list, stores it, and tells the resources that know it, in
// the order of the changes.
func (m *blocklist) change(ctx context.Context, r *iq.Request, named []jid.JID, fn func(next list) error) error {
	_, err := m.lists.Edit(ctx, r.To.Local(), func(l list) (list, error) {
		next := maps.Clone(l)
		if next == nil {
			next = make(list)
		}
		if err := fn(next); err != nil {
			return nil, err
		}
		if err := m.store.Set(ctx, r.To.Local(), next.sorted()); err != nil {
			return nil, err
		}
		m.push(r, named)
		return next, nil
	})
	return err
}

// push tells what was named, and nothing else of what the client has sent.
func (m *blocklist) push(r *iq.Request, named []jid.JID) {
	b := element.New(ns, r.Payload.Local())
	for _, j := range named {
		b.Open(ns, "item").Attr("jid", j.String()).Close()
	}
	payload := b.Element()
	for _, s := range m.scope.Host.Sessions.Resources(r.To.Local()) {
		if on := interested.Peek(s); on != nil && on.Load() {
			r.Deliver(s, stanza.New(stanza.IQ, "set", r.To, s.JID, stanza.NewID(), payload))
		}
	}
}

// hide makes the account unavailable to whom it has blocked (section 3.3), and
// forgets their requests to subscribe.
func (m *blocklist) hide(ctx context.Context, r *iq.Request, fresh []jid.JID) {
	m.presences(ctx, r, fresh, func(s *session.Session, to jid.JID) *stanza.Stanza {
		return stanza.New(stanza.Presence, "unavailable", s.JID, to, "")
	})
	m.refuse(ctx, r, fresh)
}

// show sends contacts that were blocked the presence they have missed, and
// asks for theirs.
func (m *blocklist) show(ctx context.Context, r *iq.Request, gone []jid.JID) {
	m.presences(ctx, r, gone, func(s *session.Session, to jid.JID) *stanza.Stanza {
		if last := s.Presence(); last != nil {
			return last.WithFrom(s.JID).WithTo(to)
		}
		return nil
	})
	m.probe(ctx, r, gone)
}

// presences sends a presence of each available resource to those of the
// addresses that may see it.
func (m *blocklist) presences(ctx context.Context, r *iq.Request, all []jid.JID, of func(*session.Session, jid.JID) *stanza.Stanza) {
	for _, s := range m.scope.Host.Sessions.Resources(r.To.Local()) {
		if !s.Available() {
			continue
		}
		for _, to := range contacts(ctx, r, all, func(i roster.Item) bool { return i.From }) {
			if st := of(s, to); st != nil {
				r.Send(ctx, st)
			}
		}
	}
}

// incoming stops what comes from somebody blocked.
func (m *blocklist) incoming(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	if ev.ToSelf || st.From.IsZero() || st.From.Bare() == st.To.Bare() {
		return ext.Next
	}
	if !m.blocks(ctx, st.To.Local(), st.From) {
		return ext.Next
	}
	switch {
	case st.Kind == stanza.IQ:
		return ext.Verdict(st.Type != "get" && st.Type != "set") || answer(ctx, ev, stanza.Fail(stanza.ServiceUnavailable, ""))
	case st.Kind == stanza.Message && m.Bounce && st.Type != "groupchat":
		return answer(ctx, ev, stanza.Fail(stanza.ServiceUnavailable, ""))
	}
	return ext.Stop
}

// subscribing stops requests to subscribe to somebody blocked before they are
// noted in the roster.
func (m *blocklist) subscribing(ctx context.Context, ev *route.Event) ext.Verdict {
	if t := ev.Stanza.Type; t == "subscribe" || t == "subscribed" {
		return m.outgoing(ctx, ev)
	}
	return ext.Next
}

// outgoing tells the account that it has blocked whom it writes to (section
// 3.6). To take presence back is allowed; other presence goes to all who are
// subscribed, and is left out without a word.
func (m *blocklist) outgoing(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	if ev.ToSelf || !m.blocks(ctx, ev.Origin.JID.Local(), st.To) {
		return ext.Next
	}
	if st.Kind == stanza.Presence {
		switch st.Type {
		case "unavailable", "unsubscribe", "unsubscribed":
			return ext.Next
		case "":
			return ext.Stop
		}
	}
	cause := stanza.Fail(stanza.NotAcceptable, "You have blocked this JID")
	cause.Type = "cancel"
	cause.App = element.New(nsErrors, "blocked").Element()
	return answer(ctx, ev, cause)
}

func answer(ctx context.Context, ev *route.Event, cause *stanza.Error) ext.Verdict {
	ev.Bounce(ctx, cause)
	return ext.Stop
}

// blocks asks the account's list; one that cannot be read stops nothing but is
// logged.
func (m *blocklist) blocks(ctx context.Context, user string, other jid.JID) bool {
	l, err := m.lists.Get(ctx, user)
	if err != nil {
		m.scope.Log.ErrorContext(ctx, "block list not read", "user", user, "err", err)
		return false
	}
	return l.has(other)
}
