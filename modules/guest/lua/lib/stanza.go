// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"maps"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// nsStanzas is the namespace of stanza errors (RFC 6120 8.3).
const nsStanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"

// Stanzas makes the stanza objects of one universe: plain tables with name,
// attr, tags, the children as array part, and one metatable for all.
type Stanzas struct {
	meta *lua.LTable
}

// keyStanzas is where the registry of a universe keeps its Stanzas.
const keyStanzas = "tercet.stanzas"

// StanzasOf returns the Stanzas of the universe that l belongs to. They are
// made at the first call.
func StanzasOf(l *lua.LState) *Stanzas {
	registry, _ := l.Get(lua.RegistryIndex).(*lua.LTable)
	if held, ok := registry.RawGetString(keyStanzas).(*lua.LUserData); ok {
		if s, ok := held.Value.(*Stanzas); ok {
			return s
		}
	}
	s := &Stanzas{}
	methods := map[string]lua.LGFunction{}
	maps.Copy(methods, s.building())
	maps.Copy(methods, s.reading())
	maps.Copy(methods, printing())
	s.meta = tableOf(l, methods)
	s.meta.RawSetString("__index", s.meta)
	s.meta.RawSetString("__name", lua.LString("stanza"))
	held := l.NewUserData()
	held.Value = s
	registry.RawSetString(keyStanzas, held)
	return s
}

func stanzaLibraries() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{"util.stanza": openStanza}
}

func openStanza(l *lua.LState) int {
	s := StanzasOf(l)
	t := tableOf(l, map[string]lua.LGFunction{
		"stanza":       s.newStanza,
		"message":      s.newMessage,
		"iq":           s.newIQ,
		"presence":     s.newPresence,
		"reply":        s.reply,
		"error_reply":  s.errorReply,
		"clone":        s.clone,
		"is_stanza":    s.isStanza,
		"preserialize": s.preserialize,
		"deserialize":  s.deserialize,
		"xml_escape":   xmlEscape,
		"pretty_print": func(l *lua.LState) int { return prettyPrint(l) },
	})
	t.RawSetString("stanza_mt", s.meta)
	return one(l, t)
}

// isStanza reports whether argument 1 is a stanza object.
func (s *Stanzas) isStanza(l *lua.LState) int {
	t, ok := l.Get(1).(*lua.LTable)
	return one(l, lua.LBool(ok && t.Metatable == s.meta))
}

// Is reports whether v is a stanza object.
func (s *Stanzas) Is(v lua.LValue) bool {
	t, ok := v.(*lua.LTable)
	return ok && t.Metatable == s.meta
}

// check returns argument n, which must be a stanza object.
func (s *Stanzas) check(l *lua.LState, n int) *lua.LTable {
	t, ok := l.Get(n).(*lua.LTable)
	if !ok || t.Metatable != s.meta {
		l.ArgError(n, "stanza expected, got "+l.Get(n).Type().String())
	}
	return t
}

// self returns argument 1, which must look like a stanza object.
func self(l *lua.LState) *lua.LTable { return l.CheckTable(1) }

// part returns the table that a stanza has under this name.
func part(l *lua.LState, t *lua.LTable, name string) *lua.LTable {
	p, ok := t.RawGetString(name).(*lua.LTable)
	if !ok {
		l.RaiseError("a stanza without %s", name)
	}
	return p
}

// attrOf returns an attribute of a stanza, or nil.
func attrOf(t *lua.LTable, name string) lua.LValue {
	if attr, ok := t.RawGetString("attr").(*lua.LTable); ok {
		return attr.RawGetString(name)
	}
	return lua.LNil
}

// make returns a stanza object. It does not look at its arguments.
func (s *Stanzas) make(l *lua.LState, name lua.LValue, attr *lua.LTable) *lua.LTable {
	return s.fill(l.CreateTable(2, fields), name, attr, l.CreateTable(2, 0))
}

// fields is a size for tables with few of them: for 0 gopher-lua makes room
// for 32 as soon as the first comes, and so it does with items.
const fields = 4

