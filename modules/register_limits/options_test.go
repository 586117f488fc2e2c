// SPDX-License-Identifier: Apache-2.0

package register_limits_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core/module"
	"tercet/modules"
)

func TestOptions(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"a throttle without its period", `registration_throttle_max = 3`, "registration_throttle_period"},
		{"a word that is no network", `registration_blocklist = { "here" }`, "want an address or a network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := luacfg.Options{}.Load(writeConfig(t, `modules_enabled = { "register_limits" } `+tt.lua+` VirtualHost "example.org"`))
			if err != nil {
				t.Fatal(err)
			}
			problems := module.Check(module.NewCatalogue(modules.All), c)
			if !config.Failed(problems) || !strings.Contains(fmt.Sprint(problems), tt.want) {
				t.Errorf("problems: %v, want %q", problems, tt.want)
			}
		})
	}
}

func writeConfig(t *testing.T, lua string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tercet.cfg.lua")
	if err := os.WriteFile(file, []byte(lua), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
