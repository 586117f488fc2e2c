// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules/disco"
)

// configNatives are about what the config says, and where things are.
func (srv *Server) configNatives() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"config_get": func(l *lua.LState) int { // (host or nil, option, module or nil) -> value
			cfg := srv.config()
			if ud, ok := l.Get(3).(*lua.LUserData); ok {
				if inst, ok := ud.Value.(*instance); ok && !inst.scope.Live() {
					cfg = inst.scope.Config() // the one that it is being loaded from
				}
			}
			host, _ := l.Get(1).(lua.LString)
			if host == "*" {
				host = ""
			}
			v, _ := cfg.Lookup(string(host), l.CheckString(2))
			l.Push(toLua(l, v))
			return 1
		},
		"config_own": func(l *lua.LState) int { // (host, option) -> the host's own value, never the global one
			s := srv.config().Section(l.OptString(1, ""))
			if s == nil {
				l.Push(lua.LNil)
				return 1
			}
			l.Push(toLua(l, s.Options[l.CheckString(2)]))
			return 1
		},
		"config_place": func(l *lua.LState) int { // -> file, folder
			l.Push(lua.LString(srv.config().File))
			l.Push(lua.LString(srv.config().Dir))
			return 2
		},
		"plugin_folders": func(l *lua.LState) int {
			t := l.CreateTable(4, 0)
			for _, dir := range folders(srv.config()) {
				t.Append(lua.LString(dir))
			}
			l.Push(t)
			return 1
		},
		"find_resource": func(l *lua.LState) int { // (module, file) -> path or nil
			path, ok := search(folders(srv.config()), l.CheckString(1), l.CheckString(2))
			if !ok {
				l.Push(lua.LNil)
				return 1
			}
			l.Push(lua.LString(path))
			return 1
		},
		"embedded": func(l *lua.LState) int { // (path) -> a file of the program, or nil
			code, err := embedded.ReadFile("lua/" + l.CheckString(1))
			if err != nil {
				l.Push(lua.LNil)
				return 1
			}
			l.Push(lua.LString(code))
			return 1
		},
		"lock_globals":   func(*lua.LState) int { srv.u.LockGlobals(true); return 0 },
		"unlock_globals": func(*lua.LState) int { srv.u.LockGlobals(false); return 0 },
		"log": func(l *lua.LState) int { // (level, logger, text)
			srv.u.Logf(l.CheckString(1), l.CheckString(2), l.CheckString(3))
			return 0
		},
		"reload_config": srv.reloadConfig,
		"shutdown": func(l *lua.LState) int {
			srv.env.Control.Stop(l.OptString(1, "a module asked for it"))
			return 0
		},
		"hosts":         func(l *lua.LState) int { l.Push(srv.hostsProxy(l)); return 1 },
		"full_sessions": func(l *lua.LState) int { l.Push(srv.fullProxy(l)); return 1 },
		"bare_sessions": func(l *lua.LState) int { l.Push(srv.accountsProxy(l, nil, true)); return 1 },
	}
}

// reloadConfig has the config read again.
func (srv *Server) reloadConfig(*lua.LState) int {
	srv.u.Go(context.Background(), srv.task("reload of the config"), func(*lua.LState) {
		srv.u.Block(func(ctx context.Context) { // another reload may wait for Lua
			if _, err := srv.env.Control.Reload(ctx); err != nil {
				srv.env.Log.ErrorContext(ctx, "config not reloaded as a module asked", "err", err)
			}
		})
	})
	return 0
}

// config is the one in force, or the first.
func (srv *Server) config() *config.Config {
	if c := srv.env.Config(); c != nil {
		return c
	}
	return srv.first
}

// toLua makes a value of Lua of one of the config.
func toLua(l *lua.LState, v config.Value) lua.LValue {
	switch v.Kind() {
	case config.Bool:
		return lua.LBool(v.Bool())
	case config.Number:
		return lua.LNumber(v.Number())
	case config.String:
		return lua.LString(v.Str())
	case config.Table:
		t := l.CreateTable(len(v.List()), len(v.Fields()))
		for _, item := range v.List() {
			t.Append(toLua(l, item))
		}
		for _, f := range v.Fields() {
			t.RawSetString(f.Key, toLua(l, f.Value))
		}
		return t
	default:
		return lua.LNil
	}
}

