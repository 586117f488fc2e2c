// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/modules/guest/lua/universe"
)

// A host is a domain of ours as Lua sees it.
type host struct {
	route  *route.Host
	table  *lua.LTable // hosts[name]
	events *universe.Events
	served bool // it has, or had, a module in Lua
}

// hostOf returns the host of a name, nil if it is not ours.
func (srv *Server) hostOf(l *lua.LState, name string) *host {
	r := srv.env.Router.Host(name)
	h := srv.hosts[name]
	if h == nil {
		if r == nil {
			return nil
		}
		return srv.addHost(l, r)
	}
	if r != nil {
		h.route = r
	}
	return h
}

func (srv *Server) hostTable(l *lua.LState, r *route.Host) *lua.LTable {
	if h := srv.hosts[r.Name]; h != nil {
		h.route = r
		return h.table
	}
	return srv.addHost(l, r).table
}

func (srv *Server) addHost(l *lua.LState, r *route.Host) *host {
	h := &host{route: r, events: universe.NewEvents(l)}
	h.events.Changed = srv.awaited(h)
	kind := "local"
	if r.Component {
		kind = "component"
	}
	h.table = fields(l, "host", r.Name, "type", kind, "events", h.events.Table(), "s2sout", l.CreateTable(0, 0))
	h.table.RawSetString("sessions", srv.accountsProxy(l, h, false))
	h.table.RawSetString("modules", srv.modulesProxy(l, h))
	h.table.RawSetString("send", l.NewFunction(func(l *lua.LState) int {
		srv.route(l, srv.toStanza(l, l.CheckTable(1)), nil)
		l.Push(lua.LTrue)
		return 1
	}))
	h.events.Table().RawSetString("fire_event", l.NewFunction(func(l *lua.LState) int {
		l.Push(srv.fire(l, h, l.CheckString(1), l.Get(2)))
		return 1
	}))
	srv.heedDirect(l, h)
	srv.hosts[r.Name] = h
	srv.callBootIf(l, "host_added", h.table)
	return h
}

// callBootIf is callBoot once boot.lua has been run.
func (srv *Server) callBootIf(l *lua.LState, name string, args ...lua.LValue) {
	if srv.boot != nil {
		srv.callBoot(l, name, args...)
	}
}

// hostsProxy is prosody.hosts.
func (srv *Server) hostsProxy(l *lua.LState) *lua.LTable {
	return newProxy(l, proxy{
		index: func(l *lua.LState, key lua.LValue) lua.LValue {
			if name, ok := key.(lua.LString); ok {
				if h := srv.hostOf(l, string(name)); h != nil {
					return h.table
				}
			}
			return lua.LNil
		},
		each: func(l *lua.LState, yield func(string, lua.LValue)) {
			for name, r := range srv.env.Router.Hosts() {
				yield(name, srv.hostTable(l, r))
			}
			for name, h := range srv.hosts { // those that are about to be added
				if srv.env.Router.Host(name) == nil {
					yield(name, h.table)
				}
			}
		},
	})
}

// accountsProxy is the sessions of a host's accounts, by localpart or, of all
// hosts (h is nil), by bare JID.
func (srv *Server) accountsProxy(l *lua.LState, h *host, bare bool) *lua.LTable {
	accounts := make(map[string]*lua.LTable) // those that Lua has seen; each shows nothing once nobody is connected
	show := func(l *lua.LState, r *route.Host, user string) lua.LValue {
		if len(r.Sessions.Resources(user)) == 0 {
			delete(accounts, user+"@"+r.Name)
			return lua.LNil
		}
		t := accounts[user+"@"+r.Name]
		if t == nil {
			t = fields(l, "sessions", srv.resourcesProxy(l, r, user))
			srv.spare(l, t, r.Name)
			srv.showTop(l, t, r, user)
			accounts[user+"@"+r.Name] = t
		}
		return t
	}
	return newProxy(l, proxy{
		index: func(l *lua.LState, key lua.LValue) lua.LValue {
			name, ok := key.(lua.LString)
			switch {
			case !ok:
				return lua.LNil
			case !bare:
				return show(l, h.route, string(name))
			}
			j, err := jid.Parse(string(name))
			if err != nil || j.Local() == "" || j.Resource() != "" {
				return lua.LNil
			}
			if r := srv.env.Router.Host(j.Domain()); r != nil {
				return show(l, r, j.Local())
			}
			return lua.LNil
		},
		each: func(l *lua.LState, yield func(string, lua.LValue)) {
			of := func(r *route.Host) {
				for s := range r.Sessions.All() {
					name := s.JID.Local()
					if bare {
						name = s.JID.Bare().String()
					}
					if v := show(l, r, s.JID.Local()); v != lua.LNil {
						yield(name, v)
					}
				}
			}
			if h != nil {
				of(h.route)
				return
			}
			for _, r := range srv.env.Router.Hosts() {
				of(r)
			}
		},
	})
}

