// SPDX-License-Identifier: Apache-2.0

package universe_test

import (
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// inModule runs a source as a module does, in an environment of its own, and
// returns that.
func inModule(t *testing.T, u *universe.Universe, source string) (env *lua.LTable, err error) {
	t.Helper()
	err = u.Do(t.Context(), task, func(l *lua.LState) {
		module := l.NewTable()
		module.RawSetString("name", lua.LString("mine"))
		env = u.NewEnvironment(l, module)
		fn, err := u.Load(l, "mod_mine.lua", []byte(source), env)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(fn)
		l.Call(0, 0)
	})
	return env, err
}

func files(sources map[string]string) fs.FS {
	tree := fstest.MapFS{}
	for name, source := range sources {
		tree[name] = &fstest.MapFile{Data: []byte(source)}
	}
	return tree
}

// What a module sets stays in its environment; what it does not set is global.
func TestEnvironment(t *testing.T) {
	u, _ := start(t, universe.Options{})
	env, err := inModule(t, u, `
exported = module.name .. type(string.rep)
function helper() return exported end
assert(getfenv(1) == getfenv(helper) and getfenv(1) ~= _G and _G.exported == nil)
assert(pcall(function() inner = 1 end) and inner == 1 and rawget(_G, "inner") == nil)`)
	if err != nil {
		t.Fatal(err)
	}
	if got := env.RawGetString("exported"); got != lua.LString("minefunction") {
		t.Errorf("got %v", got)
	}
	if v := mustDo(t, u, "return exported"); v[0] != lua.LNil {
		t.Errorf("it has leaked: %v", v)
	}
}

// Locked globals: a warning for what is read, an error for what is set.
func TestLockedGlobals(t *testing.T) {
	u, w := start(t, universe.Options{})
	mustDo(t, u, "declared = 1")
	if err := u.Do(t.Context(), task, func(*lua.LState) { u.LockGlobals(true) }); err != nil {
		t.Fatal(err)
	}
	if v := mustDo(t, u, "local v = undeclared_thing return v"); v[0] != lua.LNil {
		t.Errorf("got %v", v)
	}
	if s := w.String(); !strings.Contains(s, "name=undeclared_thing") || !strings.Contains(s, "test.lua:1: in main chunk") {
		t.Errorf("logged %s", s)
	}
	mustDo(t, u, "declared = 2 rawset(_G, 'other', 3)")
	if _, err := do(u, task, "undeclared = 1"); err == nil || !strings.Contains(err.Error(), "test.lua:1: attempt to set the global 'undeclared'") {
		t.Errorf("got %v", err)
	}
	env, err := inModule(t, u, "fine = declared + other")
	if err != nil || env.RawGetString("fine") != lua.LNumber(5) {
		t.Errorf("got %v, %v", env.RawGetString("fine"), err)
	}
	if err := u.Do(t.Context(), task, func(*lua.LState) { u.LockGlobals(false) }); err != nil {
		t.Fatal(err)
	}
	mustDo(t, u, "undeclared = 1")
}

// require finds libraries in Go and in the trees, under both names, once each.
func TestRequire(t *testing.T) {
	loaded := 0
	u, _ := start(t, universe.Options{
		Loaders: map[string]lua.LGFunction{"util.fast": func(l *lua.LState) int {
			loaded++
			l.Push(l.NewTable())
			return 1
		}},
		Sources: []fs.FS{
			files(map[string]string{"util/a.lua": "local name = ... return { name = name, b = require 'util.b' }", "util/first.lua": "return 'first'"}),
			files(map[string]string{
				"util/b.lua": "return { 'b' }", "util/first.lua": "return 'second'", "core/c/init.lua": "return 'c'", "util/nothing.lua": "",
				"util/false.lua": "return false", "util/broken.lua": "x x", "util/raises.lua": "error 'oops'", "util/loop.lua": "return require 'util.loop'",
			}),
		},
	})
	for source, want := range map[string]string{
		"return require 'util.a'.name":                                                 "util.a",
		"return require 'prosody.util.a'.b[1]":                                         "b",
		"return tostring(require 'prosody.util.fast' == require 'util.fast')":          "true",
		"return require 'util.first'":                                                  "first",
		"return require 'core.c'":                                                      "c",
		"return tostring(require 'util.nothing')":                                      "true",
		"package.preload['util.p'] = function(n) return n end return require 'util.p'": "util.p",
		"package.loaded['util.set'] = 'set' return require 'util.set'":                 "set",
		"require 'util.a' return package.loaded['util.a'].name":                        "util.a",
		"return tostring(require 'string' == string)":                                  "true",
	} {
		if v := mustDo(t, u, source); v[0].String() != want {
			t.Errorf("%s: got %v, want %s", source, v[0], want)
		}
	}
	if loaded != 1 {
		t.Errorf("loaded %d times", loaded)
	}
	for source, want := range map[string]string{
		"require 'util.not_there'":    "module 'util.not_there' not found",
		"require 'util.broken'":       "util/broken.lua:1:",
		"require 'util.raises'":       "util/raises.lua:1: oops",
		"require 'util.loop'":         "loop or previous error",
		"require '../../etc/passwd'":  "not found",
		"return require 'util.false'": "",
	} {
		_, err := do(u, task, source)
		if want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", source, err)
		}
	}
	if _, err := do(u, task, "require 'util.raises'"); err == nil || strings.Contains(err.Error(), "loop") {
		t.Errorf("the second time: got %v", err)
	}
}

