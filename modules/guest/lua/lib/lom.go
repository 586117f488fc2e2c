// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// lomParse is lxp.lom.parse: a document as tables {tag=, attr=, children...}.
func lomParse(l *lua.LState) int {
	var root *lua.LTable
	var open []*lua.LTable
	x := newSAX(saxEvents{
		start: func(name string, attrs []saxAttr) {
			attr := l.CreateTable(len(attrs), len(attrs))
			for i, a := range attrs {
				attr.RawSetInt(i+1, lua.LString(a.name))
				attr.RawSetString(a.name, lua.LString(a.value))
			}
			t := l.CreateTable(0, 2)
			t.RawSetString("tag", lua.LString(name))
			t.RawSetString("attr", attr)
			if len(open) == 0 {
				root = t
			} else {
				appendTo(open[len(open)-1], t)
			}
			open = append(open, t)
		},
		end:  func(string) { open = open[:len(open)-1] },
		text: func(s string) { appendTo(open[len(open)-1], lua.LString(s)) },
	}, "", false)
	if err := x.feed(lomDocument(l), true); err != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString(err.Error()))
		l.Push(lua.LNumber(x.line))
		l.Push(lua.LNumber(x.col))
		l.Push(lua.LNumber(x.pos))
		return 5
	}
	return one(l, root)
}

// lomDocument reads argument 1: a string, a list of strings, or a function that
// gives one after the other.
func lomDocument(l *lua.LState) string {
	var doc strings.Builder
	switch v := l.Get(1).(type) {
	case *lua.LTable:
		for i := range v.Len() {
			s, _ := stringy(v.RawGetInt(i + 1))
			doc.WriteString(s)
		}
	case *lua.LFunction:
		for doc.Len() <= maxToken {
			l.Push(v)
			l.Call(0, 1)
			s, more := stringy(l.Get(-1))
			l.Pop(1)
			if !more {
				break
			}
			doc.WriteString(s)
		}
	default:
		return l.CheckString(1)
	}
	return doc.String()
}

// lomFind returns the first element of this tag in a tree, itself included.
func lomFind(l *lua.LState) int {
	found := lomSearch(l.CheckTable(1), l.Get(2), 0)
	if found == nil {
		return one(l, lua.LNil)
	}
	return one(l, found)
}

func lomSearch(t *lua.LTable, tag lua.LValue, depth int) *lua.LTable {
	if t.RawGetString("tag") == tag {
		return t
	}
	for i := 0; i < t.Len() && depth < maxDepth; i++ {
		if child, ok := t.RawGetInt(i + 1).(*lua.LTable); ok {
			if found := lomSearch(child, tag, depth+1); found != nil {
				return found
			}
		}
	}
	return nil
}

// lomList returns an iterator over the child elements, of one tag if it is
// named.
func lomList(l *lua.LState) int {
	t, tag, i := l.CheckTable(1), l.Get(2), 0
	return one(l, l.NewFunction(func(l *lua.LState) int {
		for i < t.Len() {
			i++
			if child, ok := t.RawGetInt(i).(*lua.LTable); ok && (tag == lua.LNil || child.RawGetString("tag") == tag) {
				return one(l, child)
			}
		}
		return one(l, lua.LNil)
	}))
}
