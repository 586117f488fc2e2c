// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// reply makes the answer to a stanza: addresses changed about, the same id.
func (s *Stanzas) reply(l *lua.LState) int {
	return one(l, s.answer(l, s.check(l, 1)))
}

func (s *Stanzas) answer(l *lua.LState, to *lua.LTable) *lua.LTable {
	from := part(l, to, "attr")
	attr := l.CreateTable(0, 4)
	set := func(name string, v lua.LValue) {
		if v != lua.LNil {
			attr.RawSetString(name, v)
		}
	}
	set("to", from.RawGetString("from"))
	set("from", from.RawGetString("to"))
	set("id", from.RawGetString("id"))
	name := to.RawGetString("name")
	if name == lua.LString("iq") {
		set("type", lua.LString("result"))
	} else {
		set("type", from.RawGetString("type"))
	}
	return s.make(l, name, attr)
}

// errorReply makes the answer that says an error, given as type, condition,
// text and who says so, or as an object of util.error.
func (s *Stanzas) errorReply(l *lua.LState) int {
	to := s.check(l, 1)
	if attrOf(to, "type") == lua.LString("error") {
		l.RaiseError("bad argument to error_reply: a stanza of type error must not be answered")
	}
	t := s.answer(l, to)
	attr := part(l, t, "attr")
	attr.RawSetString("type", lua.LString("error"))
	s.fail(l, t, faultFrom(l, 2), attr.RawGetString("from"))
	return one(l, t)
}

// addError adds an error to a stanza, with the arguments of errorReply.
func (s *Stanzas) addError(l *lua.LState) int {
	t := self(l)
	s.fail(l, t, faultFrom(l, 2), attrOf(t, "from"))
	return one(l, t)
}

// fault is an error to be said in a stanza.
type fault struct {
	class, condition, words, by lua.LValue
	extra                       *lua.LTable
}

// faultFrom reads the arguments from n on.
func faultFrom(l *lua.LState, n int) fault {
	f := fault{class: l.Get(n), condition: l.Get(n + 1), words: l.Get(n + 2), by: l.Get(n + 3)}
	object, ok := f.class.(*lua.LTable)
	if !ok {
		return f
	}
	f.extra, _ = object.RawGetString("extra").(*lua.LTable)
	if context, ok := object.RawGetString("context").(*lua.LTable); ok {
		if by := context.RawGetString("by"); by != lua.LNil {
			f.by = by
		}
	}
	f.class, f.condition, f.words = object.RawGetString("type"), object.RawGetString("condition"), object.RawGetString("text")
	return f
}

// fail adds <error/> and leaves the cursor in it.
func (s *Stanzas) fail(l *lua.LState, t *lua.LTable, f fault, from lua.LValue) {
	attr := l.CreateTable(0, fields)
	attr.RawSetString("type", f.class)
	if f.by != lua.LNil && f.by != from {
		attr.RawSetString("by", f.by)
	}
	e := s.checked(l, lua.LString("error"), attr, lua.LNil)
	inStanzas := func(name lua.LValue) *lua.LTable {
		a := l.CreateTable(0, fields)
		a.RawSetString("xmlns", lua.LString(nsStanzas))
		child := s.checked(l, name, a, lua.LNil)
		addDirect(l, e, child)
		return child
	}
	condition := inStanzas(f.condition)
	if f.extra != nil && f.condition == lua.LString("gone") {
		if uri := f.extra.RawGetString("uri"); uri.Type() == lua.LTString {
			addText(l, condition, uri)
		}
	}
	if f.words != lua.LNil {
		addText(l, inStanzas(lua.LString("text")), f.words)
	}
	if f.extra != nil {
		s.failMore(l, e, f.extra)
	}
	addDirect(l, cursor(t), e)
	descend(l, t, e)
}

// failMore adds the application's own condition.
func (s *Stanzas) failMore(l *lua.LState, e, extra *lua.LTable) {
	if tag, ok := extra.RawGetString("tag").(*lua.LTable); ok && tag.Metatable == s.meta {
		addDirect(l, e, tag)
		return
	}
	space, condition := extra.RawGetString("namespace"), extra.RawGetString("condition")
	if space == lua.LNil || condition == lua.LNil {
		return
	}
	attr := l.CreateTable(0, fields)
	attr.RawSetString("xmlns", space)
	addDirect(l, e, s.checked(l, condition, attr, lua.LNil))
}

