// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/ext"
	points "tercet/core/guest"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
)

// A handler is a function that a module has attached to an event of a host.
type handler struct {
	inst  *instance
	event string
	prio  float64
	task  universe.Task
	over  atomic.Bool // nothing handles its events any more
	wraps string      // the event that a wrapper stands around; else ""
	told  bool        // nobody can refuse the event

	// What follows is guarded by Lua's lock.
	fn    lua.LValue
	gone  bool       // taken back, or its module unloaded
	heirs []*handler // of the module loaded anew: they handle its events

	wrapped bool // a wrapper that is attached as such
}

// each calls fn with what handles the events of h: itself or, where its module
// was loaded anew since they began, what came in its place. It ends where fn
// returns false.
func (h *handler) each(fn func(*handler) bool) bool {
	if !h.gone {
		return fn(h)
	}
	for _, heir := range h.heirs {
		if !heir.each(fn) {
			return false
		}
	}
	return true
}

// run calls fn in the universe, as the module's, with what handles the events
// of h, until fn returns false. It counts failures; calls and their time are
// counted as those of all handlers are. False means that the event is to be
// answered by the guard of the one returned.
func (h *handler) run(ctx context.Context, fn func(l *lua.LState, at *handler) bool) (by *handler, ok bool) {
	if h.inst.guard.Suspended() {
		return h, false
	}
	by = h
	err := h.inst.srv.u.Do(ctx, &h.task, func(l *lua.LState) {
		h.each(func(at *handler) bool {
			by = at
			return fn(l, at)
		})
	})
	if err != nil {
		by.inst.guard.Failed(ctx, h.event, err)
		return by, false
	}
	by.inst.guard.Succeeded()
	return by, true
}

// call calls the handler with the data of the event.
func (h *handler) call(l *lua.LState, data lua.LValue) lua.LValue {
	l.Push(h.fn)
	l.Push(data)
	l.Call(1, 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// A shadow is what Lua knows of a stanza on its way: one table for all handlers
// that the event meets, as long as it lives.
type shadow struct {
	srv   *Server
	data  *lua.LTable
	view  *lib.View
	shown *stanza.Stanza // what the view shows
}

// shadowOf makes the event's table, or brings it up to date.
func (srv *Server) shadowOf(l *lua.LState, ev *route.Event) *shadow {
	sh, ok := ev.Shadow.(*shadow)
	if !ok || sh.srv != srv {
		sh = &shadow{srv: srv, data: l.CreateTable(0, 4), view: srv.stanzas.View(l, ev.Stanza.Element()), shown: ev.Stanza}
		ev.Shadow = sh
		sh.data.RawSetString("stanza", sh.view.Table)
		sh.data.RawSetString("origin", srv.originOf(l, ev))
		if ev.ToSelf {
			sh.data.RawSetString("to_self", lua.LTrue)
		}
		return sh
	}
	if sh.shown != ev.Stanza {
		srv.stanzas.Refill(l, sh.view, ev.Stanza.Element())
		sh.shown = ev.Stanza
		sh.data.RawSetString("stanza", sh.view.Table)
	}
	if ev.ToSelf && sh.data.RawGetString("to_self") == lua.LNil {
		sh.data.RawSetString("to_self", lua.LTrue)
	}
	return sh
}

// takeBack makes the event's stanza what handlers have made of its table.
func (sh *shadow) takeBack(l *lua.LState, ev *route.Event) {
	t, ok := sh.data.RawGetString("stanza").(*lua.LTable)
	if !ok || t == sh.view.Table && sh.view.Same() {
		return
	}
	st := sh.srv.toStanza(l, t)
	sh.view = &lib.View{Table: t}
	sh.srv.stanzas.Refill(l, sh.view, st.Element())
	ev.Stanza, sh.shown = st, st
}

// toStanza reads a stanza object; it raises an error if that is none.
func (srv *Server) toStanza(l *lua.LState, t *lua.LTable) *stanza.Stanza {
	e, err := lib.ToElement(t)
	if err != nil {
		l.RaiseError("not a stanza: %s", err.Error())
	}
	st, err := stanza.Read(e)
	if err != nil {
		l.RaiseError("not a stanza: %s", err.Error())
	}
	return st
}

// originOf is who has sent the event's stanza, as Lua sees it.
func (srv *Server) originOf(l *lua.LState, ev *route.Event) *lua.LTable {
	if ev.Origin != nil {
		return srv.sessionTable(l, ev.Origin)
	}
	if h := srv.hosts[ev.Stanza.From.Domain()]; h != nil {
		return h.table
	}
	return srv.hostTable(l, ev.Host)
}

// onStanza has a handler handle a stanza on its way.
func (h *handler) onStanza(ctx context.Context, ev *route.Event, more func(l *lua.LState, data *lua.LTable)) ext.Verdict {
	_, verdict := h.handle(ctx, ev, more)
	return verdict
}

// handle is onStanza, for those who ask what the handler has returned as well.
func (h *handler) handle(ctx context.Context, ev *route.Event, more func(l *lua.LState, data *lua.LTable)) (lua.LValue, ext.Verdict) {
	result := lua.LNil
	if h.over.Load() || h.wraps != "" {
		return result, ext.Next
	}
	by, ok := h.run(ctx, func(l *lua.LState, at *handler) bool { //nolint:contextcheck // functions of Go that Lua calls have their context from Out
		sh := h.inst.srv.shadowOf(l, ev)
		if more != nil {
			more(l, sh.data)
		}
		srv := h.inst.srv
		if before := srv.event; !srv.u.MayWait() {
			srv.event = ev
			defer func() { srv.event = before }()
		}
		result = at.call(l, sh.data)
		sh.takeBack(l, ev)
		return result == lua.LNil
	})
	if !ok {
		return lua.LNil, by.inst.guard.Verdict(ctx, &points.Event{Route: ev})
	}
	return result, result != lua.LNil
}

// onEvent has a handler handle an event that is not a stanza. Back takes over
// what the handler has changed and says whether others shall see the event.
func onEvent[E any](ctx context.Context, h *handler, ev *E, view func(l *lua.LState, srv *Server, ev *E) *lua.LTable,
	back func(l *lua.LState, ev *E, data *lua.LTable, result lua.LValue) ext.Verdict,
) ext.Verdict {
	if h.over.Load() || h.wraps != "" {
		return ext.Next
	}
	verdict := ext.Next
	by, ok := h.run(ctx, func(l *lua.LState, at *handler) bool {
		data := view(l, h.inst.srv, ev)
		result := at.call(l, data)
		if back != nil {
			verdict = back(l, ev, data, result)
		} else {
			verdict = result != lua.LNil
		}
		return verdict == ext.Next
	})
	switch {
	case ok:
		return verdict
	case by.told:
		return ext.Next
	}
	return by.inst.guard.Verdict(ctx, &points.Event{})
}
