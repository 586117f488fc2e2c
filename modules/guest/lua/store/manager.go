// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// Loaders returns the libraries core.storagemanager and util.datamanager, by
// their names.
func (s *Stores) Loaders() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"core.storagemanager": func(l *lua.LState) int {
			t := l.CreateTable(0, 2*fields)
			lua51.Set(l, t, map[string]lua.LGFunction{
				"open": s.luaOpen, "purge": s.luaPurge, "initialize_host": func(*lua.LState) int { return 0 },
				"get_driver": s.luaDriver, "load_driver": s.luaDriver,
			})
			t.RawSetString("olddm", s.datamanager(l))
			l.Push(t)
			return 1
		},
		"util.datamanager": func(l *lua.LState) int {
			l.Push(s.datamanager(l))
			return 1
		},
	}
}

// luaOpen is open(host, store, type).
func (s *Stores) luaOpen(l *lua.LState) int { return s.openFrom(l, hostArg(l, 1), 2) }

// openFrom opens the store whose name and type are arguments.
func (s *Stores) openFrom(l *lua.LState, host string, n int) int {
	t, err := s.Open(l, host, l.CheckString(n), textArg(l, n+1))
	if err != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString(err.Error()))
		return 2
	}
	l.Push(t)
	return 1
}

// hostArg returns the host in argument n; nil stands for none, the server.
func hostArg(l *lua.LState, n int) string {
	if host := textArg(l, n); host != "*" {
		return host
	}
	return ""
}

// luaPurge is purge(user, host).
func (s *Stores) luaPurge(l *lua.LState) int { return s.purge(l, l.CheckString(1), hostArg(l, 2)) }

// purge removes what a user has stored. What modules have in memory of it, they
// forget when the account goes, of which usermanager tells them.
func (s *Stores) purge(l *lua.LState, user, host string) int {
	n := storeName{host: host}
	if s.Purge == nil || user == "" {
		return s.fail(l, n, errUnsupported)
	}
	if err := s.away(true, func(ctx context.Context) error { return s.Purge(ctx, host, user) }); err != nil {
		return s.fail(l, n, err)
	}
	return yes(l)
}

// driverName is what Prosody calls the driver whose words we have, too.
const driverName = "internal"

// luaDriver is get_driver(host, store): an object that opens stores.
func (s *Stores) luaDriver(l *lua.LState) int {
	host := hostArg(l, 1)
	t := l.CreateTable(0, 2*fields)
	t.RawSetString("name", lua.LString(driverName))
	lua51.Set(l, t, map[string]lua.LGFunction{
		"open":   func(l *lua.LState) int { return s.openFrom(l, host, 2) },
		"purge":  func(l *lua.LState) int { return s.purge(l, l.CheckString(2), host) },
		"stores": func(l *lua.LState) int { return s.stores(l, l.Get(2), host, textArg(l, 3)) },
	})
	l.Push(t)
	l.Push(lua.LString(driverName))
	return 2
}
