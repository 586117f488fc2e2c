// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"bytes"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
	"tercet/modules/guest/lua/lib"
)

// chat is a message of 250 bytes as clients send it.
const chat = `<message from='romeo@montague.example/orchard' to='juliet@capulet.example/balcony' type='chat' id='ktx72v49'>` +
	`<body>Art thou not Romeo, and a Montague?</body><active xmlns='http://jabber.org/protocol/chatstates'/>` +
	`<request xmlns='urn:xmpp:receipts'/></message>`

func parse(tb testing.TB, xml string) element.Element {
	tb.Helper()
	e, err := element.Parse([]byte(xml))
	if err != nil {
		tb.Fatalf("%s: %v", xml, err)
	}
	return e
}

// do runs code with the stanza object as global stanza.
func do(tb testing.TB, l *lua.LState, t *lua.LTable, code string) {
	tb.Helper()
	l.SetGlobal("stanza", t)
	if err := l.DoString(code); err != nil {
		tb.Fatal(err)
	}
}

func TestConversion(t *testing.T) {
	l := newState(t, &bytes.Buffer{})
	s := lib.StanzasOf(l)
	for _, xml := range []string{
		chat, "<presence/>", "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
		"<message xml:lang='de'><body>&lt;&amp;&gt;&apos;&quot; ä 😀</body>tail<x xmlns='u:x'>one<y/>two</x></message>",
		"<message><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>in</body></message></forwarded></message>",
		"<message><x xmlns='a' xmlns:p='b' p:q='1' q='2'><p:z/></x><n xmlns=''/></message>",
		"<message><x xmlns='a'><y xmlns='b'><z xmlns='a'/></y></x></message>",
		"<features xmlns='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></features>",
	} {
		e := parse(t, xml)
		v := s.View(l, e)
		if !v.Same() {
			t.Errorf("%s: not the same when nothing was done", xml)
		}
		back, err := lib.ToElement(v.Table)
		if err != nil {
			t.Errorf("%s: %v", xml, err)
			continue
		}
		if !element.Equal(e, back) {
			t.Errorf("there and back\n%s\n%s", e, back)
		}
		// A stanza object prints as what it was made of.
		printed := l.ToStringMeta(v.Table).String()
		again, err := element.Parse([]byte(printed))
		if err != nil || !element.Equal(e, again) {
			t.Errorf("printed as %s: %v", printed, err)
		}
	}
}

func TestShape(t *testing.T) {
	l := newState(t, &bytes.Buffer{})
	v := lib.StanzasOf(l).View(l, parse(t, `<message xml:lang='en' to='a@b'><body>hi</body><x xmlns='u:x' xmlns:p='u:p' p:a='1'><y/></x></message>`))
	do(t, l, v.Table, `
		local st = require "util.stanza"
		assert(st.is_stanza(stanza) and stanza.name == "message" and stanza.attr.xmlns == nil)
		assert(stanza.attr["xml:lang"] == "en" and stanza.attr.to == "a@b")
		assert(#stanza == 2 and #stanza.tags == 2 and stanza.tags[1] == stanza[1] and stanza[1][1] == "hi")
		assert(stanza:get_child_text("body") == "hi" and stanza[1].attr.xmlns == nil)
		local x = stanza:get_child("x", "u:x")
		assert(x and x.attr.xmlns == "u:x" and x.attr["u:p\1a"] == "1" and x.tags[1].attr.xmlns == "u:x")
		assert(stanza:find("{u:x}x/y"))`)
}

