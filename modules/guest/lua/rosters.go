// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/auth"
	"tercet/core/jid"
	"tercet/core/stanza"
	"tercet/modules/roster"
)

// contact reads (user, host, contact), and has fn work on the rosters of the
// host, without Lua's lock.
func (srv *Server) contact(l *lua.LState, fn func(ctx context.Context, s roster.Scribe, user string, contact jid.JID) error) error {
	h := srv.hostOf(l, l.CheckString(2))
	user := l.CheckString(1)
	contact, err := jid.Parse(l.CheckString(3))
	if h == nil || err != nil {
		return auth.ErrNoAccount
	}
	srv.u.Out(func(ctx context.Context) {
		p := h.route.Table.Enter()
		s, ok := roster.Quiet.In(p)
		p.Leave()
		if err = auth.ErrNoAccount; ok {
			err = fn(ctx, s, user, contact.Bare())
		}
	})
	return err
}

// rosterEdit is (user, host, contact, item or nil, pending): pending is whether
// a request of the contact waits for an answer; nil leaves that as it is.
func (srv *Server) rosterEdit(l *lua.LState) int {
	t, item := l.Get(4).(*lua.LTable)
	waits := l.Get(5)
	request := srv.request(l, lua.LNil)
	return outcome(l, srv.contact(l, func(ctx context.Context, s roster.Scribe, user string, contact jid.JID) error {
		return s.Note(ctx, user, contact, func(had roster.Item) (roster.Item, bool) {
			next := roster.Item{JID: contact, Hidden: true}
			if item {
				next = itemOf(contact, t)
			}
			switch next.Pending = had.Pending; {
			case waits == lua.LFalse:
				next.Pending = nil
			case waits == lua.LTrue && had.Pending == nil:
				next.Pending = request
			}
			return next, item || next.Pending != nil
		})
	}))
}

// maxRequest is the longest request that is kept as it came, in bytes.
const maxRequest = 4096

// request is the contact's request to subscribe: what it has sent, or its like.
func (srv *Server) request(l *lua.LState, sent lua.LValue) []byte {
	to, err := jid.New(l.CheckString(1), l.CheckString(2), "")
	from, failed := jid.Parse(l.CheckString(3))
	if err != nil || failed != nil {
		return nil
	}
	if t, ok := sent.(*lua.LTable); ok {
		if b := srv.toStanza(l, t).WithFrom(from.Bare()).WithTo(to).AppendTo(nil); len(b) <= maxRequest {
			return b
		}
	}
	return stanza.New(stanza.Presence, "subscribe", from.Bare(), to, "").AppendTo(nil)
}

// steps are what becomes of an item, under the names of rostermanager; false is
// that nothing does.
var steps = map[string]func(i *roster.Item, request []byte) bool{
	"set_contact_pending_in": func(i *roster.Item, request []byte) bool {
		if i.From {
			return false
		}
		i.Pending = request
		return true
	},
	"set_contact_pending_out": func(i *roster.Item, _ []byte) bool {
		if i.To || i.Ask {
			return false
		}
		i.Ask, i.Hidden = true, false
		return true
	},
	"subscribed": func(i *roster.Item, _ []byte) bool {
		switch {
		case i.From:
			return false
		case i.Pending != nil:
			i.From, i.Pending = true, nil
		default:
			i.Approved = true // RFC 6121 section 3.4
		}
		i.Hidden = false
		return true
	},
	"unsubscribed": func(i *roster.Item, _ []byte) bool {
		changed := i.From || i.Pending != nil
		i.From, i.Pending = false, nil
		return changed
	},
	"unsubscribe": func(i *roster.Item, _ []byte) bool {
		changed := i.To || i.Ask
		i.To, i.Ask = false, false
		return changed
	},
	"process_inbound_subscription_approval": func(i *roster.Item, _ []byte) bool {
		if !i.Ask {
			return false
		}
		i.To, i.Ask = true, false
		return true
	},
}

// rosterStep is (user, host, contact, step, stanza or nil) -> whether that has
// changed the item, and what it was: whether there was one, a request that
// waited, a subscription of the contact.
func (srv *Server) rosterStep(l *lua.LState) int {
	step := steps[l.CheckString(4)]
	if step == nil {
		l.ArgError(4, "no step of a subscription")
	}
	request := srv.request(l, l.Get(5))
	var was roster.Item
	changed := false
	err := srv.contact(l, func(ctx context.Context, s roster.Scribe, user string, contact jid.JID) error {
		return s.Note(ctx, user, contact, func(i roster.Item) (roster.Item, bool) {
			was = i
			changed = step(&i, request)
			return i, !i.Hidden || i.Pending != nil
		})
	})
	if err != nil {
		return outcome(l, err)
	}
	for _, yes := range [...]bool{changed, !was.Hidden, was.Pending != nil, was.From} {
		l.Push(lua.LBool(yes))
	}
	return 4
}

// rosterPush is (user, host, contact).
func (srv *Server) rosterPush(l *lua.LState) int {
	return outcome(l, srv.contact(l, func(ctx context.Context, s roster.Scribe, user string, contact jid.JID) error {
		return s.Push(ctx, user, contact)
	}))
}
