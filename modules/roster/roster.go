// SPDX-License-Identifier: Apache-2.0

// Package roster keeps each account's contacts (RFC 6121 section 2, with
// roster versioning).
package roster

import (
	"context"
	"fmt"
	"sync/atomic"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// Module is the roster module.
var Module = module.Define("roster", module.OnHost, options{MaxItems: 10_000, MaxRequests: 500}, load).Auto()

type options struct {
	MaxItems    int `lua:"roster_max_items" min:"1" doc:"Most contacts in the roster of an account."`
	MaxRequests int `lua:"roster_max_requests" min:"1" doc:"Most requests to subscribe from others that wait for an account's answer; beyond, they are dropped."`
}

const (
	ns        = "jabber:iq:roster"
	nsVersion = "urn:xmpp:features:rosterver" // RFC 6121 section 2.6.1
)

type flag = atomic.Bool

// rosters are the host's, whatever is reloaded meanwhile: two instances of the
// module must not have a cache each.
var rosters = slot.New[book]("roster")

type roster struct {
	options
	scope *module.Scope
	book  *book
}

func load(s *module.Scope, o options) error {
	store, err := s.Map("roster")
	if err != nil {
		return err
	}
	m := &roster{o, s, rosters.Of(s.Host)}
	m.book.open(s.Host, store)
	stream.Features.Handle(s, 0, m.feature)
	query := element.Name{Space: ns, Local: "query"}
	iq.Handle(s, iq.Get, iq.Self, query, m.get)
	iq.Handle(s, iq.Set, iq.Self, query, m.set)
	iq.Handle(s, iq.Get|iq.Set, iq.Account, query, forbid)
	Service.Offer(s, m)
	Subscriptions.Offer(s, m)
	Quiet.Offer(s, m)
	Shared.Offer(s, m.book)
	auth.Deleting.Handle(s, 0, m.leave)
	auth.Deleted.Handle(s, 0, m.forget)
	return nil
}

var versioning = element.New(nsVersion, "ver").Element()

func (m *roster) feature(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if ev.Stream.User() != "" && !ev.Stream.Bound() {
		ev.Add(versioning)
	}
	return ext.Next
}

// forbid answers who asks for the roster of somebody else.
func forbid(context.Context, *iq.Request) (element.Element, error) {
	return element.Element{}, stanza.Fail(stanza.Forbidden, "this is not your roster")
}

// leave takes an account that is about to go out of its contacts' rosters.
func (m *roster) leave(ctx context.Context, ev *auth.AccountEvent) ext.Verdict {
	r, err := m.Roster(ctx, ev.User)
	if err != nil {
		m.scope.Log.ErrorContext(ctx, "contacts not told that the account is gone", "user", ev.User, "err", err)
		return ext.Next
	}
	for _, item := range r.Items {
		if !item.Shared {
			Removed.Fire(ctx, ev.Pass, &RemovedEvent{ev.User, ev.Host, item, ev.Pass})
		}
	}
	return ext.Next
}

func (m *roster) forget(_ context.Context, ev *auth.AccountEvent) ext.Verdict {
	m.book.cache.Forget(ev.User)
	return ext.Next
}

// removed tells that an item is gone.
func (m *roster) removed(ctx context.Context, user string, item Item) {
	p := m.scope.Host.Table.Enter()
	defer p.Leave()
	Removed.Fire(ctx, p, &RemovedEvent{user, m.scope.Host.Name, item, p})
}

// room reports whether one more item fits.
func (m *roster) room(r *record, hidden bool) error {
	switch {
	case hidden && r.hidden >= m.MaxRequests:
		return stanza.Fail(stanza.ResourceConstraint, "too many requests wait for an answer")
	case !hidden && len(r.own)-r.hidden >= m.MaxItems:
		return stanza.Fail(stanza.ResourceConstraint, fmt.Sprintf("a roster has room for %d contacts", m.MaxItems))
	}
	return nil
}
