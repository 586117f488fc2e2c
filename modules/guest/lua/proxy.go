// SPDX-License-Identifier: Apache-2.0

package lua

import (
	lua "github.com/yuin/gopher-lua"
)

// A proxy is a table of Lua that shows what the server has: index finds one
// entry, each yields all of them.
type proxy struct {
	index func(l *lua.LState, key lua.LValue) lua.LValue
	each  func(l *lua.LState, yield func(key string, v lua.LValue))
}

const proxyField = "tercet.proxy"

// newProxy makes the table of a proxy.
func newProxy(l *lua.LState, p proxy) *lua.LTable {
	t, mt := l.CreateTable(0, 0), l.CreateTable(0, 2)
	ud := l.NewUserData()
	ud.Value = &p
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		l.Push(p.index(l, l.Get(2)))
		return 1
	}))
	mt.RawSetString(proxyField, ud)
	t.Metatable = mt
	return t
}

// replaceIteration has pairs and next walk a snapshot of what a proxy shows, and
// pairs ask __pairs, which the Lua of Debian's Prosody does.
func (srv *Server) replaceIteration(l *lua.LState) {
	next := l.GetGlobal("next")
	plain := l.GetGlobal("pairs")
	l.G.Global.RawSetString("pairs", l.NewFunction(func(l *lua.LState) int {
		t, ok := l.Get(1).(*lua.LTable)
		if ok {
			if snapshot := walked(l, t); snapshot != nil {
				l.Push(next)
				l.Push(snapshot)
				l.Push(lua.LNil)
				return 3
			}
			if mt, ok := t.Metatable.(*lua.LTable); ok {
				if fn := mt.RawGetString("__pairs"); fn != lua.LNil {
					l.Push(fn)
					l.Push(t)
					l.Call(1, 3)
					return 3
				}
			}
		}
		l.Push(plain)
		l.Push(l.Get(1))
		l.Call(1, 3)
		return 3
	}))
	l.G.Global.RawSetString("next", l.NewFunction(func(l *lua.LState) int {
		v, key := l.Get(1), l.Get(2)
		if t, ok := v.(*lua.LTable); ok {
			if snapshot := walked(l, t); snapshot != nil {
				v = snapshot
			}
		}
		n := l.GetTop()
		l.Push(next)
		l.Push(v)
		l.Push(key)
		l.Call(2, lua.MultRet)
		return l.GetTop() - n
	}))
}

// walked is a snapshot of a proxy's entries; nil if t is none.
func walked(l *lua.LState, t *lua.LTable) *lua.LTable {
	mt, ok := t.Metatable.(*lua.LTable)
	if !ok {
		return nil
	}
	ud, ok := mt.RawGetString(proxyField).(*lua.LUserData)
	if !ok {
		return nil
	}
	p, ok := ud.Value.(*proxy)
	if !ok {
		return nil
	}
	all := l.CreateTable(0, 16)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) { // what modules have set themselves
		all.RawSet(k, v)
	}
	p.each(l, func(key string, v lua.LValue) { all.RawSetString(key, v) })
	return all
}
