// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/store"
)

// BenchmarkStores calls methods of stores from Lua. A record is what modules
// keep of a user; a large one has 1,000 keys.
func BenchmarkStores(b *testing.B) {
	const setup = `
k, m, a = open("notes"), open("notes", "map"), open("log", "archive");
record = { event = "login", timestamp = 1700000000, ip = "192.0.2.1", flags = { a = true, b = false } };
large = {};
for i = 1, 1000 do large["key" .. i] = { i, name = "value " .. i } end
k:set("romeo", record); k:set("big", large);
stanza = require "util.stanza".message({ from = "juliet@example.org", to = "romeo@example.org" }, "text");
for i = 1, 200 do a:append("romeo", nil, stanza, i, "juliet@example.org") end`
	for driver, open := range drivers {
		for name, source := range map[string]string{
			"get": `k:get("romeo")`, "set": `k:set("romeo", record)`, "map-get": `m:get("romeo", "ip")`, "map-set": `m:set("romeo", "ip", "192.0.2.2")`,
			"get-large": `k:get("big")`, "set-large": `k:set("big", large)`, "map-get-large": `m:get("big", "key500")`,
			"map-set-large": `m:set("big", "key500", 1)`,
			"append":        `a:append("juliet", nil, stanza, 1, "x@y")`, "find-50": `for _ in a:find("romeo", { limit = 50, reverse = true }) do end`,
		} {
			b.Run(name+"/"+driver, func(b *testing.B) {
				d := open(b)
				s := newServer(b, d, store.Options{})
				s.run(b, false, "setup", setup)
				s.do(b, false, func(l *lua.LState) {
					fn, err := s.Load(l, "bench", []byte(source), nil)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportAllocs()
					for b.Loop() {
						l.Push(fn)
						l.Call(0, 0)
					}
				})
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
