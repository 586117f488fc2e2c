// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"bytes"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// fuzz gives bytes to a function in Lua, which may refuse them with an error
// but must keep what it promises: its first result is not false.
func fuzz(f *testing.F, code string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	l := newState(f, &bytes.Buffer{})
	if err := l.DoString(code); err != nil {
		f.Fatal(err)
	}
	fn := l.GetGlobal("try")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := l.CallByParam(lua.P{Fn: fn, NRet: 1, Protect: true}, lua.LString(data)); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if l.Get(-1) == lua.LFalse {
			t.Errorf("%q: broken", data)
		}
		l.Pop(1)
	})
}

func FuzzJSON(f *testing.F) {
	fuzz(f, `local json = require "util.json"
		function try(s)
			local v, err = json.decode(s)
			if v == nil then return type(err) == "string" end
			local again = json.encode(v)
			local back, why = json.decode(again)
			return back ~= nil and json.encode(back) == again
		end`, `{"a":[1,2.5,null,"\u00e9\ud83d\ude00"],"__hash":[1,2],"__array":[true]}`, `[[],{}]`, `"\x`, `-1e-5`)
}

func FuzzXML(f *testing.F) {
	fuzz(f, `local xml, st = require "util.xml", require "util.stanza"
		function try(s)
			local v, err = xml.parse(s, { allow_comments = true, allow_processing_instructions = true })
			if not v then return type(err) == "string" end
			local printed = tostring(v)
			local back = xml.parse(printed)
			return back ~= nil and tostring(back) == printed
		end`, chat, "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a x='&#65;'><![CDATA[]]>]]&gt;</a>", "<a xmlns:b='c' b:d='e'><b:f/></a>")
}

// FuzzExpat wants what is fed in pieces to be what is fed at once.
func FuzzExpat(f *testing.F) {
	fuzz(f, `local lxp = require "lxp"
		local function parse(pieces)
			local log, text = {}, {}
			local function flush() if #text > 0 then log[#log + 1] = table.concat(text) text = {} end end
			local p = lxp.new({ StartElement = function (_, n, a) flush() log[#log + 1] = n .. #a end, EndElement = function (_, n) flush() log[#log + 1] = n end,
				CharacterData = function (_, t) text[#text + 1] = t end, Comment = function (_, t) flush() log[#log + 1] = t end }, "\1")
			local ok = true
			for _, s in ipairs(pieces) do ok = ok and p:parse(s) end
			ok = ok and p:parse()
			if not ok then return "failed" end
			return table.concat(log, "|")
		end
		function try(s)
			local bytes = {}
			for i = 1, #s do bytes[i] = s:sub(i, i) end
			return parse({ s }) == parse(bytes)
		end`, chat, "<a>\r\n&amp;]]<![CDATA[x]]></a>", "<!-- a --><a b='&#x41;'/> ", "<a>é</a>")
}

func FuzzJID(f *testing.F) {
	fuzz(f, `local jid = require "util.jid"
		function try(s)
			local n, h, r = jid.split(s)
			if h == nil then return n == nil and r == nil and jid.prep(s) == nil end
			if jid.join(n, h, r) ~= s then return false end
			if n and jid.unescape(jid.escape(n)) ~= jid.unescape(n) and jid.unescape(jid.escape(n)) ~= n then return false end
			local p = jid.prep(s)
			return p == nil or jid.prep(p) == p
		end`, "a@b/c", "b", "a@b@c", "\\20@x/", "ü@ü.example/r")
}

func FuzzURL(f *testing.F) {
	fuzz(f, `local url = require "socket.url" local http = require "util.http"
		function try(s)
			local parsed = url.parse(s)
			if parsed then
				local built = url.build(parsed)
				local again = url.parse(built)
				if built ~= "" and url.build(again) ~= built then return false end
				url.absolute("http://h/a/b", s)
			end
			url.build_path(url.parse_path(s))
			if http.urldecode(http.urlencode(s)) ~= s then return false end
			http.formdecode(s) http.parse_forwarded(s)
			return url.unescape(url.escape(s)) == s
		end`, "http://u:p@h:80/p;q?r#s", "//h", "xmpp:a@b?message", "a=b&c=%64")
}

func FuzzBase64(f *testing.F) {
	fuzz(f, `local b = require "util.encodings".base64 local hex = require "util.hex" local jwt = require "util.jwt" local dt = require "util.datetime"
		function try(s)
			b.decode(s) jwt.verify("key", s) dt.parse(s) hex.decode(s)
			return b.decode(b.encode(s)) == s and hex.decode(hex.encode(s)) == s
		end`, "Zm9v", "====", "eyJhbGciOiJIUzI1NiJ9.e30.x", "2023-11-14T22:13:20Z")
}

func FuzzStruct(f *testing.F) {
	fuzz(f, `local struct = require "util.struct"
		function try(s)
			local format, data = s:match("^([^|]*)|(.*)$")
			if not format then return true end
			pcall(struct.size, format)
			pcall(struct.unpack, format, data)
			pcall(struct.pack, format, 1, 2, 3, 4)
			pcall(struct.pack, format, data, data)
			return true
		end`, ">I4b|\x00\x00\x00\x01\x02", "!8 s c0 d|x", "<I32i3|", "c99999|a")
}
