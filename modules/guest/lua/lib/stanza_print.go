// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// printing is the methods that write a stanza.
func printing() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"__tostring": func(l *lua.LState) int {
			w := writer{}
			if err := w.element(self(l), lua.LNil, 0); err != nil {
				l.RaiseError("%s", err.Error())
			}
			return one(l, lua.LString(w.buf))
		},
		"top_tag":        func(l *lua.LState) int { return topTag(l, &writer{}) },
		"pretty_top_tag": func(l *lua.LState) int { return topTag(l, &writer{pretty: true}) },
		"pretty_print":   prettyPrint,
		"indent":         indent,
	}
}

// writer writes stanza objects as XML.
type writer struct {
	buf    []byte
	pretty bool // in the colours of a terminal
}

// The parts of XML that a terminal shows in colours of their own.
const (
	colourTag   = "\x1b[1;34m"
	colourName  = "\x1b[1;33m"
	colourValue = "\x1b[1;31m"
	colourEnd   = "\x1b[0m"
)

// stanzaError says why a table can not be written as XML.
type stanzaError string

func (e stanzaError) Error() string { return "stanza: " + string(e) }

func (w *writer) paint(colour, s string) {
	if !w.pretty {
		w.buf = append(w.buf, s...)
		return
	}
	w.buf = append(append(append(w.buf, colour...), s...), colourEnd...)
}

// element writes t below the namespace outside.
func (w *writer) element(t *lua.LTable, outside lua.LValue, depth int) error {
	if depth > maxDepth {
		return stanzaError("nested too deep")
	}
	name, err := w.start(t, outside)
	if err != nil {
		return err
	}
	n := t.Len()
	if n == 0 {
		w.paint(colourTag, "/>")
		return nil
	}
	w.paint(colourTag, ">")
	space := attrOf(t, "xmlns")
	for i := range n {
		v := t.RawGetInt(i + 1)
		if child, ok := v.(*lua.LTable); ok {
			if err := w.element(child, space, depth+1); err != nil {
				return err
			}
			continue
		}
		words, ok := stringy(v)
		if !ok {
			return stanzaError("a child that is a " + v.Type().String())
		}
		w.buf = appendXML(w.buf, words)
	}
	w.paint(colourTag, "</"+name+">")
	return nil
}

// start writes the start tag of t up to what ends it.
func (w *writer) start(t *lua.LTable, outside lua.LValue) (name string, err error) {
	name, ok := str(t.RawGetString("name"))
	if !ok {
		return "", stanzaError("an element without a name")
	}
	attrs, ok := t.RawGetString("attr").(*lua.LTable)
	if !ok {
		return "", stanzaError("<" + name + "/> without attributes")
	}
	w.paint(colourTag, "<"+name)
	prefixes := 0
	for k, v := attrs.Next(lua.LNil); k != lua.LNil; k, v = attrs.Next(k) {
		key, isName := str(k)
		value, ok := stringy(v)
		if !isName || !ok {
			return "", stanzaError("attribute " + k.String() + " of <" + name + "/> is a " + v.Type().String())
		}
		if key == "xmlns" && v == outside {
			continue
		}
		if space, local, ok := strings.Cut(key, "\x01"); ok {
			prefixes++
			key = "ns" + strconv.Itoa(prefixes)
			w.attr("xmlns:"+key, space)
			key += ":" + local
		}
		w.attr(key, value)
	}
	return name, nil
}

func (w *writer) attr(name, value string) {
	w.buf = append(w.buf, ' ')
	w.paint(colourName, name)
	w.buf = append(w.buf, '=')
	if w.pretty {
		w.paint(colourValue, "'"+string(appendXML(nil, value))+"'")
		return
	}
	w.buf = append(appendXML(append(w.buf, '\''), value), '\'')
}

// appendXML appends s with references for what XML has other plans for. What
// no XML can have stays: modules see it, the border does not let it through.
func appendXML(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '\'':
			dst = append(dst, "&apos;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func xmlEscape(l *lua.LState) int {
	s := l.CheckString(1)
	if !strings.ContainsAny(s, `&<>'"`) {
		return one(l, lua.LString(s))
	}
	return one(l, lua.LString(appendXML(nil, s)))
}

func topTag(l *lua.LState, w *writer) int {
	if _, err := w.start(self(l), lua.LNil); err != nil {
		l.RaiseError("%s", err.Error())
	}
	w.paint(colourTag, ">")
	return one(l, lua.LString(w.buf))
}

func prettyPrint(l *lua.LState) int {
	w := writer{pretty: true}
	if err := w.element(self(l), lua.LNil, 0); err != nil {
		l.RaiseError("%s", err.Error())
	}
	return one(l, lua.LString(w.buf))
}

// indent returns a copy with each element on a line of its own. Elements that
// have text stay as they are.
func indent(l *lua.LState) int {
	s := StanzasOf(l)
	t, depth := self(l), optInt(l, 2, 1)
	step, ok := optString(l, 3)
	if !ok {
		step = "\t"
	}
	if depth < 0 || depth > maxDepth || len(step) > 64 {
		l.RaiseError("indent: too deep or too wide")
	}
	return one(l, s.indented(l, t, depth, step))
}

func (s *Stanzas) indented(l *lua.LState, t *lua.LTable, depth int, step string) *lua.LTable {
	notTooDeep(l, depth)
	c := s.copy(l, t, true, 0)
	tags := part(l, c, "tags")
	if t.Len() == 0 || isLeafText(t) {
		for _, v := range members(t) {
			appendTo(c, v)
		}
		return c
	}
	for _, v := range members(t) {
		switch v := v.(type) {
		case *lua.LTable:
			appendTo(c, lua.LString("\n"+strings.Repeat(step, depth)))
			child := s.indented(l, v, depth+1, step)
			appendTo(c, child)
			appendTo(tags, child)
		case lua.LString:
			if words := strings.TrimSpace(string(v)); words != "" {
				appendTo(c, lua.LString("\n"+strings.Repeat(step, depth)))
				appendTo(c, lua.LString(words))
			}
		}
	}
	appendTo(c, lua.LString("\n"+strings.Repeat(step, max(depth-1, 0))))
	return c
}

// isLeafText reports whether t has character data and nothing else.
func isLeafText(t *lua.LTable) bool {
	for _, v := range members(t) {
		if _, ok := v.(*lua.LTable); ok {
			return false
		}
	}
	return true
}
