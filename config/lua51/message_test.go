// SPDX-License-Identifier: Apache-2.0

package lua51_test

import (
	"strings"
	"testing"

	"tercet/config/lua51"
)

// What gopher-lua itself says is said in Lua's words.
func TestReword(t *testing.T) {
	for source, want := range map[string]string{
		"local x return x.y":          "test.lua:1: attempt to index a nil value with the key 'y'",
		"local x x.y = 1":             "test.lua:1: attempt to index a nil value with the key 'y'",
		"local x return x + 1":        "test.lua:1: attempt to perform arithmetic on a nil value",
		"return 1 + {}":               "test.lua:1: attempt to perform arithmetic on a table value",
		"local x x()":                 "test.lua:1: attempt to call a value that is no function",
		"local x return #x":           "test.lua:1: attempt to get the length of a value that has none",
		"return -{}":                  "test.lua:1: attempt to perform arithmetic on a value that is no number",
		"return 1 < 'x'":              "test.lua:1: attempt to compare number with string",
		"return {} .. 'x'":            "test.lua:1: attempt to concatenate a table value",
		"error('mine: (of mine)', 0)": "mine: (of mine)",
	} {
		_, err := run(t, source)
		if err == nil {
			t.Errorf("%s: no error", source)
			continue
		}
		got, _, _ := strings.Cut(err.Error(), "\n")
		if got = lua51.Reword(got); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}
