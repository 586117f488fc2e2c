// SPDX-License-Identifier: Apache-2.0

// Package offline keeps messages for accounts that nobody uses at the moment
// (XEP-0160, version 1.0.1; RFC 6121 section 8.5.2.2).
package offline

import (
	"context"
	"errors"
	"time"

	"tercet/core/auth"
	"tercet/core/cache"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/modules/disco"
	"tercet/modules/message"
)

// Module is the offline message store.
var Module = module.Define("offline", module.OnHost, options{Max: 1000, Empty: "unless_chat_state"}, load).Auto()

type options struct {
	Max   int    `lua:"offline_max_messages" min:"0" doc:"Most messages kept for an account; beyond, senders get an error. 0 is no limit."`
	Empty string `lua:"store_empty_body" enum:"unless_chat_state|always|never" doc:"Whether messages without a body are kept."`
}

const (
	nsDelay  = "urn:xmpp:delay"
	nsHints  = "urn:xmpp:hints"
	nsStates = "http://jabber.org/protocol/chatstates"
)

type offline struct {
	options
	scope *module.Scope
	store storage.Archive
	// counts are the messages kept for each account. They spare a question to
	// the store, which answers only when all that was appended is safe.
	counts *cache.Cache[int]
}

// countsKept is how many accounts' counts are kept in memory.
const countsKept = 50_000

func load(s *module.Scope, o options) error {
	store, err := s.Archive("offline")
	if err != nil {
		return err
	}
	m := &offline{options: o, scope: s, store: store}
	m.counts = cache.New(countsKept, func(ctx context.Context, user string) (int, error) {
		return store.Count(ctx, user, storage.Query{})
	})
	disco.Feature.Add(s, "msgoffline")
	message.Offline.Handle(s, -1, m.keep)
	message.Broadcast.Handle(s, -1, m.deliver)
	auth.Deleted.Handle(s, 0, func(_ context.Context, ev *auth.AccountEvent) ext.Verdict {
		m.counts.Forget(ev.User)
		return ext.Next
	})
	return nil
}

// keep stores a message for an account that is not available.
func (m *offline) keep(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	if !m.worth(st) {
		return ext.Stop // silently, as XEP-0160 section 3 says of what is not kept
	}
	user := st.To.Local()
	if st.To.IsZero() {
		user = st.From.Local()
	}
	switch err := m.count(ctx, user); {
	case errors.Is(err, errFull):
		ev.Bounce(ctx, stanza.Fail(stanza.ServiceUnavailable, "too many messages wait for this user"))
		return ext.Stop
	case err != nil:
		m.scope.Log.ErrorContext(ctx, "offline messages not counted", "jid", st.To.String(), "err", err)
		return ext.Next
	}
	if ev.Origin != nil { // a client does not say when we kept its message
		st = st.Without(m.ours)
	}
	_, commit, err := m.store.Append(user, storage.Entry{When: time.Now(), With: st.From, Body: st.AppendTo(nil)})
	if err != nil {
		m.counts.Forget(user)
		m.scope.Log.ErrorContext(ctx, "message not kept", "jid", st.To.String(), "err", err)
		return ext.Next
	}
	ev.Await(commit)
	return ext.Stop
}

// errFull says that an account has as many messages as may be kept for it.
var errFull = errors.New("offline: too many messages")

// count takes one more message into account.
func (m *offline) count(ctx context.Context, user string) error {
	if m.Max == 0 {
		return nil
	}
	_, err := m.counts.Edit(ctx, user, func(n int) (int, error) {
		if n >= m.Max {
			return n, errFull
		}
		return n + 1, nil
	})
	return err
}

// ours reports whether an element is the time that this host stamps.
func (m *offline) ours(e element.Element) bool {
	return e.Is(nsDelay, "delay") && e.Attr("from") == m.scope.Host.Name
}

// worth reports whether a message is kept: it has something to say, and its
// sender does not forbid it (XEP-0334).
func (m *offline) worth(st *stanza.Stanza) bool {
	switch st.Type { // an unknown type counts as normal
	case "groupchat", "headline", "error":
		return false
	}
	store, body, state, other := false, false, false, false
	for e := range st.Children() {
		switch {
		case e.Space() == nsHints:
			switch e.Local() {
			case "no-store", "no-permanent-store":
				return false
			case "store":
				store = true
			}
		case e.Is(element.NSClient, "body"):
			body = true
		case e.Space() == nsStates:
			state = true
		case e.Is(element.NSClient, "thread"), e.Is(nsDelay, "delay"):
		default:
			other = true
		}
	}
	switch {
	case body || store:
		return true
	case m.Empty == "always":
		return true
	case m.Empty == "never":
		return false
	}
	return other || !state
}

// deliver gives a session what was kept, in order. What it does not take
// stays; the rest is removed at once, after it has gone out.
func (m *offline) deliver(ctx context.Context, ev *message.BroadcastEvent) ext.Verdict {
	user, last := ev.Session.JID.Local(), ""
	var failed error
	stamps := stamps{host: m.scope.Host.Name}
	for e, err := range m.store.Find(ctx, user, storage.Query{}) {
		if err != nil {
			failed = err
			break
		}
		st, err := stanza.Parse(e.Body)
		switch {
		case err != nil:
			m.scope.Log.ErrorContext(ctx, "kept message not readable", "id", e.ID, "err", err)
		case ev.Archived != nil && ev.Archived(st):
		case !ev.Deliver(ev.Session, m.stamp(st, &stamps, e.When)):
			m.remove(ctx, ev, user, last)
			return ext.Stop
		}
		last = e.ID
	}
	m.remove(ctx, ev, user, last)
	if failed != nil {
		m.scope.Log.ErrorContext(ctx, "kept messages not read", "jid", ev.Session.JID.String(), "err", failed)
		return ext.Next
	}
	return ext.Stop
}

// remove forgets what was kept up to an id. It comes to the socket before: a
// server that dies meanwhile delivers it again.
func (m *offline) remove(ctx context.Context, ev *message.BroadcastEvent, user, last string) {
	if last == "" {
		return
	}
	if ev.Cork != nil {
		ev.Cork.Flush()
	}
	_, err := m.store.Delete(ctx, user, storage.Query{Before: storage.Behind(last)})
	m.counts.Forget(user)
	if err != nil {
		m.scope.Log.ErrorContext(ctx, "delivered messages not removed", "jid", ev.Session.JID.String(), "err", err)
	}
}

// stamps make elements that say when messages were kept (XEP-0203), one for
// each second.
type stamps struct {
	host string
	at   int64
	e    element.Element
}

func (s *stamps) of(at time.Time) element.Element {
	if n := at.Unix(); s.e.IsZero() || n != s.at {
		s.at = n
		s.e = element.New(nsDelay, "delay").Attr("from", s.host).
			Attr("stamp", at.UTC().Format("2006-01-02T15:04:05Z")).Text("Offline storage").Element()
	}
	return s.e
}

// stamp says when the message was kept, unless it says so already.
func (m *offline) stamp(st *stanza.Stanza, s *stamps, at time.Time) *stanza.Stanza {
	for e := range st.Children() {
		if m.ours(e) {
			return st
		}
	}
	return st.With(s.of(at))
}
