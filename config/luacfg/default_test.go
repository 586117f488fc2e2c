// SPDX-License-Identifier: Apache-2.0

package luacfg_test

import (
	"os"
	"path/filepath"
	"testing"

	"tercet/config"
	"tercet/config/luacfg"
)

// write puts files into a folder of the test and returns the path of the first.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

// load runs a config that must run.
func load(t *testing.T, o luacfg.Options, file string) *config.Config {
	t.Helper()
	c, err := o.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefault(t *testing.T) {
	c := load(t, luacfg.Options{}, write(t, "tercet.cfg.lua", string(config.Default())))
	if len(c.Problems) > 0 || len(config.CheckHosts(c)) > 0 {
		t.Errorf("problems: %v %v", c.Problems, config.CheckHosts(c))
	}
	if len(c.Hosts) != 1 || c.Hosts[0].Name != "localhost" || c.Hosts[0].Kind != config.VirtualHost {
		t.Errorf("hosts: %+v", c.Hosts)
	}
	for option, want := range map[string]string{
		"data_path":              `"data"`,
		"certificates":           `"certs"`,
		"c2s_ports":              "{ 5222 }",
		"c2s_direct_tls_ports":   "{ 5223 }",
		"c2s_require_encryption": "true",
		"allow_registration":     "false",
		"storage":                `"internal"`,
		"authentication":         `"internal_hashed"`,
		"limits":                 `{ c2s = { rate = "10kb/s", burst = "2s" } }`,
	} {
		if v, _ := c.Lookup("localhost", option); v.String() != want {
			t.Errorf("%s: got %s, want %s", option, v, want)
		}
	}
	if modules, wrong := config.Modules(c, "localhost", []string{"c2s"}, nil); len(wrong) > 0 || len(modules) < 20 {
		t.Errorf("modules: %v, %v", modules, wrong)
	}
	if _, ok := c.Lookup("localhost", "admins"); ok {
		t.Error("the example of admins is not commented out")
	}
}