// eventNatives attach handlers and fire events.
func (srv *Server) eventNatives() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"hook": func(l *lua.LState) int {
			srv.instanceOf(l).hook(l.CheckString(2), l.CheckFunction(3), float64(l.OptNumber(4, 0)))
			return 0
		},
		"unhook":   func(l *lua.LState) int { srv.instanceOf(l).unhook(l.CheckString(2), l.CheckFunction(3)); return 0 },
		"depended": srv.depended,
		"metered":  func(l *lua.LState) int { return srv.instanceOf(l).metered(l) },
		"refused":  srv.refused,
		"expects":  func(l *lua.LState) int { srv.instanceOf(l).expects(l.CheckString(2)); return 0 },
		"wrap": func(l *lua.LState) int { // (module, event, function) -> whether that can be
			l.Push(lua.LBool(srv.instanceOf(l).wrap(l.CheckString(2), l.CheckFunction(3))))
			return 1
		},
		"routed": func(l *lua.LState) int { l.Push(lua.LBool(point(l.CheckString(1)) != nil)); return 1 },
	}
}

// instanceOf is the instance of the userdata that is the first argument.
func (srv *Server) instanceOf(l *lua.LState) *instance {
	inst, ok := l.CheckUserData(1).Value.(*instance)
	if !ok {
		l.ArgError(1, "module expected")
	}
	return inst
}

// routeNatives send stanzas.
func (srv *Server) routeNatives() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"send": func(l *lua.LState) int { // (stanza, origin or nil)
			srv.route(l, srv.toStanza(l, l.CheckTable(1)), srv.clientOf(l.Get(2)))
			l.Push(lua.LTrue)
			return 1
		},
		"submit": func(l *lua.LState) int { // (origin, stanza): as if the client had sent it
			c := srv.clientOf(l.Get(1))
			st := srv.toStanza(l, l.CheckTable(2))
			if c == nil || c.session == nil {
				srv.route(l, st, nil)
				return 0
			}
			r := srv.env.Router.Host(c.session.JID.Domain())
			if r == nil {
				return 0
			}
			if st.From.IsZero() {
				st = st.WithFrom(c.session.JID)
			}
			cause := srv.causeOf(l, r)
			srv.u.Out(func(ctx context.Context) {
				if cause != nil {
					cause.Submit(ctx, c.session, st)
				} else {
					r.Submit(ctx, c.session, st, nil)
				}
			})
			return 0
		},
	}
}

// route routes a stanza that Lua has made, from the host of its from address;
// its answers go to that address. Without one it comes from the origin.
func (srv *Server) route(l *lua.LState, st *stanza.Stanza, origin *client) {
	if st.From.IsZero() && origin != nil && origin.session != nil {
		st = st.WithFrom(origin.session.JID)
	}
	domain := st.From.Domain()
	r := srv.env.Router.Host(domain)
	if r == nil {
		if h := srv.hosts[domain]; h != nil {
			r = h.route
		}
	}
	if r == nil { // from elsewhere, or from nobody: the destination's host routes it
		r = srv.env.Router.Host(st.To.Domain())
	}
	if r == nil {
		l.RaiseError("cannot route a stanza from %q to %q: neither is a host of this server", st.From.String(), st.To.String())
	}
	cause := srv.causeOf(l, r)
	srv.u.Out(func(ctx context.Context) {
		if cause != nil {
			cause.Send(ctx, st)
		} else {
			r.Send(ctx, st)
		}
	})
}

// causeOf is a copy of the event, for a host, that a stanza follows from which
// Lua sends now: nil if it handles none. What is sent is written at once. It
// raises an error where that is one too many.
func (srv *Server) causeOf(l *lua.LState, r *route.Host) *route.Event {
	if srv.event == nil {
		return nil
	}
	if srv.event.Spent() {
		l.RaiseError("stanza not sent: modules answer each other without end")
	}
	cause := *srv.event
	cause.Host, cause.Pass, cause.Cork = r, ext.Pass{}, nil
	return &cause
}

// itemNatives add what the server shows of the host.
func (srv *Server) itemNatives() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"add_feature": func(l *lua.LState) int { disco.Feature.Add(srv.instanceOf(l).scope, l.CheckString(2)); return 0 },
		"add_identity": func(l *lua.LState) int {
			disco.Identities.Add(srv.instanceOf(l).scope, disco.Identity{Category: l.CheckString(2), Type: l.CheckString(3), Name: l.OptString(4, "")})
			return 0
		},
		"provide_http": func(l *lua.LState) int { // (module, item)
			inst := srv.instanceOf(l)
			if err := srv.web.Provide(l, inst.scope, inst.scope.Host.Name, l.CheckTable(2)); err != nil {
				l.RaiseError("%s", err.Error())
			}
			return 0
		},
		"http_url": func(l *lua.LState) int { // (module, app, path)
			l.Push(lua.LString(srv.web.URL(srv.instanceOf(l).scope, l.CheckString(2), l.OptString(3, ""))))
			return 1
		},
		"add_extension": func(l *lua.LState) int {
			disco.Extensions.Add(srv.instanceOf(l).scope, toElement(l, l.CheckTable(2)))
			return 0
		},
	}
}
