// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"math"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// tableLib is the part of the table library that knows of places.
func (r *runner) tableLib() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"insert": r.tabInsert,
		"remove": r.tabRemove,
		"sort":   r.tabSort,
	}
}

func (r *runner) tabInsert(l *lua.LState) int {
	t := l.CheckTable(1)
	n := t.Len()
	at := n + 1
	if l.GetTop() == 3 {
		at = lua51.Integer(l, 2, 0)
	}
	appended := at > n || at < 1
	if appended {
		r.grow(l, t, lua.LNumber(at))
	}
	r.library.TableInsert(l)
	switch {
	case !appended:
		r.forgetList(t)
	case l.Get(-1) != lua.LNil:
		r.placeItem(t, at, r.caller(l))
	}
	return 0
}

func (r *runner) tabRemove(l *lua.LState) int {
	t := l.CheckTable(1)
	if n := t.Len(); lua51.Integer(l, 2, n) < n {
		r.forgetList(t)
	}
	return r.library.TableRemove(l)
}

func (r *runner) tabSort(l *lua.LState) int {
	n := r.library.TableSort(l)
	r.forgetList(l.CheckTable(1))
	return n
}

// store is t[k] = v.
func (r *runner) store(l *lua.LState, t, k, v lua.LValue) {
	if table, ok := t.(*lua.LTable); ok {
		r.grow(l, table, k)
	} else if l.GetMetaField(t, "__newindex") == lua.LNil {
		l.RaiseError("attempt to index a %s value with the key %s", t.Type().String(), describeKey(k))
	}
	l.SetTable(t, k, v)
}

// grow charges what a new key in t costs: gopher-lua makes maps for 32 keys at
// once, and fills the gap below an index with nils.
func (r *runner) grow(l *lua.LState, t *lua.LTable, k lua.LValue) {
	cost := costEntry
	first, _ := t.Next(lua.LNil)
	switch k := k.(type) {
	case lua.LNumber:
		f := float64(k)
		if math.IsNaN(f) {
			l.RaiseError("attempt to use nan as the key of a table")
		}
		if f > 1<<10 && f == math.Trunc(f) && f < float64(lua.MaxArrayIndex) && t.RawGetInt(int(f)-1) == lua.LNil {
			cost += 32 * max(int(f)-t.MaxN(), 0)
		}
		if first == lua.LNil {
			cost += costFirstItem
		}
	case *lua.LNilType:
		l.RaiseError("attempt to use nil as the key of a table")
	default:
		if first == lua.LNil {
			cost += costFirstKey
		}
	}
	r.Alloc(l, cost)
}

func describeKey(k lua.LValue) string {
	if s, ok := k.(lua.LString); ok {
		return `"` + string(s) + `"`
	}
	return k.String()
}
