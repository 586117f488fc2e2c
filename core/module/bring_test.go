// SPDX-License-Identifier: Apache-2.0

package module_test

import (
	"slices"
	"testing"

	"tercet/config"
	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
)

// TestBringing: what a module brings, by the config, is loaded like what it
// requires.
func TestBringing(t *testing.T) {
	nothing := func(*module.Scope, struct{}) error { return nil }
	all := append([]module.Definition{
		module.Define("main", module.OnHost, struct{}{}, nothing).Requiring("needed").Bringing(func(c *config.Config, host string) []string {
			if v, _ := c.Lookup(host, "allow_more"); v.Bool() {
				return []string{"more"}
			}
			return nil
		}),
		module.Define("needed", module.OnHost, struct{}{}, nothing),
		module.Define("more", module.OnHost, struct{}{}, nothing),
	}, modules.All...)
	for _, tt := range []struct {
		name, lua string
		want      []string
	}{
		{"an option that is not given", `modules_enabled = { "main" }`, []string{"main", "needed"}},
		{"one that is", `modules_enabled = { "main" } allow_more = true`, []string{"main", "more", "needed"}},
		{"on the host", `modules_enabled = { "main" } VirtualHost "example.org" allow_more = true`, []string{"main", "more", "needed"}},
		{"not on the host", `modules_enabled = { "main" } allow_more = true VirtualHost "example.org" allow_more = false`, []string{"main", "needed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := coretest.New(t, tt.lua, all...)
			var got []string
			for _, m := range s.Env.Manager.List() {
				if slices.Contains([]string{"main", "needed", "more"}, m.Name) && m.Host == coretest.Domain {
					got = append(got, m.Name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("loaded: %q, want %q", got, tt.want)
			}
		})
	}
}