// resourcesProxy is the sessions of one account, by resource.
func (srv *Server) resourcesProxy(l *lua.LState, r *route.Host, user string) *lua.LTable {
	return newProxy(l, proxy{
		index: func(l *lua.LState, key lua.LValue) lua.LValue {
			for _, s := range r.Sessions.Resources(user) {
				if lua.LString(s.JID.Resource()) == key {
					return srv.sessionTable(l, s)
				}
			}
			return lua.LNil
		},
		each: func(l *lua.LState, yield func(string, lua.LValue)) {
			for _, s := range r.Sessions.Resources(user) {
				yield(s.JID.Resource(), srv.sessionTable(l, s))
			}
		},
	})
}

// fullProxy is prosody.full_sessions.
func (srv *Server) fullProxy(l *lua.LState) *lua.LTable {
	return newProxy(l, proxy{
		index: func(l *lua.LState, key lua.LValue) lua.LValue {
			name, _ := key.(lua.LString)
			if s := srv.sessionOf(string(name)); s != nil {
				return srv.sessionTable(l, s)
			}
			return lua.LNil
		},
		each: func(l *lua.LState, yield func(string, lua.LValue)) {
			for _, r := range srv.env.Router.Hosts() {
				for s := range r.Sessions.All() {
					yield(s.JID.String(), srv.sessionTable(l, s))
				}
			}
		},
	})
}

// sessionOf finds the session of a full JID, nil if nobody is there.
func (srv *Server) sessionOf(full string) *session.Session {
	j, err := jid.Parse(full)
	if err != nil || j.Resource() == "" {
		return nil
	}
	if r := srv.env.Router.Host(j.Domain()); r != nil {
		return r.Sessions.Get(j)
	}
	return nil
}

// modulesProxy is hosts[name].modules: the environments of modules in Lua, and
// empty tables for those that are compiled in.
func (srv *Server) modulesProxy(l *lua.LState, h *host) *lua.LTable {
	compiled := make(map[string]*lua.LTable)
	of := func(l *lua.LState, name string) lua.LValue {
		if inst := srv.instances[instanceKey{h.route.Name, name}]; inst != nil {
			return inst.environment()
		}
		if !srv.loaded(h.route.Name, name) {
			return lua.LNil
		}
		if compiled[name] == nil {
			compiled[name] = fields(l, "module", fields(l, "name", name, "host", h.route.Name))
		}
		return compiled[name]
	}
	return newProxy(l, proxy{
		index: func(l *lua.LState, key lua.LValue) lua.LValue {
			if name, ok := key.(lua.LString); ok {
				return of(l, string(name))
			}
			return lua.LNil
		},
		each: func(l *lua.LState, yield func(string, lua.LValue)) {
			for _, name := range srv.moduleNames(h.route.Name) {
				if v := of(l, name); v != lua.LNil {
					yield(name, v)
				}
			}
		},
	})
}

// moduleNames are the modules of a host; those of the server are on each.
func (srv *Server) moduleNames(host string) (names []string) {
	for _, st := range srv.env.Manager.List() {
		if (st.Host == host || st.Host == "") && st.State != "closing" {
			names = append(names, st.Name)
		}
	}
	return names
}

func (srv *Server) loaded(host, name string) bool {
	def, ok := srv.env.Manager.Catalogue()[name]
	if !ok {
		return false
	}
	if srv.staging > 0 && slices.Contains(provided, name) {
		return true // the plan has it before those that need it
	}
	return slices.Contains(srv.moduleNames(host), def.Name)
}

// fire fires an event of a host as Lua does: through the server where this
// knows it, so that both meet it.
func (srv *Server) fire(l *lua.LState, h *host, event string, data lua.LValue) lua.LValue {
	if hook, ok := routed(event); ok {
		if t, ok := data.(*lua.LTable); ok {
			if object, ok := t.RawGetString("stanza").(*lua.LTable); ok && h.route != nil {
				return srv.fireStanza(l, h, hook, t, object)
			}
		}
	}
	if t, ok := data.(*lua.LTable); ok && h.route != nil && srv.fireAccount(l, h, event, t) {
		return lua.LNil
	}
	return h.events.Fire(l, lua.LString(event), data)
}

// fireStanza fires an event of a stanza that Lua has made.
func (srv *Server) fireStanza(l *lua.LState, h *host, hook routeHook, data, object *lua.LTable) lua.LValue {
	st := srv.toStanza(l, object)
	var stopped bool
	origin := srv.ownerOf(data.RawGetString("origin"))
	srv.u.Out(func(ctx context.Context) {
		h.route.Within(st, func(ev *route.Event) {
			ev.Origin = origin
			ev.ToSelf = lua.LVAsBool(data.RawGetString("to_self"))
			stopped = bool(hook.Fire(ctx, ev.Pass, ev))
		})
	})
	if stopped {
		return lua.LTrue
	}
	return lua.LNil
}
