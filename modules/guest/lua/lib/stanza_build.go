// SPDX-License-Identifier: Apache-2.0

package lib

import (
	lua "github.com/yuin/gopher-lua"
)

// building is the methods that change a stanza.
func (s *Stanzas) building() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"tag":              s.tag,
		"up":               up,
		"reset":            reset,
		"at_top":           atTop,
		"text":             text,
		"text_tag":         s.textTag,
		"query":            s.query,
		"body":             s.body,
		"add_child":        s.addChild,
		"add_direct_child": s.addDirectChild,
		"add_error":        s.addError,
		"maptags":          s.mapTags,
		"remove_children":  removeChildren,
	}
}

// cursor returns the element that builders add to.
func cursor(t *lua.LTable) *lua.LTable {
	if opened, ok := t.RawGetString("last_add").(*lua.LTable); ok {
		if n := opened.Len(); n > 0 {
			if at, ok := opened.RawGetInt(n).(*lua.LTable); ok {
				return at
			}
		}
	}
	return t
}

// descend makes child the cursor of t.
func descend(l *lua.LState, t, child *lua.LTable) {
	opened, ok := t.RawGetString("last_add").(*lua.LTable)
	if !ok {
		opened = l.CreateTable(2, 0)
		t.RawSetString("last_add", opened)
	}
	opened.Append(child)
}

// ascend takes the cursor one element up, as far as that goes.
func ascend(t *lua.LTable) {
	if opened, ok := t.RawGetString("last_add").(*lua.LTable); ok {
		if n := opened.Len(); n > 0 {
			opened.Remove(n)
		}
	}
}

// addDirect appends an element to t.
func addDirect(l *lua.LState, t, child *lua.LTable) {
	appendTo(part(l, t, "tags"), child)
	appendTo(t, child)
}

// appendTo appends v to t's array.
func appendTo(t *lua.LTable, v lua.LValue) { t.Append(v) }

// addText appends character data to t.
func addText(l *lua.LState, t *lua.LTable, v lua.LValue) {
	words, ok := str(v)
	if !ok {
		l.RaiseError("invalid text value: expected string, got %s", v.Type())
	}
	if !isText(words) {
		l.RaiseError("invalid text value: forbidden characters")
	}
	if words != "" {
		appendTo(t, v)
	}
}

func (s *Stanzas) tag(l *lua.LState) int {
	t := self(l)
	child := s.checked(l, l.Get(2), l.Get(3), l.Get(4))
	addDirect(l, cursor(t), child)
	descend(l, t, child)
	return one(l, t)
}

func up(l *lua.LState) int {
	t := self(l)
	ascend(t)
	return one(l, t)
}

func reset(l *lua.LState) int {
	t := self(l)
	t.RawSetString("last_add", lua.LNil)
	return one(l, t)
}

func atTop(l *lua.LState) int {
	opened, ok := self(l).RawGetString("last_add").(*lua.LTable)
	return one(l, lua.LBool(!ok || opened.Len() == 0))
}

func text(l *lua.LState) int {
	t := self(l)
	if v := l.Get(2); v != lua.LNil {
		addText(l, cursor(t), v)
	}
	return one(l, t)
}

func (s *Stanzas) textTag(l *lua.LState) int {
	t := self(l)
	child := s.checked(l, l.Get(2), l.Get(4), l.Get(5))
	if v := l.Get(3); v != lua.LNil {
		addText(l, child, v)
	}
	addDirect(l, cursor(t), child)
	return one(l, t)
}

func (s *Stanzas) query(l *lua.LState) int {
	t := self(l)
	attr := l.CreateTable(0, fields)
	attr.RawSetString("xmlns", l.Get(2))
	child := s.checked(l, lua.LString("query"), attr, lua.LNil)
	addDirect(l, cursor(t), child)
	descend(l, t, child)
	return one(l, t)
}

func (s *Stanzas) body(l *lua.LState) int {
	t := self(l)
	child := s.checked(l, lua.LString("body"), l.Get(3), lua.LNil)
	if v := l.Get(2); v != lua.LNil {
		addText(l, child, v)
	}
	addDirect(l, cursor(t), child)
	return one(l, t)
}

func (s *Stanzas) addChild(l *lua.LState) int {
	t := self(l)
	s.adopt(l, cursor(t), l.Get(2))
	return one(l, t)
}

func (s *Stanzas) addDirectChild(l *lua.LState) int {
	t := self(l)
	s.adopt(l, t, l.Get(2))
	return 0
}

// adopt appends an element or character data.
func (s *Stanzas) adopt(l *lua.LState, t *lua.LTable, child lua.LValue) {
	switch c := child.(type) {
	case *lua.LTable:
		if c.Metatable != s.meta {
			l.RaiseError("a child must be a stanza or a string, got a table that is no stanza")
		}
		addDirect(l, t, c)
	default:
		addText(l, t, child)
	}
}

// mapTags replaces each child element by what a function makes of it; nil
// takes it away.
func (s *Stanzas) mapTags(l *lua.LState) int {
	t, fn := self(l), l.CheckFunction(2)
	var kept []lua.LValue
	for _, c := range members(t) {
		child, ok := c.(*lua.LTable)
		if !ok {
			kept = append(kept, c)
			continue
		}
		l.Push(fn)
		l.Push(child)
		l.Call(1, 1)
		got := l.Get(-1)
		l.Pop(1)
		if got != lua.LNil {
			kept = append(kept, got)
		}
	}
	refill(t, part(l, t, "tags"), kept)
	return one(l, t)
}

// members returns the children of t, elements and character data.
func members(t *lua.LTable) []lua.LValue {
	n := t.Len()
	all := make([]lua.LValue, 0, n)
	for i := range n {
		all = append(all, t.RawGetInt(i+1))
	}
	return all
}

// refill makes these the children of t. What stays is written over and what is
// too much taken away, so that the tables stay the same.
func refill(t, tags *lua.LTable, children []lua.LValue) {
	elements := 0
	for i, c := range children {
		t.RawSetInt(i+1, c)
		if _, ok := c.(*lua.LTable); ok {
			elements++
			tags.RawSetInt(elements, c)
		}
	}
	truncate(t, len(children))
	truncate(tags, elements)
}

func truncate(t *lua.LTable, n int) {
	for i := t.Len(); i > n; i-- {
		t.Remove(i)
	}
}

func removeChildren(l *lua.LState) int {
	t := self(l)
	name, space := l.Get(2), l.Get(3)
	if space == lua.LNil {
		space = attrOf(t, "xmlns")
	}
	var kept []lua.LValue
	for _, c := range members(t) {
		child, ok := c.(*lua.LTable)
		if ok && (name == lua.LNil || child.RawGetString("name") == name) && attrOf(child, "xmlns") == space {
			continue
		}
		kept = append(kept, c)
	}
	refill(t, part(l, t, "tags"), kept)
	return one(l, t)
}
