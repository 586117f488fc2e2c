// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"sync"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
)

// filterOrder stands before all filters of the server: what modules in Lua let
// pass is then held back and counted.
const filterOrder = 1

// filtered is there on sessions that util.filters has been called for.
var filtered = slot.New[outgoing]("lua-filter")

// outgoing is the way out of a session through the filters of modules in Lua,
// and through the function that one has put in the place of session.send.
// The session's lock is held when a stanza of the server comes, and Lua must
// not be entered then: these wait for a task. What modules send meets the
// filters at once, as in Prosody.
type outgoing struct {
	client atomic.Pointer[client] // nil: no module has filters here
	inside int                    // filters that are at work, one within the other; guarded by the universe
	sent   int                    // what has passed them; guarded by the universe
	now    *stanza.Stanza         // what they look at; guarded by the universe

	mu      sync.Mutex // guards what follows
	waiting []*stanza.Stanza
	at      bool // a task is on its way to them
}

// filter puts the filters of util.filters into a session's way out.
func (c *client) filter() {
	f := filtered.Of(c.session)
	if was := f.client.Swap(c); was != nil && was.srv == c.srv {
		return
	}
	c.session.SetFilter(filterOrder, f, nil, nil)
}

// filterOf is what a session's stanzas go through, nil if that is nothing of
// this server's Lua.
func filterOf(s *session.Session, srv *Server) *outgoing {
	f := filtered.Peek(s)
	if f == nil {
		return nil
	}
	if c := f.client.Load(); c == nil || c.srv != srv {
		return nil
	}
	return f
}

// Deliver is session.Filter's. Without Lua, nothing is filtered.
func (f *outgoing) Deliver(d session.Delivery, st *stanza.Stanza) bool {
	u := f.client.Load().srv.u
	if u.Closed() {
		f.give(d)
		return d.Next(st)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, st)
	if !f.at {
		f.at = true
		u.Go(context.Background(), filterTask, f.work)
	}
	return true
}

// work is drain in a task of its own. After a failure another one goes on: the
// time of this one may be up.
func (f *outgoing) work(l *lua.LState) {
	done := false
	defer func() {
		if !done {
			f.client.Load().srv.u.Go(context.Background(), filterTask, f.work)
		}
	}()
	done = f.drain(l, true)
}

// give lets what waits pass as it is; the session's lock is held.
func (f *outgoing) give(d session.Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, st := range f.waiting {
		d.Next(st)
	}
	f.waiting, f.at = nil, false
}

// unfilter lets pass what waits for a universe that has been closed.
func (srv *Server) unfilter() {
	for _, h := range srv.env.Router.Hosts() {
		for s := range h.Sessions.All() {
			if f := filterOf(s, srv); f != nil {
				s.Locked(filterOrder, nil, f.give)
			}
		}
	}
}

var filterTask = &universe.Task{Name: "filters of stanzas/out"}

// drain lets what waits through the filters, or until one of them fails; false
// means that more may wait.
func (f *outgoing) drain(l *lua.LState, careful bool) (done bool) {
	c := f.client.Load()
	if st := f.now; st != nil { // at which a task was stopped
		f.next(func(d session.Delivery) bool { return d.Next(st) })
	}
	for f.now = f.first(); f.now != nil; f.now = f.first() {
		st := f.now
		taken, ok := false, true
		if c.sender != nil {
			taken, ok = f.handOver(l, c, st)
		} else {
			f.within(func() { st, ok = c.pass(l, "stanzas/out", st) })
		}
		if !taken && st != nil {
			f.next(func(d session.Delivery) bool { return d.Next(st) })
		}
		if careful && !ok {
			return false
		}
	}
	return true
}

// handOver gives a stanza of the server to the function that a module has put
// in the place of session.send. If that fails and has sent nothing, it is not
// taken.
func (f *outgoing) handOver(l *lua.LState, c *client, st *stanza.Stanza) (taken, ok bool) {
	before := f.sent
	l.Push(c.sender)
	l.Push(c.srv.stanzas.Object(l, st.Element()))
	var raised lua.LValue
	f.within(func() {
		var results int
		results, raised = c.srv.u.PCall(l, 1)
		l.Pop(results)
	})
	if raised != nil {
		c.srv.env.Log.Error("session.send of a module failed", "jid", c.session.JID.String(), "err", raised.String())
	}
	return raised == nil || f.sent != before, raised == nil
}

