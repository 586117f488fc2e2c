// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"bytes"
	"runtime/debug"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/lib"
)

// BenchmarkCall is the yardstick: an empty function.
func BenchmarkCall(b *testing.B) { benchmark(b, `function handle(stanza) end`) }

func BenchmarkView(b *testing.B) {
	collectAsServer(b)
	l := newState(b, &bytes.Buffer{})
	s, e := lib.StanzasOf(l), parse(b, chat)
	b.ReportAllocs()
	for b.Loop() {
		s.View(l, e)
	}
}

// collectAsServer has the collector run as often as in a small server (see
// core/memory/pace.go), not each half millisecond: next to nothing lives here.
func collectAsServer(b *testing.B) {
	b.Helper()
	before := debug.SetGCPercent(400)
	b.Cleanup(func() { debug.SetGCPercent(before) })
}

func BenchmarkSame(b *testing.B) {
	l := newState(b, &bytes.Buffer{})
	v := lib.StanzasOf(l).View(l, parse(b, chat))
	b.ReportAllocs()
	for b.Loop() {
		if !v.Same() {
			b.Fatal("changed")
		}
	}
}

func BenchmarkToElement(b *testing.B) {
	collectAsServer(b)
	l := newState(b, &bytes.Buffer{})
	v := lib.StanzasOf(l).View(l, parse(b, chat))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := lib.ToElement(v.Table); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandler is what a small handler does: an attribute, a child, a
// reply.
func BenchmarkHandler(b *testing.B) {
	benchmark(b, `
		local st = require "util.stanza"
		function handle(stanza)
			local from = stanza.attr.from
			local body = stanza:get_child("body")
			return st.reply(stanza), from, body
		end`)
}

func BenchmarkReplyWithChild(b *testing.B) {
	benchmark(b, `
		local st = require "util.stanza"
		function handle(stanza)
			return st.reply(stanza):tag("query", { xmlns = "urn:x" }):text_tag("a", "b"):up()
		end`)
}

func BenchmarkFind(b *testing.B) {
	benchmark(b, `function handle(stanza) return stanza:find("{urn:xmpp:receipts}request"), stanza:get_child_text("body") end`)
}

func BenchmarkClone(b *testing.B) {
	benchmark(b, `local st = require "util.stanza" function handle(stanza) return st.clone(stanza) end`)
}

func BenchmarkToString(b *testing.B) {
	benchmark(b, `function handle(stanza) return tostring(stanza) end`)
}

func BenchmarkJIDSplit(b *testing.B) {
	benchmark(b, `local split = require "util.jid".split function handle(stanza) return split(stanza.attr.from) end`)
}

func benchmark(b *testing.B, code string) {
	b.Helper()
	collectAsServer(b)
	l := newState(b, &bytes.Buffer{})
	t := lib.StanzasOf(l).View(l, parse(b, chat)).Table
	if err := l.DoString(code); err != nil {
		b.Fatal(err)
	}
	fn := l.GetGlobal("handle")
	b.ReportAllocs()
	for b.Loop() {
		if err := l.CallByParam(lua.P{Fn: fn, NRet: 0, Protect: true}, t); err != nil {
			b.Fatal(err)
		}
	}
}
