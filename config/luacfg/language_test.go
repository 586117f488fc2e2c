// SPDX-License-Identifier: Apache-2.0

package luacfg_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/config"
	"tercet/config/luacfg"
)

// dump writes a config as lines "host.option = value @line"; a line in another
// file than the main one carries its base name.
func dump(c *config.Config) []string {
	where := func(p config.Pos) string {
		if p.File == c.File {
			return fmt.Sprint("@", p.Line)
		}
		return fmt.Sprint("@", filepath.Base(p.File), ":", p.Line)
	}
	var lines []string
	for _, s := range append([]*config.Section{c.Global}, c.Hosts...) {
		if s != c.Global {
			lines = append(lines, strings.TrimSpace(fmt.Sprint(s.Kind, " ", s.Name, " ", s.Module))+" "+where(s.Pos))
		}
		var options []string
		for name, v := range s.Options {
			options = append(options, fmt.Sprint(s.Name, ".", name, " = ", v, " ", where(v.Pos)))
		}
		slices.Sort(options)
		lines = append(lines, options...)
	}
	for _, p := range c.Problems {
		lines = append(lines, where(p.Pos)+": "+p.Text)
	}
	return lines
}

func environment(name string) (string, bool) {
	v, ok := map[string]string{"DOMAIN": "env.example", "EMPTY": ""}[name]
	return v, ok
}

