// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRules breaks each rule on a small tree, and keeps each on another: a
// rule that can not fail is none.
func TestRules(t *testing.T) {
	const (
		spdx   = "// " + licence + "\n\n"
		readme = "# ping\n\n## Name\n## Description\n## Options\n## Examples\n## Specifications\n"
		module = spdx + "package ping\n\nvar Module = 1\n"
		list   = spdx + "package modules\n\nimport \"tercet/modules/ping\"\n\nvar All = []int{ping.Module}\n"
	)
	// imports is a file that imports.
	imports := func(name string, targets ...string) string {
		return spdx + "package " + name + "\n\nimport (\n\t_ \"" + strings.Join(targets, "\"\n\t_ \"") + "\"\n)\n"
	}
	// ping is a whole module, with some files other.
	ping := func(other map[string]string) map[string]string {
		files := map[string]string{
			"modules/modules.go":               list,
			"modules/ping/ping.go":             module,
			"modules/ping/ping_test.go":        spdx + "package ping\n",
			"modules/ping/README.md":           readme,
			"modules/ping/testdata/ping.txtar": "XEP-0199 4.2\n",
		}
		for name, text := range other {
			files[name] = text
			if text == "" {
				delete(files, name)
			}
		}
		return files
	}
	long := spdx + "package jid\n\nfunc long() {\n" + strings.Repeat("\t_ = 1\n", maxFunction-1) + "}\n"
	just := spdx + "package jid\n\nfunc just() {\n" + strings.Repeat("\t_ = 1\n", maxFunction-2) + "}\n"
	vast := spdx + "package jid\n" + strings.Repeat("\n", maxFile-2)

	// wide is a file with n+1 lines of code.
	wide := func(name string, n int) string {
		return spdx + "package " + name + "\n\n// A comment.\n" + strings.Repeat("var _ = 1 // one\n", n)
	}

	tests := []struct {
		rule, name string
		files      map[string]string
		want       string // a part of the only line; "" for a tree that is right
	}{
		{"imports", "down", map[string]string{"core/route/a.go": imports("route", "tercet/core/session", "tercet/core/jid", "fmt")}, ""},
		{"imports", "up", map[string]string{"core/session/a.go": imports("session", "tercet/core/route")}, "imports point down"},
		{"imports", "sideways", map[string]string{"core/auth/a.go": imports("auth", "tercet/core/storage")}, "imports point down"},
		{"imports", "leaf", map[string]string{"core/element/a.go": imports("element", "tercet/core/jid")}, "it is a leaf"},
		{"imports", "without a rank", map[string]string{"core/sundry/a.go": imports("sundry", "fmt")}, "has no rank"},
		{"imports", "core of a module", map[string]string{"core/iq/a.go": imports("iq", "tercet/modules/ping")}, "knows no feature"},
		{"imports", "core of Lua", map[string]string{"core/module/a.go": imports("module", "tercet/modules")}, "only main"},
		{"imports", "test of anything", map[string]string{"core/jid/a_test.go": imports("jid_test", "tercet/core/coretest", "tercet/modules")}, ""},
		{"imports", "for tests only", map[string]string{"core/a.go": imports("core", "tercet/core/coretest")}, "only tests"},
		{"imports", "main", map[string]string{"main.go": imports("main", "tercet/core", "tercet/modules", "tercet/config/luacfg")}, ""},
		{"imports", "of main", map[string]string{"core/a.go": imports("core", "tercet")}, "programs"},
		{"imports", "of scripts", map[string]string{"modules/ping/a.go": imports("ping", "tercet/scripts/xload")}, "programs"},
		{"imports", "plugin of the core", map[string]string{"plugins/extauth/a.go": imports("main", "tercet/core/auth")}, "only the sdk"},
		{"imports", "main of a plugin", map[string]string{"main.go": imports("main", "tercet/plugins/extauth")}, ""},
		{"imports", "module of a plugin", map[string]string{"modules/ping/a.go": imports("ping", "tercet/plugins/extauth")}, "programs"},
		{"imports", "module of a protocol", map[string]string{"modules/ping/a.go": imports("ping", "tercet/sdk/proto/accountpb")}, ""},
		{"imports", "core of a protocol", map[string]string{"core/iq/a.go": imports("iq", "tercet/sdk/proto/accountpb")}, "has no rank"},
		{"imports", "example", map[string]string{"examples/go/a.go": imports("main", "tercet/core/auth")}, "stands alone"},
		{"imports", "module", map[string]string{"modules/mam/a.go": imports("mam", "tercet/core/route", "tercet/config", "tercet/modules/disco")}, ""},
		{"imports", "module of the server", map[string]string{"modules/mam/a.go": imports("mam", "tercet/core")}, "not the server"},
		{"imports", "module of Lua", map[string]string{"modules/mam/a.go": imports("mam", "tercet/config/luacfg")}, "decoded"},
		{"imports", "own leaf", ping(map[string]string{
			"modules/ping/a.go": imports("ping", "tercet/modules/ping/packet"), "modules/ping/packet/a.go": imports("packet", "fmt"),
		}), ""},
		{"imports", "leaf of the core", ping(map[string]string{
			"modules/ping/packet/a.go": imports("packet", "tercet/core/jid"),
		}), "standard library only"},
		{"imports", "leaf of a guest", ping(map[string]string{
			"modules/guest/lua/web/a.go": imports("web", "tercet/core/jid", "tercet/modules/ping"),
		}), ""},
		{"imports", "leaf of a guest, another's leaf", ping(map[string]string{
			"modules/guest/lua/web/a.go": imports("web", "tercet/modules/ping/packet"), "modules/ping/packet/a.go": imports("packet", "fmt"),
		}), "standard library only"},
		{"imports", "another's leaf", ping(map[string]string{
			"modules/mam/a.go": imports("mam", "tercet/modules/ping/packet"), "modules/ping/packet/a.go": imports("packet", "fmt"),
		}), "another module's leaf"},
		{"imports", "shared by a group", map[string]string{
			"modules/sasl/plain/a.go":    imports("plain", "tercet/modules/sasl/identity") + "var Module = 1\n",
			"modules/sasl/identity/a.go": imports("identity", "fmt"),
		}, ""},
		{"imports", "shared with others", map[string]string{
			"modules/sasl/plain/a.go":    imports("plain", "fmt") + "var Module = 1\n",
			"modules/sasl/identity/a.go": imports("identity", "fmt"), "modules/c2s/a.go": imports("c2s", "tercet/modules/sasl/identity"),
		}, "modules beside it"},

		{"libraries", "named", map[string]string{"config/luacfg/a.go": imports("luacfg", "github.com/yuin/gopher-lua/parse")}, ""},
		{"libraries", "in another package", map[string]string{"core/iq/a.go": imports("iq", "github.com/yuin/gopher-lua")}, "only [config/luacfg"},
		{"libraries", "in a test", map[string]string{"core/iq/a_test.go": imports("iq", "mellium.im/xmpp")}, ""},
		{"libraries", "unknown in a test", map[string]string{"core/iq/a_test.go": imports("iq", "example.org/assert")}, "does not name"},
		{"libraries", "in a folder", map[string]string{"scripts/x/a.go": imports("main", "golang.org/x/tools/go/packages")}, ""},

		{"sizes", "function", map[string]string{"core/jid/a.go": long}, "function long has 81 lines"},
		{"sizes", "function just right", map[string]string{"core/jid/a.go": just}, ""},
		{"sizes", "function of a test", map[string]string{"core/jid/a_test.go": long}, ""},
		{"sizes", "file", map[string]string{"core/jid/a.go": vast}, "601 lines"},
		{"sizes", "file of a test", map[string]string{"core/jid/a_test.go": vast}, ""},
		{"sizes", "generated file", map[string]string{"core/jid/a.go": "// Code generated by x. DO NOT EDIT.\n" + vast}, ""},

		{"budget", "one too many", map[string]string{"core/jid/a.go": wide("jid", 10), "core/iq/a.go": wide("iq", maxCore-11)}, strconv.Itoa(maxCore+1) + " lines"},
		{"budget", "just right, with comments", map[string]string{"core/iq/a.go": wide("iq", maxCore-1)}, ""},
		{"budget", "what is not counted", map[string]string{
			"core/iq/a.go": wide("iq", maxCore-1), "core/iq/a_test.go": wide("iq", 9), "core/transport/a.go": wide("transport", 9), "core/coretest/a.go": wide("coretest", 9),
		}, ""},

		{"names", "package", map[string]string{"core/util/a.go": imports("util", "fmt")}, `"util" does not say`},
		{"names", "ending", map[string]string{"core/jidutil/a.go": imports("jidutil", "fmt")}, `"jidutil" does not say`},
		{"names", "inside of a word", map[string]string{"core/database/a.go": imports("database", "fmt")}, ""},
		{"names", "file", map[string]string{"core/jid/types.go": imports("jid", "fmt")}, "by its subject"},

		{"goroutines", "of a module", map[string]string{"modules/ping/a.go": spdx + "package ping\n\nfunc f() { go f() }\n"}, "a.go:5: a go statement"},
		{"goroutines", "of its test", map[string]string{"modules/ping/a_test.go": spdx + "package ping\n\nfunc f() { go f() }\n"}, ""},
		{"goroutines", "of a store", map[string]string{"modules/storage/sqlite/a.go": spdx + "package sqlite\n\nfunc f() { go f() }\n"}, ""},
		{"goroutines", "of the core", map[string]string{"core/stream/a.go": spdx + "package stream\n\nfunc f() { go f() }\n"}, ""},

		{"modules", "whole", ping(nil), ""},
		{"modules", "no README", ping(map[string]string{"modules/ping/README.md": ""}), "has no README"},
		{"modules", "heading missing", ping(map[string]string{"modules/ping/README.md": strings.Replace(readme, "## Options\n", "", 1)}), `no heading "Options"`},
		{"modules", "headings in disorder", ping(map[string]string{"modules/ping/README.md": readme + "## Name\n## Extension points\n"}), ""},
		{"modules", "no test", ping(map[string]string{"modules/ping/ping_test.go": ""}), "has no test"},
		{"modules", "no golden stream", ping(map[string]string{"modules/ping/testdata/ping.txtar": ""}), "no golden stream"},
		{"modules", "not listed", ping(map[string]string{"modules/modules.go": spdx + "package modules\n\nimport _ \"tercet/modules/ping\"\n"}), "not in modules.All"},
		{"modules", "no list yet", ping(map[string]string{"modules/modules.go": ""}), ""},
		{"modules", "no module yet", map[string]string{"modules/ping/a.go": imports("ping", "fmt")}, ""},
		{"modules", "no module in the end", ping(map[string]string{
			"modules/ping/ping.go": imports("ping", "fmt"), "modules/modules.go": spdx + "package modules\n",
		}), "not in modules.All"},
		{"modules", "a leaf needs nothing", ping(map[string]string{"modules/ping/packet/a.go": imports("packet", "fmt")}), ""},
		{"modules", "a driver needs no golden stream", map[string]string{
			"modules/storage/memory/a.go": spdx + "package memory\n\nvar Module = 1\n", "modules/storage/memory/a_test.go": spdx + "package memory\n",
			"modules/storage/memory/README.md": readme,
		}, ""},

		{"licence", "missing", map[string]string{"core/jid/a.go": "package jid\n"}, "core/jid/a.go does not begin"},
		{"licence", "below #!", map[string]string{"scripts/a.sh": "#!/bin/sh\n# " + licence + "\n"}, ""},
		{"licence", "too late", map[string]string{"scripts/a.py": "#!/usr/bin/python3\n\n\n# " + licence + "\n"}, "scripts/a.py does not begin"},
		{"licence", "of testdata", map[string]string{"core/testdata/a.go": "package a\n", "core/jid/a.go": imports("jid", "fmt")}, ""},

		{"links", "there", map[string]string{"README.md": "[a](core/README.md#why) [b](https://example.org) [c](#d)\n", "core/README.md": ""}, ""},
		{"links", "not there", map[string]string{"core/README.md": "see [a](../modules/ping)\n"}, "links to ../modules/ping"},
		{"links", "in code", map[string]string{"README.md": "```lua\na[b](c)\n```\nand `x[y](z)`\n"}, ""},
	}
	broken := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.rule+"/"+tt.name, func(t *testing.T) {
			broken[tt.rule] = broken[tt.rule] || tt.want != ""
			fsys := fstest.MapFS{}
			for name, text := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			tree, err := readTree(fsys)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, rule := range rules {
				if rule.name == tt.rule {
					got = rule.check(tree)
				}
			}
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %q, want nothing", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("got %q, want one line with %q", got, tt.want)
			}
		})
	}
	for _, rule := range rules {
		if !broken[rule.name] {
			t.Errorf("no test breaks the rule %s", rule.name)
		}
	}
}