// clone copies a stanza, or with a second argument of true its top alone.
func (s *Stanzas) clone(l *lua.LState) int {
	return one(l, s.copy(l, s.check(l, 1), checkFlag(l, 2), 0))
}

func (s *Stanzas) copy(l *lua.LState, t *lua.LTable, onlyTop bool, depth int) *lua.LTable {
	notTooDeep(l, depth)
	attrs := part(l, t, "attr")
	attr := l.CreateTable(0, fields)
	copyFields(attr, attrs)
	c := s.make(l, t.RawGetString("name"), attr)
	if spaces, ok := t.RawGetString("namespaces").(*lua.LTable); ok {
		n := l.CreateTable(0, fields)
		copyFields(n, spaces)
		c.RawSetString("namespaces", n)
	}
	if onlyTop {
		return c
	}
	tags := part(l, c, "tags")
	for i := range t.Len() {
		v := t.RawGetInt(i + 1)
		if child, ok := v.(*lua.LTable); ok {
			v = s.copy(l, child, false, depth+1)
			appendTo(tags, v)
		}
		appendTo(c, v)
	}
	return c
}

func copyFields(dst, src *lua.LTable) {
	for k, v := src.Next(lua.LNil); k != lua.LNil; k, v = src.Next(k) {
		dst.RawSet(k, v)
	}
}

// preserialize makes a plain table {name=, attr=, children...} of a stanza.
func (s *Stanzas) preserialize(l *lua.LState) int {
	return one(l, s.plain(l, l.CheckTable(1), 0))
}

func (s *Stanzas) plain(l *lua.LState, t *lua.LTable, depth int) *lua.LTable {
	notTooDeep(l, depth)
	p := l.CreateTable(0, fields)
	p.RawSetString("name", t.RawGetString("name"))
	if attrs, ok := t.RawGetString("attr").(*lua.LTable); ok {
		attr := l.CreateTable(0, fields)
		copyFields(attr, attrs)
		p.RawSetString("attr", attr)
	}
	for i := range t.Len() {
		v := t.RawGetInt(i + 1)
		if child, ok := v.(*lua.LTable); ok {
			v = s.plain(l, child, depth+1)
		}
		appendTo(p, v)
	}
	return p
}

// deserialize undoes preserialize. Attributes that were stored with "|" behind
// their namespace, as old stores have them, are read too.
func (s *Stanzas) deserialize(l *lua.LState) int {
	t, ok := l.Get(1).(*lua.LTable)
	if !ok {
		if l.Get(1) != lua.LNil {
			l.ArgError(1, "table expected, got "+l.Get(1).Type().String())
		}
		return one(l, lua.LNil)
	}
	return one(l, s.restore(l, t, 0))
}

// maxDepth is how deep elements may be nested; a table can hold itself.
const maxDepth = 512

func notTooDeep(l *lua.LState, depth int) {
	if depth > maxDepth {
		l.RaiseError("a stanza nested too deep")
	}
}

func (s *Stanzas) restore(l *lua.LState, p *lua.LTable, depth int) *lua.LTable {
	notTooDeep(l, depth)
	attr := l.CreateTable(0, fields)
	if attrs, ok := p.RawGetString("attr").(*lua.LTable); ok {
		for k, v := attrs.Next(lua.LNil); k != lua.LNil; k, v = attrs.Next(k) {
			if name, ok := str(k); ok {
				if space, local, ok := strings.Cut(name, "|"); ok {
					k = lua.LString(space + "\x01" + local)
				}
			}
			attr.RawSet(k, v)
		}
	}
	t := s.checked(l, p.RawGetString("name"), attr, lua.LNil)
	for i := range p.Len() {
		switch v := p.RawGetInt(i + 1).(type) {
		case *lua.LTable:
			addDirect(l, t, s.restore(l, v, depth+1))
		default:
			appendTo(t, v)
		}
	}
	return t
}