// TestSame changes an object in each way that modules do and wants it seen.
func TestSame(t *testing.T) {
	for _, tt := range []struct{ name, code, want string }{
		{"nothing", `local _ = stanza.attr.to`, ""},
		{"read", `stanza:get_child("body"):get_text() tostring(stanza)`, ""},
		{"attribute set to what it was", `stanza.attr.to = stanza.attr.to .. ""`, ""},
		{"attribute away and back", `local id = stanza.attr.id stanza.attr.id = nil stanza.attr.id = id`, ""},
		{"attribute", `stanza.attr.to = "x"`, "to='x'"},
		{"attribute away", `stanza.attr.id = nil`, "type='chat'>"},
		{"attribute new", `stanza.attr.foo = "bar"`, "foo='bar'"},
		{"attribute of a child", `stanza.tags[1].attr["xml:lang"] = "en"`, "<body xml:lang='en'>"},
		{"attributes replaced", `stanza.attr = { to = "q" }`, "<message to='q'>"},
		{"text", `stanza.tags[1][1] = "other"`, "<body>other</body>"},
		{"name", `stanza.tags[2].name = "composing"`, "<composing "},
		{"child", `stanza:tag("x", { xmlns = "u:x" }):up()`, "<x xmlns='u:x'/>"},
		{"child away", `stanza:remove_children("active", "http://jabber.org/protocol/chatstates")`, "</body><request"},
		{"child replaced", `stanza:maptags(function (t) if t.name == "body" then return require"util.stanza".stanza("body"):text("n") end return t end)`, "<body>n</body>"},
		{"body text added", `stanza.tags[1]:text("!")`, "Montague?!"},
		{"children swapped", `stanza[1], stanza[2] = stanza[2], stanza[1]`, "<active xmlns='http://jabber.org/protocol/chatstates'/><body>"},
		{"tags alone", `table.remove(stanza.tags, 1)`, ""},
		{"child away by table", `table.remove(stanza, 1)`, "id='ktx72v49'><active"},
		{"grandchild", `stanza.tags[2]:tag("deep")`, "<deep/>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newState(t, &bytes.Buffer{})
			v := lib.StanzasOf(l).View(l, parse(t, chat))
			do(t, l, v.Table, tt.code)
			if v.Same() != (tt.want == "" && tt.name != "tags alone") {
				t.Errorf("Same is %v", v.Same())
			}
			e, err := lib.ToElement(v.Table)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(e.String(), tt.want) {
				t.Errorf("%s has no %s", e, tt.want)
			}
		})
	}
}

func TestRefill(t *testing.T) {
	l := newState(t, &bytes.Buffer{})
	s := lib.StanzasOf(l)
	v := s.View(l, parse(t, chat))
	do(t, l, v.Table, `kept = stanza; stanza:tag("x"); stanza.attr.foo = "1"`)
	next := parse(t, "<message to='new@example.org'><subject>s</subject></message>")
	s.Refill(l, v, next)
	if !v.Same() {
		t.Error("not the same after it was refilled")
	}
	do(t, l, v.Table, `assert(kept == stanza and #kept == 1 and #kept.tags == 1 and kept.attr.foo == nil and kept.attr.to == "new@example.org" and kept:at_top())`)
	if e, err := lib.ToElement(v.Table); err != nil || !element.Equal(e, next) {
		t.Errorf("%s, %v", e, err)
	}
}

