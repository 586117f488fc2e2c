// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"sync"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/modules/guest/lua/universe"
)

// filterOrder stands before all filters of the server: what modules in Lua let
// pass is then held back and counted.
const filterOrder = 1

// filtered is there on sessions that util.filters has been called for.
var filtered = slot.New[outgoing]("lua-filter")

// outgoing is the way out of a session through the filters of modules in Lua.
// The session's lock is held when a stanza comes, and Lua must not be entered
// then: the stanzas wait for a task.
type outgoing struct {
	on     atomic.Bool
	client *client

	mu      sync.Mutex // guards what follows
	waiting []*stanza.Stanza
	at      bool // a task is at work
}

// filter puts the filters of util.filters into a session's way out.
func (c *client) filter() {
	f := filtered.Of(c.session)
	if !f.on.CompareAndSwap(false, true) {
		return
	}
	f.client = c
	c.session.SetFilter(filterOrder, f, nil, nil)
}

// Deliver is session.Filter's.
func (f *outgoing) Deliver(_ session.Delivery, st *stanza.Stanza) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, st)
	if !f.at {
		f.at = true
		f.client.srv.u.Go(context.Background(), filterTask, f.drain)
	}
	return true
}

var filterTask = &universe.Task{Name: "filters of stanzas/out"}

func (f *outgoing) drain(l *lua.LState) {
	for {
		f.mu.Lock()
		batch := f.waiting
		f.waiting = nil
		f.at = len(batch) > 0
		f.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, st := range batch {
			if st = f.pass(l, st); st == nil {
				continue
			}
			f.client.srv.u.Out(func(context.Context) {
				f.client.session.Locked(filterOrder, nil, func(d session.Delivery) { d.Next(st) })
			})
		}
	}
}

// pass asks the session's filters; nil drops the stanza.
func (f *outgoing) pass(l *lua.LState, st *stanza.Stanza) *stanza.Stanza {
	return f.client.ask(l, "stanzas/out", st)
}

// ask asks the session's filters of a kind. What they made wrong is logged, and
// the stanza passes as it was.
func (c *client) ask(l *lua.LState, kind string, st *stanza.Stanza) *stanza.Stanza {
	fn, ok := c.table.RawGetString("filter").(*lua.LFunction)
	if !ok {
		return st
	}
	view := c.srv.stanzas.View(l, st.Element())
	l.Push(fn)
	l.Push(lua.LString(kind))
	l.Push(view.Table)
	results, raised := c.srv.u.PCall(l, 2)
	if raised != nil {
		c.srv.env.Log.Error("filter of a session failed", "kind", kind, "err", raised.String())
		return st
	}
	got := lua.LNil
	if results > 0 {
		got = l.Get(-results)
		l.Pop(results)
	}
	t, ok := got.(*lua.LTable)
	switch {
	case !ok:
		return nil
	case t == view.Table && view.Same():
		return st
	}
	return c.srv.toStanza(l, t)
}

// filterIncoming has the filters of stanzas/in see what a client sends.
func (srv *Server) filterIncoming(s *module.Scope) {
	route.Before.Handle(s, 1e15, func(ctx context.Context, ev *route.Event) ext.Verdict {
		if ev.Origin == nil {
			return ext.Next
		}
		f := filtered.Peek(ev.Origin)
		if f == nil || !f.on.Load() || f.client.srv != srv {
			return ext.Next
		}
		var st *stanza.Stanza
		//nolint:contextcheck // a thread of Lua has the context of all
		err := srv.u.Do(ctx, filterTask, func(l *lua.LState) { st = f.client.ask(l, "stanzas/in", ev.Stanza) })
		switch {
		case err != nil:
			srv.env.Log.ErrorContext(ctx, "filter of a session failed", "kind", "stanzas/in", "err", err)
		case st == nil:
			return ext.Stop
		default:
			ev.Stanza = st
		}
		return ext.Next
	})
}