// The rules of sections, names and reading: Prosody 0.12, and 13.0 beyond.
func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string // further ones, by name and content
		lua   string
		want  []string
	}{
		{
			"assignments set options of the current section", nil, `
a = 1
VirtualHost "example.org"
b = "two"
Component "chat.example.org" "muc"
c = true
VirtualHost "example.net"
d = false`,
			[]string{
				".a = 1 @2", "VirtualHost example.org @3", `example.org.b = "two" @4`,
				"Component chat.example.org muc @5", "chat.example.org.c = true @6",
				"VirtualHost example.net @7", "example.net.d = false @8",
			},
		},
		{
			"a table ends the section", nil, `
VirtualHost "example.org" {
	a = 1;
	b = { "x" };
}
c = 3
Component "chat.example.org" "muc" { d = 4 }
Component "gw.example.org" { component_secret = "s" }
e = 5`,
			[]string{
				".c = 3 @6", ".e = 5 @9", "VirtualHost example.org @2", "example.org.a = 1 @3",
				`example.org.b = { "x" } @4`, "Component chat.example.org muc @7", "chat.example.org.d = 4 @7",
				"Component gw.example.org component @8", `gw.example.org.component_secret = "s" @8`,
			},
		},
		{
			"old words", nil, `
Host "a.example"
host "b.example"
component "c.example" "muc"`,
			[]string{"VirtualHost a.example @2", "VirtualHost b.example @3", "Component c.example muc @4"},
		},
		{
			"names are prepared", nil, `
VirtualHost "EXAMPLE.Org"
VirtualHost "xn--bcher-kva.example"
VirtualHost "BÜCHER.example"
a = 1`,
			[]string{"VirtualHost example.org @2", "VirtualHost bücher.example @3", "bücher.example.a = 1 @5"},
		},
		{
			"a host opened again", nil, `
VirtualHost "example.org"
a = 1
VirtualHost "example.net"
VirtualHost "example.org"
b = 2`,
			[]string{"VirtualHost example.org @2", "example.org.a = 1 @3", "example.org.b = 2 @6", "VirtualHost example.net @4"},
		},
		{
			"nil takes an option back", nil, "\na = 1\na = nil\nb = false",
			[]string{".b = false @4", "@3: a: set twice in the global section; the value here wins over line 2"},
		},
		{
			"computed values", nil, `
local function jid(n) return n .. "@" .. "example.org" end
admins = {}
for _, n in ipairs { "juliet", "romeo" } do
	admins[#admins + 1] = jid(n)
end
if #admins > 1 then many = true end
for i = 1, 3 do
	VirtualHost("h" .. i .. ".example")
	index = i
end`,
			[]string{
				`.admins = { "juliet@example.org", "romeo@example.org" } @3`, ".many = true @7",
				"VirtualHost h1.example @9", "h1.example.index = 1 @10",
				"VirtualHost h2.example @9", "h2.example.index = 2 @10",
				"VirtualHost h3.example @9", "h3.example.index = 3 @10",
			},
		},
		{
			"the environment", nil, `
VirtualHost(ENV_DOMAIN)
a = ENV_NOTHING or "none"
b = ENV_EMPTY
c = os.getenv("DOMAIN")
d = os.getenv("NOTHING") == nil
e = Lua.os.getenv "DOMAIN"`,
			[]string{
				"VirtualHost env.example @2", `env.example.a = "none" @3`, `env.example.b = "" @4`,
				`env.example.c = "env.example" @5`, "env.example.d = true @6", `env.example.e = "env.example" @7`,
			},
		},
		{
			"an included file starts in the global section",
			[]string{"conf.d/b.lua", "x = 1\nVirtualHost 'b.example'\ny = 2\n"},
			`
VirtualHost "a.example"
Include "conf.d/b.lua"
z = 3`,
			[]string{
				".x = 1 @b.lua:1", "VirtualHost a.example @2", "a.example.z = 3 @4",
				"VirtualHost b.example @b.lua:2", "b.example.y = 2 @b.lua:3",
			},
		},
		{
			"patterns: sorted, no dot files, no match is fine",
			[]string{
				"d/2.cfg.lua", "o[#o+1] = 2", "d/1.cfg.lua", "_G.o = {} o[1] = 1", "d/.0.cfg.lua", "error('hidden')",
				"d/3.txt", "error('text')", "d/3.cfg.lua.dpkg-old", "error('old')", "d/10.cfg.lua", "last = true",
			},
			`
Include "d/*.cfg.lua"
Include "d/?.none"
include "d/*.none"
order = o[1] .. o[2]`,
			[]string{".last = true @10.cfg.lua:1", `.order = "12" @5`},
		},
		{
			"an include in an include is relative to it",
			[]string{
				"d/a.lua", "Include 'e/b.lua'\na = 1", "d/e/b.lua", "b = 2\nInclude '../c.lua'", "d/c.lua", "c = 3",
			},
			"\nInclude 'd/a.lua'",
			[]string{".a = 1 @a.lua:2", ".b = 2 @b.lua:1", ".c = 3 @c.lua:1"},
		},
		{
			"the last of several files wins silently",
			[]string{"a.lua", "x = 1", "b.lua", "x = 2"},
			`
Include "a.lua"
Include "b.lua"
Include "a.lua"`,
			[]string{".x = 1 @a.lua:1"},
		},
		{
			"scripts have globals of their own",
			[]string{
				"lib/helper.lua", "function greet(n) return 'hello ' .. n end\nVERSION = 3\nreturn { 'from', 'require' }",
				"setup.lua", "shared = 'yes'\nreturn 1, 2",
			},
			`
RunScript "setup.lua"
a = shared
b = require "lib.helper"[2]
c = greet "x"
local one, two = dofile "setup.lua"
d = one + two
e = require("lib.helper") == require("lib.helper")
f = loadfile("setup.lua") ~= nil
g = loadfile("nothing.lua") == nil`,
			[]string{
				`.a = "yes" @3`, `.b = "require" @4`, `.c = "hello x" @5`, ".d = 3 @7", ".e = true @8", ".f = true @9", ".g = true @10",
			},
		},
		{
			"files",
			[]string{"secret", "first\r\nsecond\nthird", "empty", "", "d/x", "below\n"},
			`
a = FileContents "d/x"
b = FileLine "secret"
c = FileLines "secret"
d = FileContents "empty" .. FileLine "empty"
e = FileLines "empty"
Include "d/inc.lua"`,
			nil,
		},
		{
			"options are read back, tables grow", nil, `
modules_enabled = { "a", "b" }
modules_enabled:append { "c" }
modules_enabled { "d" }
limits = { c2s = 1 }
limits { s2s = 2 }
limits.http = 3
all = modules_enabled + { "e" }
n = #modules_enabled
v = modules_enabled:value()[1]
local words = ""
for m in modules_enabled:values() do words = words .. m end
w = words
name = "x"
name2 = name .. "y"
modules_enabled = modules_enabled + { "f" }`,
			[]string{
				`.all = { "a", "b", "c", "d", "e" } @8`, ".limits = { c2s = 1, s2s = 2, http = 3 } @5",
				`.modules_enabled = { "a", "b", "c", "d", "f" } @16`, ".n = 4 @9", `.name = "x" @14`, `.name2 = "xy" @15`,
				`.v = "a" @10`, `.w = "abcd" @13`,
			},
		},
		{
			"a host does not read the global section, but its functions", nil, `
function double(n) return 2 * n end
base = 4
VirtualHost "example.org"
a = double(2)
b = base`,
			[]string{
				".base = 4 @3", ".double = a function @2", "VirtualHost example.org @4", "example.org.a = 4 @5",
				`@6: base is set in the global section, but not in VirtualHost "example.org", and so is nil here`,
			},
		},
		{
			"names that nothing sets are nil, with a warning", nil, `
a = sqlite
if nothing then b = 1 end`,
			[]string{"@2: sqlite is not set here; are quotes missing?", "@3: nothing is not set here; are quotes missing?"},
		},
		{
			"lists with holes, and keys that are numbers", nil, `
a = { "x", nil, "y" }
b = { [5222] = "c2s", [5269] = "s2s", key = 1 }
c = { [1] = "one", [2] = "two" }
d = { nil, nil, nil, "z" }
e = { [1.5] = "f", [-1] = "n", [true] = "t" }`,
			[]string{
				`.a = { "x", "y" } @2`, `.b = { key = 1, [5222] = "c2s", [5269] = "s2s" } @3`, `.c = { "one", "two" } @4`,
				`.d = { [4] = "z" } @5`, `.e = { [1.5] = "f", [-1] = "n", true = "t" } @6`,
			},
		},
		{"a first line for the shell, and a byte order mark", nil, "\ufeff#!/usr/bin/env lua\na = 1", []string{".a = 1 @2"}},
		{
			"Component opened twice with its module", nil, `
Component "c.example" "muc"
Component "c.example" "muc"
a = 1`,
			[]string{"Component c.example muc @2", "c.example.a = 1 @4"},
		},
		{
			"one name in two functions and files is no repetition", nil, `
VirtualHost "a.example" { x = 1 }
VirtualHost "a.example" { x = 2 }`,
			[]string{"VirtualHost a.example @2", "a.example.x = 2 @3"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := append([]string{"main.cfg.lua", c.lua}, c.files...)
			if c.want == nil {
				files = append(files, "d/inc.lua", "f = FileLine 'x' .. FileLine '../secret'")
				c.want = []string{
					`.a = "below\n" @2`, `.b = "first" @3`, `.c = { "first", "second", "third" } @4`, `.d = "" @5`, ".e = {} @6",
					`.f = "belowfirst" @inc.lua:1`,
				}
			}
			got := dump(load(t, luacfg.Options{Getenv: environment}, write(t, files...)))
			if !slices.Equal(got, c.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// Each item and key knows its line, however the table came to be.
func TestLines(t *testing.T) {
	c := load(t, luacfg.Options{}, write(t, "main.lua", `-- 1
literal = {
	"three";
	"four", "four";
	key =
		"key at five";
	inner = {
		"eight";
	};
}
local t = {
	"twelve";
}
t[2] = "thirteen, the table's line"
t.key = "fifteen"
table.insert(t, "sixteen")
variable = t
local function make(n)
	return { n,
		deep = { n } }
end
made = make(5)
Include "other.lua"
literal:append {
	"twenty-five";
	more = 26;
}
FileLines "data"
data = FileLines "data"
moved = {
	"b",
	"a",
}
table.sort(moved)
`, "other.lua", "\nother = {\n\t'three' }\n", "data", "one\ntwo\n"))
	for _, want := range []struct {
		option, path string
		line         int
	}{
		{"literal", "", 2},
		{"literal", "1", 3},
		{"literal", "2", 4},
		{"literal", "3", 4},
		{"literal", "4", 25},
		{"literal", "key", 5},
		{"literal", "inner", 7},
		{"literal", "inner.1", 8},
		{"literal", "more", 26},
		{"variable", "", 17},
		{"variable", "1", 12},
		{"variable", "2", 11},
		{"variable", "3", 16},
		{"variable", "key", 15},
		{"made", "", 22},
		{"made", "1", 19},
		{"made", "deep", 20},
		{"made", "deep.1", 20},
		{"other", "", 2},
		{"other", "1", 3},
		{"data", "", 29},
		{"data", "2", 2},
		{"moved", "", 30},
		{"moved", "1", 30},
	} {
		v, _ := c.Lookup("", want.option)
		for part := range strings.SplitSeq(want.path, ".") {
			if part == "" {
				continue
			}
			if part[0] >= '1' && part[0] <= '9' {
				v = v.List()[part[0]-'1']
			} else {
				v, _ = v.Get(part)
			}
		}
		if v.Pos.Line != want.line {
			t.Errorf("%s %s: got line %d, want %d", want.option, want.path, v.Pos.Line, want.line)
		}
	}
	if v, _ := c.Lookup("", "other"); filepath.Base(v.Pos.File) != "other.lua" || filepath.Base(v.List()[0].Pos.File) != "other.lua" {
		t.Errorf("other: got %v, %v", v.Pos, v.List()[0].Pos)
	}
	if v, _ := c.Lookup("", "data"); filepath.Base(v.List()[1].Pos.File) != "data" {
		t.Errorf("data: got %v", v.List()[1].Pos)
	}
}

func TestFiles(t *testing.T) {
	c := load(t, luacfg.Options{}, write(t, "main.lua", "Include 'a.lua' Include 'a.lua' RunScript 's.lua' dofile 'd.lua' f = FileLine 'data'",
		"a.lua", "", "s.lua", "", "d.lua", "", "data", ""))
	var names []string
	for _, f := range c.Files {
		names = append(names, filepath.Base(f))
	}
	if got, want := strings.Join(names, " "), "main.lua a.lua s.lua d.lua"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if c.Dir != filepath.Dir(c.File) {
		t.Errorf("dir: got %s", c.Dir)
	}
}

func TestCredential(t *testing.T) {
	file := write(t, "main.lua", `a = Credential "key"`, "creds/key", "hunter2", "other.lua", `a = Credential "absent"`)
	dir := filepath.Dir(file)
	getenv := func(name string) (string, bool) { return filepath.Join(dir, "creds"), name == "CREDENTIALS_DIRECTORY" }
	none := func(string) (string, bool) { return "", false }
	for _, c := range []struct {
		name, file string
		o          luacfg.Options
		want       string
	}{
		{"there", "main.lua", luacfg.Options{Getenv: getenv}, `"hunter2"`},
		{"there, in a tool", "main.lua", luacfg.Options{Getenv: getenv, Tool: true}, `"hunter2"`},
		{"absent", "other.lua", luacfg.Options{Getenv: getenv}, ""},
		{"absent, in a tool", "other.lua", luacfg.Options{Getenv: getenv, Tool: true}, `"placeholder"`},
		{"no folder", "main.lua", luacfg.Options{Getenv: none}, ""},
		{"no folder, in a tool", "main.lua", luacfg.Options{Getenv: none, Tool: true}, `"placeholder"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if cfg, err := c.o.Load(filepath.Join(dir, c.file)); err == nil {
				v, _ := cfg.Lookup("", "a")
				got = v.String()
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Debian's own config runs as it is, with its conf.avail.
func TestDebian(t *testing.T) {
	const dir = "/etc/prosody"
	if _, err := os.ReadFile(filepath.Join(dir, "prosody.cfg.lua")); err != nil {
		t.Skip("needs Debian's package prosody, readable by this user: ", err)
	}
	c := load(t, luacfg.Options{}, filepath.Join(dir, "prosody.cfg.lua"))
	if len(c.Problems) > 0 {
		t.Errorf("problems: %v", c.Problems)
	}
	if s := c.Section("localhost"); s == nil || s.Kind != config.VirtualHost {
		t.Errorf("hosts: %v", c.Hosts)
	}
	if v, _ := c.Lookup("localhost", "modules_enabled"); len(v.List()) < 20 {
		t.Errorf("modules_enabled: got %v", v)
	}
	files, err := filepath.Glob(filepath.Join(dir, "conf.avail", "*.cfg.lua"))
	if err != nil || len(files) == 0 {
		t.Skip("no files in conf.avail: ", err)
	}
	for _, file := range files {
		if c := load(t, luacfg.Options{}, file); len(c.Problems) > 0 || len(c.Hosts) == 0 {
			t.Errorf("%s: %v, %v", file, c.Hosts, c.Problems)
		}
	}
}

func TestMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "none.lua")
	if _, err := luacfg.Load(file); err == nil || !strings.HasPrefix(err.Error(), file+": ") {
		t.Errorf("got %v", err)
	}
}
