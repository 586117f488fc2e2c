// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Base holds the global functions that gopher-lua's differ from, those aside
// that run programs.
func (b *Library) Base() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"assert":       baseAssert,
		"rawlen":       baseRawLen,
		"rawset":       baseRawSet,
		"select":       baseSelect,
		"setmetatable": baseSetMetatable,
		"tonumber":     toNumber,
		"tostring":     func(l *lua.LState) int { l.Push(lua.LString(Text(l, l.CheckAny(1)))); return 1 },
		"unpack":       b.tabUnpack,
	}
}

func baseAssert(l *lua.LState) int {
	if l.ToBool(1) {
		return l.GetTop()
	}
	l.CheckAny(1)
	if msg := l.Get(2); msg != lua.LNil {
		l.Error(msg, 0)
	}
	l.Error(lua.LString("assertion failed!"), 0)
	return 0
}

func baseRawLen(l *lua.LState) int {
	switch v := l.Get(1).(type) {
	case *lua.LTable:
		l.Push(lua.LNumber(v.Len()))
	case lua.LString:
		l.Push(lua.LNumber(len(v)))
	default:
		l.ArgError(1, "table or string expected")
	}
	return 1
}

func baseRawSet(l *lua.LState) int {
	t := l.CheckTable(1)
	l.RawSet(t, l.CheckAny(2), l.CheckAny(3))
	l.Push(t)
	return 1
}

// baseSetMetatable takes tables alone; gopher-lua's gives strings and numbers
// another metatable too, all of them at once.
func baseSetMetatable(l *lua.LState) int {
	t, mt := l.CheckTable(1), l.Get(2)
	if l.GetTop() < 2 || mt != lua.LNil && mt.Type() != lua.LTTable {
		l.ArgError(2, "nil or table expected")
	}
	if old, ok := t.Metatable.(*lua.LTable); ok && old.RawGetString("__metatable") != lua.LNil {
		l.RaiseError("cannot change a protected metatable")
	}
	t.Metatable = mt
	l.Push(t)
	return 1
}

func baseSelect(l *lua.LState) int {
	top := l.GetTop()
	if s, ok := l.Get(1).(lua.LString); ok && s == "#" {
		l.Push(lua.LNumber(top - 1))
		return 1
	}
	n := Integer(l, 1, 0)
	if n < 0 {
		n += top
	}
	if n < 1 {
		l.ArgError(1, "index out of range")
	}
	return max(top-n, 0)
}

// OS is what of the os library only tells.
func (b *Library) OS() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"clock": func(l *lua.LState) int { l.Push(lua.LNumber(time.Since(b.start).Seconds())); return 1 },
		"date":  b.osDate,
		"difftime": func(l *lua.LState) int {
			earlier := lua.LNumber(0)
			if l.Get(2) != lua.LNil {
				earlier = l.CheckNumber(2)
			}
			l.Push(l.CheckNumber(1) - earlier)
			return 1
		},
		"time": osTime,
	}
}
