// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// MaxUnpack is how many values of a table may be unpacked; it is about what the
// stack of a state holds.
const MaxUnpack = 100_000

const (
	costTable = 400
	costEntry = 100
)

// Table is the table library with a bound on what it makes, with nil for
// arguments that may be left out, and with what 5.2 and 5.3 added.
func (b *Library) Table() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"concat":   b.tabConcat,
		"foreach":  b.tabForEach,
		"foreachi": b.tabForEachI,
		"insert":   b.TableInsert,
		"maxn":     b.tabMaxN,
		"move":     b.tabMove,
		"pack":     b.tabPack,
		"remove":   b.TableRemove,
		"sort":     b.TableSort,
		"unpack":   b.tabUnpack,
	}
}

func (b *Library) tabConcat(l *lua.LState) int {
	t, sep := l.CheckTable(1), OptArg(l, 2, "")
	from, to := Integer(l, 3, 1), Integer(l, 4, t.Len())
	var parts []string
	total := 0
	for i := from; i <= to; i++ {
		b.meter.Step(l, 1)
		v := t.RawGetInt(i)
		if !IsText(v) {
			l.RaiseError("invalid value (a %s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		parts = append(parts, ToText(v))
		total += len(parts[len(parts)-1]) + len(sep)
		b.meter.Alloc(l, 64)
	}
	b.meter.Alloc(l, total)
	l.Push(lua.LString(strings.Join(parts, sep)))
	return 1
}

// TableInsert is table.insert. As in Lua, a nil that is appended changes nothing.
func (b *Library) TableInsert(l *lua.LState) int {
	t := l.CheckTable(1)
	n := t.Len()
	at := n + 1
	var v lua.LValue
	switch l.GetTop() {
	case 2:
		v = l.Get(2)
	case 3:
		at, v = Integer(l, 2, 0), l.Get(3)
	default:
		l.RaiseError("wrong number of arguments to 'insert'")
	}
	switch {
	case v == lua.LNil && at > n:
	case at > n || at < 1:
		b.setIndex(l, t, at, v)
	default:
		b.meter.Step(l, n>>6)
		b.meter.Alloc(l, costEntry)
		t.Insert(at, v)
	}
	return 0
}

// TableRemove is table.remove.
func (b *Library) TableRemove(l *lua.LState) int {
	t := l.CheckTable(1)
	n := t.Len()
	at := Integer(l, 2, n)
	b.meter.Step(l, n>>6)
	if n == 0 || at < 1 || at > n {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(t.Remove(at))
	return 1
}

// TableSort is table.sort.
func (b *Library) TableSort(l *lua.LState) int {
	t := l.CheckTable(1)
	var less *lua.LFunction
	if l.Get(2) != lua.LNil {
		less = l.CheckFunction(2)
	}
	n := t.Len()
	b.meter.Alloc(l, 16*n)
	items := make([]lua.LValue, n)
	for i := range items {
		items[i] = t.RawGetInt(i + 1)
	}
	sort.Slice(items, func(i, j int) bool {
		b.meter.Step(l, 1)
		if less == nil {
			return l.LessThan(items[i], items[j])
		}
		l.Push(less)
		l.Push(items[i])
		l.Push(items[j])
		l.Call(2, 1)
		answer := lua.LVAsBool(l.Get(-1))
		l.Pop(1)
		return answer
	})
	for i, v := range items {
		t.RawSetInt(i+1, v)
	}
	return 0
}

func (b *Library) tabPack(l *lua.LState) int {
	n := l.GetTop()
	b.meter.Alloc(l, costTable+costEntry*n)
	t := l.CreateTable(n, 1)
	for i := 1; i <= n; i++ {
		t.RawSetInt(i, l.Get(i))
	}
	t.RawSetString("n", lua.LNumber(n))
	l.Push(t)
	return 1
}

func (b *Library) tabUnpack(l *lua.LState) int {
	t := l.CheckTable(1)
	from, to := Integer(l, 2, 1), Integer(l, 3, t.Len())
	if to-from >= MaxUnpack {
		l.RaiseError("too many results to unpack")
	}
	for i := from; i <= to; i++ {
		l.Push(t.RawGetInt(i))
	}
	return max(to-from+1, 0)
}

// setIndex is t[i] = v. gopher-lua fills the gap below an index with nils.
func (b *Library) setIndex(l *lua.LState, t *lua.LTable, i int, v lua.LValue) {
	cost := costEntry
	if i > 1<<10 && i < maxIndex && t.RawGetInt(i-1) == lua.LNil {
		cost += 32 * max(i-t.MaxN(), 0)
	}
	b.meter.Alloc(l, cost)
	t.RawSet(lua.LNumber(i), v)
}

func (b *Library) tabMaxN(l *lua.LState) int {
	t, most := l.CheckTable(1), lua.LNumber(0)
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		b.meter.Step(l, 1)
		if n, ok := k.(lua.LNumber); ok && n > most {
			most = n
		}
	}
	l.Push(most)
	return 1
}

// tabMove is table.move of 5.3, without metamethods.
func (b *Library) tabMove(l *lua.LState) int {
	from := l.CheckTable(1)
	first, last, at := Integer(l, 2, 1), Integer(l, 3, 0), Integer(l, 4, 1)
	to := from
	if l.Get(5) != lua.LNil {
		to = l.CheckTable(5)
	}
	put := func(i int) {
		b.meter.Step(l, 1)
		b.setIndex(l, to, at+i, from.RawGet(lua.LNumber(first+i)))
	}
	if at > first && at <= last && to == from {
		for i := last - first; i >= 0; i-- {
			put(i)
		}
	} else {
		for i := 0; i <= last-first; i++ {
			put(i)
		}
	}
	l.Push(to)
	return 1
}

func (b *Library) tabForEach(l *lua.LState) int {
	t, fn := l.CheckTable(1), l.CheckFunction(2)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if b.visit(l, fn, k, v) {
			return 1
		}
	}
	return 0
}

func (b *Library) tabForEachI(l *lua.LState) int {
	t, fn := l.CheckTable(1), l.CheckFunction(2)
	for i := 1; i <= t.Len(); i++ {
		if b.visit(l, fn, lua.LNumber(i), t.RawGetInt(i)) {
			return 1
		}
	}
	return 0
}

// visit calls fn; if that returns a value, it is left on the stack.
func (b *Library) visit(l *lua.LState, fn *lua.LFunction, k, v lua.LValue) bool {
	b.meter.Step(l, 1)
	l.Push(fn)
	l.Push(k)
	l.Push(v)
	l.Call(2, 1)
	if l.Get(-1) != lua.LNil {
		return true
	}
	l.Pop(1)
	return false
}
