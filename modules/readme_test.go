// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core"
	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
)

// headings are what each README has, in this order.
var headings = []string{"## Name", "## Description", "## Options", "## Examples", "## Specifications", "## Extension points"}

// folders are those of modules whose config word is not their folder.
var folders = map[string]string{
	"auth_external": "auth/external", "auth_internal_hashed": "auth/accounts", "auth_internal_plain": "auth/accounts",
	"httpd": "http", "plain": "sasl/plain", "scram": "sasl/scram",
	"lua": "guest/lua", "process": "guest/process", "wasm": "guest/wasm",
}

// TestReadme compares the options in the READMEs with those of the code (with
// TERCET_WRITE=1 it writes them), and loads the examples.
func TestReadme(t *testing.T) {
	for _, d := range modules.All {
		t.Run(d.Name, func(t *testing.T) {
			file := filepath.Join(folders[d.Name], "README.md")
			if folders[d.Name] == "" {
				file = filepath.Join(d.Name, "README.md")
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			checkHeadings(t, string(text))
			checkOptions(t, file, string(text), d)
			checkExamples(t, string(text))
		})
	}
}

func checkHeadings(t *testing.T, text string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); slices.Contains(headings, line) {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, headings) {
		t.Errorf("headings: got %q, want %q", got, headings)
	}
	if !strings.HasPrefix(text, "# ") {
		t.Error("the first line is no title")
	}
}

func checkOptions(t *testing.T, file, text string, d module.Definition) {
	t.Helper()
	if len(d.Fields()) > 0 {
		coretest.Generated(t, file, "options", d.OptionsTable())
	} else if strings.Contains(text, "<!-- options -->") {
		t.Error("a table of options, but there are none")
	}
}

// checkExamples loads each block of Lua below the heading Examples.
func checkExamples(t *testing.T, text string) {
	t.Helper()
	_, section, _ := strings.Cut(text, "\n## Examples\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```lua\n")[1:]
	if len(blocks) == 0 {
		t.Error("no example")
	}
	for _, block := range blocks {
		lua, _, _ := strings.Cut(block, "```")
		full := lua
		if !strings.Contains(lua, "VirtualHost") {
			full += "\nVirtualHost \"example.org\"\n"
		}
		file := filepath.Join(t.TempDir(), "tercet.cfg.lua")
		if err := os.WriteFile(file, []byte(full), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := luacfg.Load(file)
		if err != nil {
			t.Errorf("%v in\n%s", err, lua)
			continue
		}
		for _, p := range module.Check(module.NewCatalogue(modules.All), c) {
			t.Errorf("%v in\n%s", p, lua)
		}
		for _, p := range core.Check(core.Build{Modules: modules.All, Load: luacfg.Load}, c) {
			if p.Severity == config.Error || strings.Contains(p.Text, "option") {
				t.Errorf("%v in\n%s", p, lua)
			}
		}
	}
}
