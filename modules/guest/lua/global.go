// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/metric"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/guest/lua/universe"
)

// watch has the events of prosody.events, and the answers to requests, fired
// on a host.
func (srv *Server) watch(s *module.Scope) error {
	auth.Deleted.Handle(s, 0, func(ctx context.Context, ev *auth.AccountEvent) ext.Verdict {
		srv.fireGlobal(ctx, "user-deleted", func(l *lua.LState) *lua.LTable { return fields(l, "username", ev.User, "host", ev.Host) })
		return ext.Next
	})
	auth.PasswordChanged.Handle(s, 0, func(ctx context.Context, ev *auth.AccountEvent) ext.Verdict {
		srv.fireGlobal(ctx, "user-password-changed", func(l *lua.LState) *lua.LTable { return fields(l, "username", ev.User, "host", ev.Host) })
		return ext.Next
	})
	stream.Closed.Handle(s, 0, func(ctx context.Context, ev *stream.LifeEvent) ext.Verdict {
		srv.fireGlobal(ctx, "c2s-closed", func(l *lua.LState) *lua.LTable { return fields(l, "session", srv.streamTable(l, ev.Stream)) })
		return ext.Next
	})
	srv.filterIncoming(s)
	for t := range route.In[stanza.IQ] {
		to := route.Target(t).String()
		route.In[stanza.IQ][t].Handle(s, 1, func(ctx context.Context, ev *route.Event) ext.Verdict { return srv.answered(ctx, ev, to) })
	}
	return nil
}

// started fires what modules wait for that want the whole server to be there.
func (srv *Server) started(ctx context.Context) {
	if srv.ran.CompareAndSwap(false, true) {
		srv.fireGlobal(ctx, "server-started", func(l *lua.LState) *lua.LTable { return l.CreateTable(0, 0) })
	}
}

// measureWaits shows how long entries into Lua wait for its lock.
func (srv *Server) measureWaits(r *metric.Registry) {
	srv.u.MeasureWaits(r.Histogram("tercet_lua_lock_wait_seconds", "How long entries into Lua have waited for its lock.", universe.WaitBounds))
}

// stopping tells modules that the server, or Lua, ends.
func (srv *Server) stopping(ctx context.Context) {
	for _, event := range [...]string{"server-stopping", "server-cleanup", "server-stopped"} {
		srv.fireGlobal(ctx, event, func(l *lua.LState) *lua.LTable { return fields(l, "reason", "the server stops") })
	}
}

// answered fires iq-result/bare/ID and its kind, by which modules wait for
// answers. What an account answers itself is to "bare", and then to "self".
func (srv *Server) answered(ctx context.Context, ev *route.Event, to string) ext.Verdict {
	st := ev.Stanza
	if st.Type != "result" && st.Type != "error" || srv.waiting.Load() == 0 {
		return ext.Next
	}
	event := "iq-" + st.Type + "/" + to + "/" + st.ID
	verdict := ext.Next
	err := srv.u.Do(ctx, answerTask, func(l *lua.LState) { //nolint:contextcheck // functions of Go that Lua calls have their context from Out
		h := srv.hosts[ev.Host.Name]
		if h == nil || len(h.events.Priorities(event)) == 0 {
			return
		}
		verdict = h.events.Fire(l, lua.LString(event), srv.shadowOf(l, ev).data) != lua.LNil
	})
	if err != nil {
		srv.env.Log.ErrorContext(ctx, "answer not taken by a module in Lua", "event", event, "err", err)
	}
	return verdict
}

var answerTask = &universe.Task{Name: "answer to a request"}

// fireGlobal fires an event of prosody.events, if anybody listens.
func (srv *Server) fireGlobal(ctx context.Context, event string, data func(l *lua.LState) *lua.LTable) {
	if !srv.listens(event) {
		return
	}
	err := srv.u.Do(ctx, &universe.Task{Name: event}, func(l *lua.LState) {
		srv.global.Fire(l, lua.LString(event), data(l))
	})
	if err != nil {
		srv.env.Log.ErrorContext(ctx, "event failed in Lua", "event", event, "err", err)
	}
}

// listens reports whether prosody.events has handlers of an event, without
// Lua's lock.
func (srv *Server) listens(event string) bool {
	_, ok := srv.heard.Load(event)
	if !ok {
		_, ok = srv.heard.Load("") // a wrapper of all
	}
	return ok
}

// heed notes which events have handlers, as they come and go.
func (srv *Server) heed(event string) {
	if srv.global.Listens(event) {
		srv.heard.Store(event, true)
	} else {
		srv.heard.Delete(event)
	}
}

// awaited counts the answers that modules wait for.
func (srv *Server) awaited(h *host) func(event string) {
	counted := make(map[string]bool)
	return func(event string) {
		if len(event) < 4 || event[:3] != "iq-" {
			return
		}
		now := len(h.events.Priorities(event)) > 0
		if now == counted[event] {
			return
		}
		if now {
			counted[event] = true
			srv.waiting.Add(1)
		} else {
			delete(counted, event)
			srv.waiting.Add(-1)
		}
	}
}
