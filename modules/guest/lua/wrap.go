// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/ext"
	points "tercet/core/guest"
	"tercet/core/route"
	"tercet/modules/guest/lua/universe"
)

// wrap puts a function around all handlers of an event of the instance's host,
// those of the server too; false means that these cannot be wrapped.
func (inst *instance) wrap(event string, fn lua.LValue) bool {
	attach := point(event)
	if attach == nil {
		return false
	}
	name := "wrapper of " + event
	if h := inst.takeLeft(name, 0); h != nil {
		h.fn, h.gone = fn, false
		h.over.Store(false)
		inst.handlers = append(inst.handlers, h)
		return h.wrapped
	}
	h := &handler{inst: inst, event: name, fn: fn, wraps: event}
	h.task = universe.Task{Name: "mod_" + inst.file.word + ": " + name + " on " + inst.scope.Host.Name, Limit: inst.srv.options.Load().Timeout}
	inst.handlers = append(inst.handlers, h)
	attach(inst.scope, h)
	return h.wrapped
}

// isWrapper is asked by what attaches wrappers where they belong; of all others
// they are told nothing.
func (h *handler) isWrapper() bool {
	h.wrapped = h.wraps != ""
	return h.wrapped
}

// around calls a wrapper with the data of the event, and with what runs the
// handlers within.
func (h *handler) around(l *lua.LState, data lua.LValue, within func(l *lua.LState) lua.LValue) lua.LValue {
	l.Push(h.fn)
	l.Push(l.NewFunction(func(l *lua.LState) int {
		l.Push(within(l))
		return 1
	}))
	l.Push(lua.LString(h.wraps))
	l.Push(data)
	l.Call(3, 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// A within is the handlers that a wrapper stands around.
type within struct {
	next    func(context.Context) ext.Verdict
	ran     bool
	verdict ext.Verdict
}

// run has them run while Lua waits for them.
func (w *within) run(srv *Server) lua.LValue {
	srv.u.Out(func(ctx context.Context) { w.ran, w.verdict = true, w.next(ctx) })
	if w.verdict == ext.Stop {
		return lua.LTrue
	}
	return lua.LNil
}

// instead is the verdict where the wrapper has not come to one: the handlers
// within decide, unless what it guards is refused.
func (w *within) instead(ctx context.Context, by *handler, failed bool, ev *points.Event) ext.Verdict {
	switch {
	case w.ran:
		return w.verdict
	case failed && by.inst.guard.Verdict(ctx, ev) == ext.Stop:
		return ext.Stop
	}
	return w.next(ctx)
}

// aroundStanza is onStanza for a wrapper.
func (h *handler) aroundStanza(ctx context.Context, ev *route.Event, more func(l *lua.LState, data *lua.LTable), next func(context.Context) ext.Verdict) ext.Verdict {
	if h.over.Load() {
		return next(ctx)
	}
	w, decided, verdict := within{next: next}, false, ext.Next
	by, ok := h.run(ctx, func(l *lua.LState, at *handler) bool { //nolint:contextcheck // functions of Go that Lua calls have their context from Out
		srv := h.inst.srv
		sh := srv.shadowOf(l, ev)
		if more != nil {
			more(l, sh.data)
		}
		if before := srv.event; !srv.u.MayWait() {
			srv.event = ev
			defer func() { srv.event = before }()
		}
		result := at.around(l, sh.data, func(l *lua.LState) lua.LValue {
			sh.takeBack(l, ev)
			v := w.run(srv)
			srv.shadowOf(l, ev)
			return v
		})
		sh.takeBack(l, ev)
		decided, verdict = true, result != lua.LNil
		return false
	})
	if !decided {
		return w.instead(ctx, by, !ok, &points.Event{Route: ev})
	}
	return verdict
}

// aroundEvent is onEvent for a wrapper.
func aroundEvent[E any](ctx context.Context, h *handler, ev *E, view func(l *lua.LState, srv *Server, ev *E) *lua.LTable,
	back func(l *lua.LState, ev *E, data *lua.LTable, result lua.LValue) ext.Verdict, next ext.Handler[E],
) ext.Verdict {
	if h.over.Load() {
		return next(ctx, ev)
	}
	if back == nil {
		back = func(_ *lua.LState, _ *E, _ *lua.LTable, result lua.LValue) ext.Verdict { return result != lua.LNil }
	}
	w := within{next: func(ctx context.Context) ext.Verdict { return next(ctx, ev) }}
	decided, verdict := false, ext.Next
	by, ok := h.run(ctx, func(l *lua.LState, at *handler) bool { //nolint:contextcheck // functions of Go that Lua calls have their context from Out
		srv := h.inst.srv
		data := view(l, srv, ev)
		result := at.around(l, data, func(l *lua.LState) lua.LValue {
			back(l, ev, data, lua.LNil)
			v := w.run(srv)
			fresh := view(l, srv, ev)
			for key, value := fresh.Next(lua.LNil); key != lua.LNil; key, value = fresh.Next(key) {
				data.RawSet(key, value)
			}
			return v
		})
		decided, verdict = true, back(l, ev, data, result)
		return false
	})
	if !decided {
		return w.instead(ctx, by, !ok, &points.Event{})
	}
	return verdict
}
