// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// xmlLibraries is the libraries that read XML.
func xmlLibraries() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"util.xml": library(map[string]lua.LGFunction{"parse": xmlParse}),
		"lxp":      openExpat,
		"lxp.lom": library(map[string]lua.LGFunction{
			"parse": lomParse, "find_elem": lomFind, "list_children": lomList,
		}),
	}
}

// xmlParse reads a document into a stanza object, or returns nil and why it
// can not. Comments and processing instructions are refused unless options
// allow them, document types always.
func xmlParse(l *lua.LState) int {
	s := StanzasOf(l)
	doc := l.CheckString(1)
	options, ok := l.Get(2).(*lua.LTable)
	if !ok {
		options = l.NewTable()
	}
	b := xmlBuilder{s: s, l: l}
	b.x = newSAX(saxEvents{
		start: b.start, text: b.text, end: func(string) { b.open = b.open[:len(b.open)-1] },
		startDoctype: func(string, bool) { b.x.stopped = true },
		startSpace: func(prefix, uri string) {
			if prefix != "" {
				b.spaces = append(b.spaces, saxAttr{prefix, uri})
			}
		},
	}, "\x01", true)
	if !lua.LVAsBool(options.RawGetString("allow_comments")) {
		b.x.on.comment = func(string) { b.x.stopped = true }
	}
	if !lua.LVAsBool(options.RawGetString("allow_processing_instructions")) {
		b.x.on.instruction = func(string, string) { b.x.stopped = true }
	}
	if err := b.x.feed(doc, true); err != nil {
		return failed(l, fmt.Sprintf("%s (line %d, col %d)", err, b.x.line, b.x.col))
	}
	return one(l, b.root)
}

// xmlBuilder makes stanza objects of what a parser says.
type xmlBuilder struct {
	s      *Stanzas
	l      *lua.LState
	x      *sax
	root   *lua.LTable
	open   []*lua.LTable
	spaces []saxAttr // that the next element declares
}

func (b *xmlBuilder) start(name string, attrs []saxAttr) {
	attr := b.l.CreateTable(0, len(attrs))
	space, local, ok := strings.Cut(name, "\x01")
	if !ok {
		local = name
	} else {
		attr.RawSetString("xmlns", lua.LString(space))
	}
	for _, a := range attrs {
		key := a.name
		if rest, ok := strings.CutPrefix(key, nsXML+"\x01"); ok {
			key = "xml:" + rest
		}
		attr.RawSetString(key, lua.LString(a.value))
	}
	t := b.s.make(b.l, lua.LString(local), attr)
	if len(b.spaces) > 0 {
		spaces := b.l.CreateTable(0, len(b.spaces))
		for _, d := range b.spaces {
			spaces.RawSetString(d.name, lua.LString(d.value))
		}
		t.RawSetString("namespaces", spaces)
		b.spaces = b.spaces[:0]
	}
	if len(b.open) == 0 {
		b.root = t
	} else {
		addDirect(b.l, b.open[len(b.open)-1], t)
	}
	b.open = append(b.open, t)
}

func (b *xmlBuilder) text(s string) {
	appendTo(b.open[len(b.open)-1], lua.LString(s))
}

// openExpat is lxp.
func openExpat(l *lua.LState) int {
	meta := l.NewTable()
	methods := map[string]lua.LGFunction{
		"parse":               expatParse,
		"close":               expatClose,
		"stop":                func(l *lua.LState) int { checkExpat(l).x.stopped = true; return one(l, lua.LTrue) },
		"getcallbacks":        func(l *lua.LState) int { return one(l, checkExpat(l).callbacks) },
		"getcurrentbytecount": func(l *lua.LState) int { return one(l, lua.LNumber(len(checkExpat(l).x.buf))) },
		"pos":                 expatPosition,
		"setencoding":         func(l *lua.LState) int { return one(l, lua.LBool(strings.EqualFold(l.CheckString(2), "utf-8"))) },
		"setbase":             func(l *lua.LState) int { return one(l, lua.LTrue) },
		"getbase":             func(l *lua.LState) int { return one(l, lua.LNil) },
	}
	for name := range map[string]bool{"setblamaxamplification": true, "setblathreshold": true} {
		methods[name] = func(l *lua.LState) int { return one(l, lua.LTrue) } // no entities, nothing to amplify
	}
	meta.RawSetString("__index", tableOf(l, methods))
	meta.RawSetString("__name", lua.LString("Expat"))
	t := tableOf(l, map[string]lua.LGFunction{
		"new": func(l *lua.LState) int {
			callbacks := l.CheckTable(1)
			sep, spaces := optString(l, 2)
			p := &expat{callbacks: callbacks}
			u := l.NewUserData()
			u.Value, u.Metatable = p, meta
			p.x = newSAX(saxEvents{}, sep, spaces)
			p.connect(l, u)
			return one(l, u)
		},
	})
	t.RawSetString("_VERSION", lua.LString("tercet"))
	t.RawSetString("_EXPAT_VERSION", lua.LString("none"))
	return one(l, t)
}