// fill makes t a stanza object.
func (s *Stanzas) fill(t *lua.LTable, name lua.LValue, attr, tags *lua.LTable) *lua.LTable {
	t.RawSetString("name", name)
	t.RawSetString("attr", attr)
	t.RawSetString("tags", tags)
	t.Metatable = s.meta
	return t
}

// checked is make for what a module asks for: names and values must be
// something that XML can have.
func (s *Stanzas) checked(l *lua.LState, name, attr, spaces lua.LValue) *lua.LTable {
	n, ok := str(name)
	if !ok {
		l.RaiseError("invalid element name: string expected, got %s", name.Type())
	}
	if !isTagName(n) {
		l.RaiseError("invalid element name: %q", n)
	}
	var attrs *lua.LTable
	switch a := attr.(type) {
	case *lua.LTable:
		checkAttrs(l, n, a)
		attrs = a
	case *lua.LNilType:
		attrs = l.CreateTable(0, fields)
	default:
		l.RaiseError("invalid attributes of <%s/>: table expected, got %s", n, attr.Type())
	}
	t := s.make(l, name, attrs)
	if spaces != lua.LNil {
		t.RawSetString("namespaces", spaces)
	}
	return t
}

func checkAttrs(l *lua.LState, name string, attrs *lua.LTable) {
	for k, v := attrs.Next(lua.LNil); k != lua.LNil; k, v = attrs.Next(k) {
		key, ok := str(k)
		if !ok {
			l.RaiseError("invalid attribute of <%s/>: name must be a string, got %s", name, k.Type())
		}
		if !isAttrName(key) {
			l.RaiseError("invalid attribute of <%s/>: name %q", name, key)
		}
		value, ok := str(v)
		if !ok {
			l.RaiseError("invalid attribute %s of <%s/>: value must be a string, got %s", key, name, v.Type())
		}
		if !isText(value) {
			l.RaiseError("invalid attribute %s of <%s/>: forbidden characters", key, name)
		}
	}
}

// isText reports whether XML can have s as character data.
func isText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= utf8.RuneSelf {
			return isUnicodeText(s)
		}
	}
	return true
}

func isUnicodeText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return true
}

// isTagName reports whether the builders take s as a name of an element; the
// border is stricter.
func isTagName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; c {
		case '<', '>', '&', '\'', '"', ' ', '\t', '\n', '\r':
			return false
		default:
			if c < ' ' {
				return false
			}
		}
	}
	return s != "" && utf8.ValidString(s)
}

// isAttrName is isTagName for an attribute, which may carry a namespace.
func isAttrName(s string) bool {
	for i := range len(s) {
		if s[i] == 1 {
			return isText(s[:i]) && isTagName(s[i+1:])
		}
	}
	return isTagName(s)
}

func (s *Stanzas) newStanza(l *lua.LState) int {
	return one(l, s.checked(l, l.Get(1), l.Get(2), l.Get(3)))
}

func (s *Stanzas) newMessage(l *lua.LState) int {
	t := s.checked(l, lua.LString("message"), l.Get(1), lua.LNil)
	if body := l.Get(2); body != lua.LNil {
		child := s.make(l, lua.LString("body"), l.CreateTable(0, fields))
		addText(l, child, body)
		addDirect(l, t, child)
	}
	return one(l, t)
}

func (s *Stanzas) newIQ(l *lua.LState) int {
	attr, ok := l.Get(1).(*lua.LTable)
	if !ok {
		l.RaiseError("iq stanzas require id and type attributes")
	}
	for _, name := range []string{"id", "type"} {
		if attr.RawGetString(name) == lua.LNil {
			l.RaiseError("iq stanzas require the attribute %s", name)
		}
	}
	return one(l, s.checked(l, lua.LString("iq"), attr, lua.LNil))
}

func (s *Stanzas) newPresence(l *lua.LState) int {
	return one(l, s.checked(l, lua.LString("presence"), l.Get(1), lua.LNil))
}
