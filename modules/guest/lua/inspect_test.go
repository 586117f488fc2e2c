// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/modules/guest"
	"tercet/modules/guest/lua"
)

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mod_shush.lua")
	write := func(source string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "words.lib.lua"), []byte("return {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, source string
		want         []string // texts that Print writes; "!" before those that it does not
		failed       bool
	}{
		{"what it needs", `#!/usr/bin/lua
			local st = require "util.stanza"
			local json = require("prosody.util.json")
			local timer = require "util.timer"
			local words = module:get_option_set("shush_words", {})
			local limit = module:get_option("shush_limit")
			module:depends("disco")
			module:require "words"
			module:add_feature("urn:example:shush")
			module:hook("pre-message/bare", function (event) module:hook("pre-message/full", print, -1.5) end, 10)
			module:hook_tag("urn:example:x", "x", print, 2)
			module:provides("adhoc", {})
			session:hook("not-ours", print)
		`, []string{
			"requires   util.stanza, prosody.util.json, util.timer\n", "options    shush_words (set), shush_limit\n", "depends    disco\n",
			"hook pre-message/bare, priority 10\n", "hook pre-message/full, priority -1.5\n", "hook stanza/urn:example:x:x, priority 2\n",
			"add feature urn:example:shush\n", "add adhoc\n", fmt.Sprintf("plugin_paths = { %q }", dir), `modules_enabled = { "shush" }`,
			"!not-ours", "!words.lib", "!note", "!error",
		}, false},
		{"syntax", "local a = 1\nlocal b = = 2\n", []string{"mod_shush.lua:2: error: "}, true},
		{"no end", "if true then\n", []string{"mod_shush.lua:2: error: unexpected end"}, true},
		{"bytecode", "\x1bLua", []string{":1: error: this is bytecode"}, true},
		{"an unknown library", "\nlocal x = require 'util.magic'\n", []string{`mod_shush.lua:2: error: it requires "util.magic"`}, true},
		{"an optional library", "local ok, x = pcall(require, 'lualdap')\n", []string{`:1: note: it requires "lualdap"`}, false},
		{"a file that is not there", "module:require('other')\nmodule:require('adhoc')\n", []string{":1: note: it requires the file other.lib.lua", "!adhoc"}, false},
		{"computed names", "module:hook('a'..'b', print)\nmodule:get_option_string('a'..'b')\n", []string{
			":1: note: the name of an event is computed", ":2: note: the name of an option is computed",
		}, false},
		{"nothing", "", []string{"!requires"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(tt.source)
			in := lua.Inspect(t.Context(), file, nil)
			var text strings.Builder
			in.Print(&text)
			for _, want := range tt.want {
				part, not := strings.CutPrefix(want, "!")
				if strings.Contains(text.String(), part) == not {
					t.Errorf("%q in\n%s", want, &text)
				}
			}
			if in.Failed() != tt.failed {
				t.Error("failed:", in.Problems)
			}
		})
	}
	if in := lua.Inspect(t.Context(), file+"x", nil); !in.Failed() {
		t.Error("a file that is not there has no problem")
	}
	other := filepath.Join(dir, "shush.lua")
	if err := os.Rename(file, other); err != nil {
		t.Fatal(err)
	}
	if in := lua.Inspect(t.Context(), other, nil); len(in.Notes) != 1 || in.Config != "" {
		t.Error("without mod_:", in.Notes)
	}
}

// Of Debian's modules each can be read, and those that are found wrong need
// what this server does not have.
func TestInspectProsody(t *testing.T) {
	files, err := filepath.Glob("/usr/lib/prosody/modules/mod_*.lua")
	if err != nil || len(files) == 0 {
		t.Skip("Debian's package prosody is not installed (scripts/deps.sh does it)")
	}
	wrong := 0
	for _, file := range files {
		in := lua.Inspect(t.Context(), file, nil)
		if slices.ContainsFunc(in.Problems, func(f guest.Fault) bool { return !strings.Contains(f.Text, "it requires") }) {
			t.Error(file, in.Problems)
		}
		if in.Failed() {
			wrong++
			t.Log(file, in.Problems)
		}
	}
	if wrong > len(files)/4 {
		t.Errorf("%d of %d are wrong", wrong, len(files))
	}
}