// expat is a parser whose callbacks are functions in Lua.
type expat struct {
	x         *sax
	callbacks *lua.LTable
	closed    bool
	running   *lua.LState // who is parsing
}

func checkExpat(l *lua.LState) *expat {
	if p, ok := l.CheckUserData(1).Value.(*expat); ok {
		return p
	}
	l.ArgError(1, "parser expected")
	return nil
}

// connect sets those callbacks of the parser that the table has.
func (p *expat) connect(l *lua.LState, self *lua.LUserData) {
	on := &p.x.on
	has := func(name string) bool { return p.callbacks.RawGetString(name) != lua.LNil }
	call := func(name string, args ...lua.LValue) {
		fn, ok := p.callbacks.RawGetString(name).(*lua.LFunction)
		if !ok || p.x.stopped {
			return
		}
		run := p.running
		run.Push(fn)
		run.Push(self)
		for _, a := range args {
			run.Push(a)
		}
		run.Call(len(args)+1, 0)
	}
	on.start = func(name string, attrs []saxAttr) {
		t := l.CreateTable(len(attrs), len(attrs))
		for i, a := range attrs {
			t.RawSetInt(i+1, lua.LString(a.name))
			t.RawSetString(a.name, lua.LString(a.value))
		}
		call("StartElement", lua.LString(name), t)
	}
	on.end = func(name string) { call("EndElement", lua.LString(name)) }
	on.text = func(s string) { call("CharacterData", lua.LString(s)) }
	on.comment = func(s string) { call("Comment", lua.LString(s)) }
	on.instruction = func(target, data string) {
		call("ProcessingInstruction", lua.LString(target), lua.LString(data))
	}
	on.startDoctype = func(name string, internal bool) {
		call("StartDoctypeDecl", lua.LString(name), lua.LNil, lua.LNil, lua.LBool(internal))
	}
	on.endDoctype = func() { call("EndDoctypeDecl") }
	if has("StartCdataSection") {
		on.startCDATA = func() { call("StartCdataSection") }
	}
	if has("EndCdataSection") {
		on.endCDATA = func() { call("EndCdataSection") }
	}
	on.startSpace = func(prefix, uri string) { call("StartNamespaceDecl", orNil(prefix), orNil(uri)) }
	on.endSpace = func(prefix string) { call("EndNamespaceDecl", orNil(prefix)) }
	on.declaration = func(version, encoding, standalone string) {
		call("XmlDecl", lua.LString(version), orNil(encoding), lua.LBool(standalone == "yes"))
	}
}

func expatParse(l *lua.LState) int {
	p := checkExpat(l)
	if p.closed {
		l.ArgError(1, "parser is closed")
	}
	data, more := optString(l, 2)
	before := p.running
	p.running = l
	defer func() { p.running = before }()
	if before != nil {
		l.RaiseError("a callback of a parser must not feed it")
	}
	if err := p.x.feed(data, !more); err != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString(err.Error()))
		return 2 + pushPosition(l, p)
	}
	return one(l, l.Get(1))
}

func expatClose(l *lua.LState) int {
	p := checkExpat(l)
	if p.closed {
		return one(l, l.Get(1))
	}
	p.closed = true
	if p.x.err == nil && p.running == nil {
		p.running = l
		err := p.x.feed("", true)
		p.running = nil
		if err != nil {
			l.RaiseError("error closing parser: %s", err.Error())
		}
	}
	return one(l, l.Get(1))
}

func pushPosition(l *lua.LState, p *expat) int {
	l.Push(lua.LNumber(p.x.line))
	l.Push(lua.LNumber(p.x.col))
	l.Push(lua.LNumber(p.x.pos))
	return 3
}

func expatPosition(l *lua.LState) int { return pushPosition(l, checkExpat(l)) }