// first takes the stanza that has waited longest, nil if none waits.
func (f *outgoing) first() *stanza.Stanza {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		f.waiting, f.at = nil, false
		return nil
	}
	st := f.waiting[0]
	f.waiting[0] = nil // it may be dropped
	f.waiting = f.waiting[1:]
	return st
}

// within has fn ask the filters.
func (f *outgoing) within(fn func()) {
	f.inside++
	defer func() { f.inside-- }()
	fn()
}

// send sends what a module has made, behind what came before it. A filter that
// sends does so ahead of the stanza that it looks at.
func (f *outgoing) send(l *lua.LState, t *lua.LTable) bool {
	if f.inside == 0 {
		f.drain(l, false)
	}
	var got *lua.LTable
	var ok bool
	f.within(func() { got, ok = f.client.Load().ask(l, "stanzas/out", t) })
	switch {
	case !ok:
		got = t
	case got == nil:
		return true
	}
	return f.write(toElement(l, got))
}

// write sends an element behind the filters.
func (f *outgoing) write(e element.Element) bool {
	if st, err := stanza.Read(e); err == nil {
		return f.next(func(d session.Delivery) bool { return d.Next(st) })
	}
	return f.next(func(d session.Delivery) bool { return d.Write(e.AppendTo(nil, element.NSClient)) })
}

// next has fn send what has passed the filters.
func (f *outgoing) next(fn func(d session.Delivery) bool) (sent bool) {
	c := f.client.Load()
	s := c.session
	f.sent, f.now = f.sent+1, nil
	c.srv.u.Out(func(context.Context) {
		if !s.Ended() {
			s.Locked(filterOrder, nil, func(d session.Delivery) { sent = fn(d) })
		}
	})
	return sent
}

// ask asks the session's filters of a kind about a stanza object, and returns
// what they make of it: nil if they drop it. Ok is false if they failed, which
// is logged.
func (c *client) ask(l *lua.LState, kind string, t *lua.LTable) (got *lua.LTable, ok bool) {
	fn, ok := c.table.RawGetString("filter").(*lua.LFunction)
	if !ok {
		return t, true
	}
	l.Push(fn)
	l.Push(lua.LString(kind))
	l.Push(t)
	results, raised := c.srv.u.PCall(l, 2)
	if raised != nil {
		c.srv.env.Log.Error("filter of a session failed", "kind", kind, "err", raised.String())
		return nil, false
	}
	if results > 0 {
		got, _ = l.Get(-results).(*lua.LTable)
		l.Pop(results)
	}
	return got, true
}

// pass is ask for a stanza of the server. What the filters made wrong is
// logged, and the stanza passes as it was.
func (c *client) pass(l *lua.LState, kind string, st *stanza.Stanza) (passed *stanza.Stanza, ok bool) {
	view := c.srv.stanzas.View(l, st.Element())
	got, ok := c.ask(l, kind, view.Table)
	switch {
	case !ok, got == view.Table && view.Same():
		return st, ok
	case got == nil:
		return nil, true
	}
	e, err := lib.ToElement(got)
	if err == nil {
		var made *stanza.Stanza
		if made, err = stanza.Read(e); err == nil {
			return made, true
		}
	}
	c.srv.env.Log.Error("filter of a session failed", "kind", kind, "err", err)
	return st, false
}

// filterIncoming has the filters of stanzas/in see what a client sends.
func (srv *Server) filterIncoming(s *module.Scope) {
	route.Before.Handle(s, 1e15, func(ctx context.Context, ev *route.Event) ext.Verdict {
		if ev.Origin == nil {
			return ext.Next
		}
		f := filterOf(ev.Origin, srv)
		if f == nil {
			return ext.Next
		}
		var st *stanza.Stanza
		//nolint:contextcheck // a thread of Lua has the context of all
		err := srv.u.Do(ctx, filterTask, func(l *lua.LState) { st, _ = f.client.Load().pass(l, "stanzas/in", ev.Stanza) })
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
