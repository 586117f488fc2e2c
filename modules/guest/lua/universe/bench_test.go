// SPDX-License-Identifier: Apache-2.0

package universe_test

import (
	"context"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// function compiles a source and returns what it returned.
func function(b *testing.B, u *universe.Universe, source string) *lua.LFunction {
	b.Helper()
	fn, ok := mustDo(b, u, source)[0].(*lua.LFunction)
	if !ok {
		b.Fatal("no function")
	}
	return fn
}

func benchmarkCall(b *testing.B, t *universe.Task, source string) {
	b.Helper()
	u, _ := start(b, universe.Options{Memory: 1 << 30})
	fn := function(b, u, source)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.Call(ctx, t, fn); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEntry(b *testing.B) {
	u, _ := start(b, universe.Options{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := u.Do(ctx, task, func(*lua.LState) {}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	benchmarkCall(b, &universe.Task{Name: "b", Limit: -1}, "return function() end")
}

func BenchmarkCallWithDeadline(b *testing.B) { benchmarkCall(b, task, "return function() end") }

func BenchmarkCallWaits(b *testing.B) {
	benchmarkCall(b, &universe.Task{Name: "b", Waits: true}, "return function() end")
}

func BenchmarkReenter(b *testing.B) {
	u, _ := start(b, universe.Options{})
	fn := function(b, u, "return function() end")
	b.ReportAllocs()
	err := u.Do(context.Background(), task, func(*lua.LState) {
		for b.Loop() {
			u.Out(func(ctx context.Context) {
				if _, err := u.Call(ctx, task, fn); err != nil {
					b.Error(err)
				}
			})
		}
	})
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkLua is what single things of Lua cost: each line runs a thousand times.
func BenchmarkLua(b *testing.B) {
	for _, c := range []struct{ name, before, line string }{
		{"nothing", "", ""},
		{"call", "local function f() end", "f()"},
		{"pcall", "local pcall, f = pcall, function() end", "pcall(f)"},
		{"pcall-error", "local pcall, error = pcall, error", "pcall(error)"},
		{"concat", "local a, b = 'hello', 'world'", "local c = a .. b"},
		{"coroutine", "local co = coroutine.wrap(function() while true do coroutine.yield() end end)", "co()"},
		{"coroutine-new", "local wrap, f = coroutine.wrap, function() end", "wrap(f)()"},
		{"match", "local s = 'user@example.org/resource'", "local u, h = s:match('^([^@]+)@([^/]+)')"},
		{"gsub", "local s = 'a < b & c'", "local r = s:gsub('[<&]', { ['<'] = '&lt;', ['&'] = '&amp;' })"},
		{"format", "local s = 'x'", "local r = ('%s: %d'):format(s, 5)"},
		{"global", "", "local x = string"},
		{"table", "", "local t = {}"},
		{"table-fields", "", "local t = {} t.a = 1 t.b = 2"},
		{"fire", "local e = require 'util.events'.new() e.add_handler('x', function() end) e.add_handler('x', function() end) local fire = e.fire_event local d = {}", "fire('x', d)"},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmarkCall(b, &universe.Task{Name: "b", Limit: -1}, c.before+" return function() for i = 1, 1000 do "+c.line+" end end")
		})
	}
}