// TestIllFormed wants errors for objects that are no XML, however they were
// made.
func TestIllFormed(t *testing.T) {
	for _, tt := range []struct{ name, code string }{
		{"name", `stanza.name = "a b"`},
		{"name that is a number", `stanza.name = 5`},
		{"no name", `stanza.name = nil`},
		{"name with a digit first", `stanza.tags[1].name = "1a"`},
		{"injection by a name", `stanza.tags[1].name = "a/><evil"`},
		{"name in bad UTF-8", `stanza.tags[1].name = "a\255"`},
		{"unknown prefix", `stanza.tags[1].name = "p:a"`},
		{"no attributes", `stanza.attr = nil`},
		{"attribute that is a table", `stanza.attr.x = {}`},
		{"attribute that is a boolean", `stanza.attr.x = true`},
		{"attribute's name", `stanza.attr["a='1' b"] = "x"`},
		{"attribute's name is a number", `stanza.attr[1] = "x"`},
		{"attribute's value has a control character", `stanza.attr.x = "a\0b"`},
		{"attribute's value in bad UTF-8", `stanza.attr.x = "\255"`},
		{"attribute's unknown prefix", `stanza.attr["p:x"] = "1"`},
		{"attribute's namespace", `stanza.attr["\0\1x"] = "1"`},
		{"namespace that is a table", `stanza.tags[1].attr.xmlns = {}`},
		{"namespace with a control character", `stanza.tags[1].attr.xmlns = "a\1b"`},
		{"namespace of xml", `stanza.tags[1].attr.xmlns = "http://www.w3.org/XML/1998/namespace"`},
		{"namespace of xmlns", `stanza.tags[1].attr.xmlns = "http://www.w3.org/2000/xmlns/"`},
		{"text with a control character", `stanza.tags[1][1] = "\27"`},
		{"text in bad UTF-8", `stanza.tags[1][1] = "\237\160\128"`},
		{"text that is no character", `stanza.tags[1][1] = "\239\191\190"`},
		{"child that is a function", `stanza[4] = print`},
		{"child that is a boolean", `stanza[4] = true`},
		{"child that is any table", `stanza[4] = {}`},
		{"itself", `stanza[4] = stanza`},
		{"too long a namespace", `stanza.tags[1].attr.xmlns = ("x"):rep(2000)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newState(t, &bytes.Buffer{})
			v := lib.StanzasOf(l).View(l, parse(t, chat))
			do(t, l, v.Table, tt.code)
			if e, err := lib.ToElement(v.Table); err == nil {
				t.Errorf("became %s", e)
			}
			if v.Same() {
				t.Error("said to be the same")
			}
		})
	}
}

// TestPrefixes takes the ways in which modules write prefixes.
func TestPrefixes(t *testing.T) {
	for _, tt := range []struct{ code, want string }{
		{`return st.stanza("stream:features")`, "<features xmlns='http://etherx.jabber.org/streams'/>"},
		{`return st.stanza("p:a", { ["xmlns:p"] = "urn:p" })`, "<a xmlns='urn:p'/>"},
		{`return st.stanza("p:a", nil, { p = "urn:p" }):tag("b")`, "<a xmlns='urn:p'><b xmlns='jabber:client'/></a>"},
		{`return st.stanza("x", { xmlns = "" })`, "<x xmlns=''/>"},
		{`return st.message { id = "1" }:tag("x", { xmlns = "u" }):tag("y")`, "<message id='1'><x xmlns='u'><y/></x></message>"},
		{`local s = st.message() s.attr.id = 5 s[1] = 7 return s`, "<message id='5'>7</message>"},
	} {
		l := newState(t, &bytes.Buffer{})
		if err := l.DoString(`local st = require "util.stanza" made = (function () ` + tt.code + ` end)()`); err != nil {
			t.Fatal(err)
		}
		made, _ := l.GetGlobal("made").(*lua.LTable)
		e, err := lib.ToElement(made)
		if err != nil || !element.Equal(e, parse(t, tt.want)) {
			t.Errorf("%s: got %s, %v, want %s", tt.code, e, err, tt.want)
		}
	}
}

// FuzzConversion wants no object made of a stanza to differ from it.
func FuzzConversion(f *testing.F) {
	f.Add([]byte(chat))
	f.Add([]byte("<a xmlns='b' xmlns:c='d' c:e='f'>g<h/>i</a>"))
	f.Fuzz(func(t *testing.T, xml []byte) {
		e, err := element.Parse(xml)
		if err != nil {
			return
		}
		l := lua.NewState(lua.Options{SkipOpenLibs: true})
		defer l.Close()
		v := lib.StanzasOf(l).View(l, e)
		if !v.Same() {
			t.Error("not the same")
		}
		back, err := lib.ToElement(v.Table)
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		if !element.Equal(e, back) {
			t.Errorf("there and back\n%s\n%s", e, back)
		}
	})
}
