// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"math"
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// tableLib is the table library with a bound on what it makes, with nil for
// arguments that may be left out, and with the places of what is inserted.
func (r *runner) tableLib() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"concat": r.tabConcat,
		"insert": r.tabInsert,
		"remove": r.tabRemove,
		"sort":   r.tabSort,
		"pack":   r.tabPack,
		"unpack": r.tabUnpack,
	}
}

func (r *runner) tabConcat(l *lua.LState) int {
	t, sep := l.CheckTable(1), optArg(l, 2, "")
	from, to := integer(l, 3, 1), integer(l, 4, t.Len())
	var parts []string
	total := 0
	for i := from; i <= to; i++ {
		r.step(l, 1)
		v := t.RawGetInt(i)
		if !isText(v) {
			l.RaiseError("invalid value (a %s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		parts = append(parts, toText(v))
		total += len(parts[len(parts)-1]) + len(sep)
		r.alloc(l, 64)
	}
	r.alloc(l, total)
	l.Push(lua.LString(strings.Join(parts, sep)))
	return 1
}

func (r *runner) tabInsert(l *lua.LState) int {
	t := l.CheckTable(1)
	n := t.Len()
	at := n + 1
	var v lua.LValue
	switch l.GetTop() {
	case 2:
		v = l.Get(2)
	case 3:
		at, v = integer(l, 2, 0), l.Get(3)
	default:
		l.RaiseError("wrong number of arguments to 'insert'")
	}
	switch {
	case v == lua.LNil && at > n: // as in Lua, nothing changes
	case at > n || at < 1:
		r.store(l, t, lua.LNumber(at), v)
	default:
		r.step(l, n>>6)
		r.alloc(l, costEntry)
		t.Insert(at, v)
		r.forgetList(t)
		return 0
	}
	r.placeItem(t, at, r.caller(l))
	return 0
}

func (r *runner) tabRemove(l *lua.LState) int {
	t := l.CheckTable(1)
	n := t.Len()
	at := integer(l, 2, n)
	r.step(l, n>>6)
	if n == 0 || at < 1 || at > n {
		l.Push(lua.LNil)
		return 1
	}
	if at < n {
		r.forgetList(t)
	}
	l.Push(t.Remove(at))
	return 1
}

func (r *runner) tabSort(l *lua.LState) int {
	t := l.CheckTable(1)
	var less *lua.LFunction
	if l.Get(2) != lua.LNil {
		less = l.CheckFunction(2)
	}
	n := t.Len()
	r.alloc(l, 16*n)
	items := make([]lua.LValue, n)
	for i := range items {
		items[i] = t.RawGetInt(i + 1)
	}
	sort.Slice(items, func(i, j int) bool {
		r.step(l, 1)
		if less == nil {
			return l.LessThan(items[i], items[j])
		}
		l.Push(less)
		l.Push(items[i])
		l.Push(items[j])
		l.Call(2, 1)
		defer l.Pop(1)
		return lua.LVAsBool(l.Get(-1))
	})
	for i, v := range items {
		t.RawSetInt(i+1, v)
	}
	r.forgetList(t)
	return 0
}

func (r *runner) tabPack(l *lua.LState) int {
	n := l.GetTop()
	r.alloc(l, costTable+costEntry*n)
	t := l.CreateTable(n, 1)
	for i := 1; i <= n; i++ {
		t.RawSetInt(i, l.Get(i))
	}
	t.RawSetString("n", lua.LNumber(n))
	l.Push(t)
	return 1
}

// maxUnpack is about what the stack of a state holds.
const maxUnpack = 100_000

func (r *runner) tabUnpack(l *lua.LState) int {
	t := l.CheckTable(1)
	from, to := integer(l, 2, 1), integer(l, 3, t.Len())
	if to-from >= maxUnpack {
		l.RaiseError("too many results to unpack")
	}
	for i := from; i <= to; i++ {
		l.Push(t.RawGetInt(i))
	}
	return max(to-from+1, 0)
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
	r.alloc(l, cost)
}

func describeKey(k lua.LValue) string {
	if s, ok := k.(lua.LString); ok {
		return `"` + string(s) + `"`
	}
	return k.String()
}
