// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"
	"strings"
	"testing"

	"tercet/config"
	"tercet/core/module"
	"tercet/modules"
)

// An option that a module has does something: it does not belong on the list
// of those that do nothing. Nothing stands on it twice.
func TestAccepted(t *testing.T) {
	known := knownOptions(module.NewCatalogue(modules.All))
	var all []string
	for why, names := range accepted {
		for name := range strings.FieldsSeq(names) {
			if known[name] {
				t.Errorf("%s has a module, and stands under %q", name, why)
			}
			all = append(all, name)
		}
	}
	slices.Sort(all)
	for i := range all[1:] {
		if all[i] == all[i+1] {
			t.Errorf("%s is there twice", all[i])
		}
	}
}

func TestNotes(t *testing.T) {
	c := config.New("f.lua", "")
	c.Global.Options["s2s_secure_auth"] = config.Of(config.Pos{File: "f.lua", Line: 3}, true)
	c.Global.Options["daemonize"] = config.Of(config.Pos{File: "f.lua", Line: 2}, true)
	c.Global.Options["admins"] = config.Of(config.Pos{File: "f.lua", Line: 1}, "x")
	var got []string
	for _, n := range notes(c, map[string]bool{}) {
		got = append(got, n.Pos.String()+" "+n.Option)
	}
	if want := []string{"f.lua:2 daemonize", "f.lua:3 s2s_secure_auth"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := notes(c, map[string]bool{"daemonize": true, "s2s_secure_auth": true}); len(got) != 0 {
		t.Errorf("options that modules have: %v", got)
	}
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
		bad  bool
	}{
		{"", nil, false},
		{"  a  b\tc ", []string{"a", "b", "c"}, false},
		{`kick --reason "too  much" 'x y' z\ w`, []string{"kick", "--reason", "too  much", "x y", "z w"}, false},
		{`a "" ''`, []string{"a", "", ""}, false},
		{`'a\b' "c\"d" e"f"g`, []string{`a\b`, `c"d`, "efg"}, false},
		{`"open`, nil, true},
		{`open'`, nil, true},
		{`end\`, nil, true},
	} {
		got, err := split(tt.line)
		if !slices.Equal(got, tt.want) || (err != nil) != tt.bad {
			t.Errorf("%q: got %q, %v, want %q", tt.line, got, err, tt.want)
		}
	}
}
