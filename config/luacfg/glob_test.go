// SPDX-License-Identifier: Apache-2.0

package luacfg

import "testing"

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.cfg.lua", "a.cfg.lua", true},
		{"*.cfg.lua", ".cfg.lua", true},
		{"*.cfg.lua", "a.cfg.lua.bak", false},
		{"?.lua", "a.lua", true},
		{"?.lua", "ab.lua", false},
		{"a*b*c", "axxbyybzc", true},
		{"a*b*c", "axxbyybz", false},
		{"[a].lua", "a.lua", false},
		{"[a].lua", "[a].lua", true},
		{"*", "", true},
		{"", "a", false},
	} {
		if got := glob(c.pattern, c.name); got != c.want {
			t.Errorf("%s %s: got %v", c.pattern, c.name, got)
		}
	}
}