// The globals that a library sets go to the module that requires it.
func TestLeakyLibrary(t *testing.T) {
	u, _ := start(t, universe.Options{Sources: []fs.FS{files(map[string]string{
		"leaky.lua": "leaked = 'x' local seen = leaked return function() return seen end",
		"old.lua":   "module('old', package.seeall) function f() return _NAME end",
	})}})
	if err := u.Do(t.Context(), task, func(*lua.LState) { u.LockGlobals(true) }); err != nil {
		t.Fatal(err)
	}
	env, err := inModule(t, u, "local _, l = pcall(require, 'leaky') got = l() .. leaked")
	if err != nil || env.RawGetString("got") != lua.LString("xx") {
		t.Errorf("got %v, %v", env.RawGetString("got"), err)
	}
	if v := mustDo(t, u, "return rawget(_G, 'leaked')"); v[0] != lua.LNil {
		t.Errorf("it has leaked: %v", v)
	}
	if err := u.Do(t.Context(), task, func(*lua.LState) { u.LockGlobals(false) }); err != nil {
		t.Fatal(err)
	}
	env, err = inModule(t, u, "require 'old' got = package.loaded.old.f()")
	if err != nil || env.RawGetString("got") != lua.LString("old") {
		t.Errorf("got %v, %v", env.RawGetString("got"), err)
	}
}

// Deep recursion, and more values than a stack holds, are errors of Lua; the
// universe is as good as new behind them.
func TestOverflow(t *testing.T) {
	u, _ := start(t, universe.Options{Limit: -1})
	for name, source := range map[string]string{
		"recursion":        "local function f() return 1 + f() end f()",
		"metamethods":      "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) return t[1]",
		"pcall":            "local function f() assert(pcall(f)) end f()",
		"xpcall handler":   "local function f() error() end local function h() error(h()) end local function g() return 1 + g() end assert(xpcall(g, h))",
		"coroutines":       "local function f() return coroutine.wrap(f)() end f()",
		"gsub":             "local function f() return (('x'):gsub('x', f)) end f()",
		"tostring":         "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return tostring(t) end tostring(t)",
		"unpack":           "return #{ unpack({}, 1, 1e7) }",
		"varargs":          "local function f(...) return f(1, ...) end f()",
		"sort":             "local function f() table.sort({ 2, 1, 3 }, f) end f()",
		"string of bytes":  "return (('x'):rep(1e7):byte(1, -1))",
		"concat of itself": "local t = setmetatable({}, { __concat = function(a, b) return a .. b end }) return t .. t",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := do(u, &universe.Task{Name: "deep", Limit: 1e9}, source)
			if err == nil || strings.Contains(err.Error(), "internal error") {
				t.Errorf("got %.300v", err)
			}
			if v := mustDo(t, u, "local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end return deep(1000)"); v[0] != lua.LNumber(1000) {
				t.Errorf("then got %v", v)
			}
		})
	}
}

// A coroutine that nobody can resume any more is closed, and so are all at the end.
func TestAbandonedCoroutines(t *testing.T) {
	u, _ := start(t, universe.Options{Limit: -1})
	mustDo(t, u, `
for i = 1, 1000 do
	local co = coroutine.wrap(function() pcall(coroutine.yield) error "went on" end)
	co()
end
kept = coroutine.create(function() pcall(coroutine.yield) error "went on" end)
coroutine.resume(kept)
coroutine.create(print)`)
	collect(t, u)
	if v := mustDo(t, u, "return coroutine.status(kept)"); v[0] != lua.LString("suspended") {
		t.Errorf("got %v", v)
	}
}

// collect waits until few coroutines are left.
func collect(t *testing.T, u *universe.Universe) {
	t.Helper()
	for range 100 {
		runtime.GC()
		if u.Coroutines() < 10 {
			return
		}
	}
	t.Errorf("%d coroutines are left", u.Coroutines())
}
