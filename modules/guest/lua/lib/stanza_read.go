// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// reading is the methods that look at a stanza.
func (s *Stanzas) reading() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"get_child":           getChild,
		"get_child_text":      getChildText,
		"get_child_attr":      getChildAttr,
		"get_child_with_attr": getChildWithAttr,
		"get_text":            getText,
		"get_error":           getError,
		"child_with_name":     childWithName,
		"child_with_ns":       childWithNS,
		"children":            children,
		"childtags":           childTags,
		"find":                find,
		"__freeze":            s.preserialize,
	}
}

// findChild returns the first child element of this name and namespace. A
// name of nil is any; a namespace of nil is none or that of t.
func findChild(t *lua.LTable, name, space lua.LValue) *lua.LTable {
	tags, ok := t.RawGetString("tags").(*lua.LTable)
	if !ok {
		return nil
	}
	own := ownSpace(t, space)
	for i := range tags.Len() {
		if child, ok := tags.RawGetInt(i + 1).(*lua.LTable); ok && matches(child, name, space, own) {
			return child
		}
	}
	return nil
}

// ownSpace is the second namespace that children of t may have when space is
// asked for.
func ownSpace(t *lua.LTable, space lua.LValue) lua.LValue {
	if space == lua.LNil {
		return attrOf(t, "xmlns")
	}
	return space
}

func matches(child *lua.LTable, name, space, own lua.LValue) bool {
	if name != lua.LNil && child.RawGetString("name") != name {
		return false
	}
	has := attrOf(child, "xmlns")
	return has == space || has == own
}

func pushChild(l *lua.LState, child *lua.LTable) int {
	if child == nil {
		return one(l, lua.LNil)
	}
	return one(l, child)
}

func getChild(l *lua.LState) int {
	return pushChild(l, findChild(self(l), l.Get(2), l.Get(3)))
}

func getChildText(l *lua.LState) int {
	child := findChild(self(l), l.Get(2), l.Get(3))
	if child == nil {
		return one(l, lua.LNil)
	}
	return one(l, textOf(l, child))
}

func getChildAttr(l *lua.LState) int {
	child := findChild(self(l), l.Get(2), l.Get(3))
	if child == nil {
		return one(l, lua.LNil)
	}
	return one(l, attrOf(child, l.CheckString(4)))
}

func getChildWithAttr(l *lua.LState) int {
	t := self(l)
	name, space := l.Get(2), l.Get(3)
	attr, want, normal := l.CheckString(4), l.Get(5), l.Get(6)
	tags, own := part(l, t, "tags"), ownSpace(t, space)
	for i := range tags.Len() {
		child, ok := tags.RawGetInt(i + 1).(*lua.LTable)
		if !ok || !matches(child, name, space, own) {
			continue
		}
		value := attrOf(child, attr)
		if normal != lua.LNil && value != lua.LNil {
			l.Push(normal)
			l.Push(value)
			l.Call(1, 1)
			value = l.Get(-1)
			l.Pop(1)
		}
		if value == want {
			return one(l, child)
		}
	}
	return one(l, lua.LNil)
}

// textOf returns the character data of t, or nil if it has elements.
func textOf(l *lua.LState, t *lua.LTable) lua.LValue {
	if part(l, t, "tags").Len() > 0 {
		return lua.LNil
	}
	n := t.Len()
	if n == 1 {
		if v, ok := t.RawGetInt(1).(lua.LString); ok {
			return v
		}
	}
	var all strings.Builder
	for i := range n {
		words, _ := stringy(t.RawGetInt(i + 1))
		all.WriteString(words)
	}
	return lua.LString(all.String())
}

func getText(l *lua.LState) int { return one(l, textOf(l, self(l))) }

func childWithName(l *lua.LState) int {
	t, name := self(l), l.Get(2)
	tags := part(l, t, "tags")
	for i := range tags.Len() {
		if child, ok := tags.RawGetInt(i + 1).(*lua.LTable); ok && child.RawGetString("name") == name {
			return one(l, child)
		}
	}
	return one(l, lua.LNil)
}

func childWithNS(l *lua.LState) int {
	t, space := self(l), l.Get(2)
	tags := part(l, t, "tags")
	for i := range tags.Len() {
		if child, ok := tags.RawGetInt(i + 1).(*lua.LTable); ok && attrOf(child, "xmlns") == space {
			return one(l, child)
		}
	}
	return one(l, lua.LNil)
}

// children returns an iterator over elements and character data.
func children(l *lua.LState) int {
	t, i := self(l), 0
	return one(l, l.NewFunction(func(l *lua.LState) int {
		i++
		return one(l, t.RawGetInt(i))
	}))
}

// childTags returns an iterator over the child elements that findChild would
// return.
func childTags(l *lua.LState) int {
	t, name, space := self(l), l.Get(2), l.Get(3)
	tags, own, i := part(l, t, "tags"), ownSpace(t, space), 0
	return one(l, l.NewFunction(func(l *lua.LState) int {
		for {
			i++
			child, ok := tags.RawGetInt(i).(*lua.LTable)
			if !ok {
				return one(l, lua.LNil)
			}
			if matches(child, name, space, own) {
				return one(l, child)
			}
		}
	}))
}

// find follows a path: steps "{xmlns}name" between slashes, and at the end "#"
// for the text or "@attr" for an attribute.
func find(l *lua.LState) int {
	t, path := self(l), l.CheckString(2)
	for at := t; ; {
		if attr, ok := strings.CutPrefix(path, "@"); ok {
			return one(l, attrOf(at, attr))
		}
		space := lua.LNil
		if rest, ok := strings.CutPrefix(path, "{"); ok {
			inner, after, closed := strings.Cut(rest, "}")
			if !closed {
				return one(l, lua.LNil)
			}
			space, path = lua.LString(inner), after
		}
		end := strings.IndexAny(path, "@/#")
		if end < 0 {
			end = len(path)
		}
		name := lua.LNil
		if end > 0 {
			name = lua.LString(path[:end])
		}
		child := findChild(at, name, space)
		if child == nil || end == len(path) {
			return pushChild(l, child)
		}
		switch path[end] {
		case '#':
			if end+1 < len(path) {
				return one(l, lua.LNil)
			}
			return one(l, textOf(l, child))
		case '/':
			if path = path[end+1:]; path == "" {
				return pushChild(l, child)
			}
		default:
			path = path[end:]
		}
		at = child
	}
}

// getError returns type, condition, text and the application's element of a
// stanza of type error.
func getError(l *lua.LState) int {
	fail := findChild(self(l), lua.LString("error"), lua.LNil)
	if fail == nil {
		l.Push(lua.LNil)
		l.Push(lua.LNil)
		l.Push(lua.LNil)
		l.Push(lua.LNil)
		return 4
	}
	condition, words, extra := lua.LNil, lua.LNil, lua.LNil
	tags := part(l, fail, "tags")
	for i := range tags.Len() {
		child, ok := tags.RawGetInt(i + 1).(*lua.LTable)
		if !ok {
			continue
		}
		switch name := child.RawGetString("name"); {
		case attrOf(child, "xmlns") != lua.LString(nsStanzas):
			if extra == lua.LNil {
				extra = child
			}
		case name == lua.LString("text"):
			if words == lua.LNil {
				words = textOf(l, child)
			}
		case condition == lua.LNil:
			condition = name
		}
	}
	if condition == lua.LNil {
		condition = lua.LString("undefined-condition")
	}
	l.Push(attrOf(fail, "type"))
	l.Push(condition)
	l.Push(words)
	l.Push(extra)
	return 4
}
