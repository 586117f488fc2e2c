// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tercet/config"
	"tercet/core/module"
	"tercet/modules"
)

// The options of a module are known by their names in its file and in its
// libraries; those that begin with its name, too. What stands in a folder of
// many is not its own.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"mod_one/mod_one.lua":     "module:get_option_string(\"word\"); module:get_option_set(module.name .. \"_list\", {});",
		"mod_one/rules.lib.lua":   "local n = module:get_option_number(\"limit\"); module:get_option(module.name..'_more')",
		"mod_one/not.lua":         "module:get_option(\"other\")",
		"two/mod_two.lua":         "module:get_option(\"plain\")",
		"two/part.lib.lua":        "module:get_option(\"part\")",
		"mod_three.lua":           "module:get_option_boolean(module.name .. \"_on\")",
		"stranger.lib.lua":        "module:get_option(\"strange\")",
		"mod_four/four/x.lib.lua": "module:get_option(\"deep\")",
	} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := config.New(filepath.Join(dir, "x.cfg.lua"), dir)
	c.Global.Options["plugin_paths"] = config.Of(config.Pos{}, dir)
	found := module.NewCatalogue(modules.All).With(c, "one", "two", "three")
	for word, want := range map[string][]string{
		"one": {"limit", "one_list", "one_more", "word"}, "two": {"part", "plain"}, "three": {"three_on"},
	} {
		var got []string
		for _, f := range found[word].Fields() {
			if f.Name != "lua_on_failure" {
				got = append(got, f.Name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}
