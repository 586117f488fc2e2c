// SPDX-License-Identifier: Apache-2.0

package external_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core/auth"
	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
)

// A reload that leaves the program alone leaves its processes alone, another
// ends them.
func TestReload(t *testing.T) {
	first, second := "mark="+t.TempDir(), "mark="+t.TempDir()
	lua := external + scripted(first) + "external_auth_processes = 1\n"
	s := coretest.New(t, lua, modules.All...)
	works := func() {
		t.Helper()
		if yes, err := accountsOf(s).Check(t.Context(), "romeo", right); !yes || err != nil {
			t.Errorf("%v, %v", yes, err)
		}
	}
	works()
	plugin, scripts := plugins(), processes(first)
	if len(plugin) != 1 || len(scripts) != 1 {
		t.Fatalf("plugins %v, scripts %v", plugin, scripts)
	}
	s.Reconfigure(lua + "extauth_cache = 7\nexternal_auth_max_waiting = 7\n")
	works()
	if got := plugins(); !slices.Equal(got, plugin) {
		t.Errorf("plugins %v, before %v", got, plugin)
	}
	if got := processes(first); !slices.Equal(got, scripts) {
		t.Errorf("scripts %v, before %v", got, scripts)
	}
	s.Reconfigure(external + scripted(second) + "external_auth_processes = 2\n")
	works()
	coretest.Eventually(t, "another plugin", func() bool {
		return len(processes(first)) == 0 && len(processes(second)) == 2 && len(plugins()) == 1 && plugins()[0] != plugin[0]
	})
	s.Reconfigure("")
	coretest.Eventually(t, "no plugin", func() bool { return len(processes(second)) == 0 && len(plugins()) == 0 })
}

// What can not work is refused with its reason, and what runs goes on.
func TestReloadRefused(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	alien := filepath.Join(dir, "alien")
	if err := os.WriteFile(alien, []byte("#!/nowhere/interpreter\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := coretest.New(t, external+scripted(), modules.All...)
	before := plugins()
	for _, c := range []struct{ name, file, want string }{
		{"missing", filepath.Join(dir, "missing"), "no such file"},
		{"not executable", plain, "permission denied"},
		{"a directory", dir, ""},
		{"no interpreter", alien, "no such file"},
	} {
		s.Write(external + fmt.Sprintf("extauth_program = { %q }\n", c.file))
		plan, err := s.Reload(t.Context())
		if err == nil || !strings.Contains(fmt.Sprint(err, plan.Problems), c.want) {
			t.Errorf("%s: %v, %v", c.name, err, plan.Problems)
		}
		if yes, err := accountsOf(s).Check(t.Context(), "romeo", right); !yes || err != nil {
			t.Errorf("%s: then %v, %v", c.name, yes, err)
		}
	}
	coretest.Eventually(t, "the plugin that was there is left", func() bool { return slices.Equal(plugins(), before) })
}

// Hosts share a program that they call by one word.
func TestShared(t *testing.T) {
	hosts := "VirtualHost \"example.org\"\nVirtualHost \"example.com\"\n"
	for _, c := range []struct {
		name, lua string
		want      int
	}{
		{"one word", "extauth_pool_name = \"staff\"\n" + hosts, 1},
		{"none", hosts, 2},
		{"two words", "extauth_pool_name = \"staff\"\nVirtualHost \"example.org\"\nVirtualHost \"example.com\"\n\textauth_pool_name = \"guests\"\n", 2},
		{"one word, other options", "extauth_pool_name = \"staff\"\nVirtualHost \"example.org\"\nVirtualHost \"example.com\"\n\texternal_auth_timeout = 7\n", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			mark := "mark=" + t.TempDir()
			s := coretest.New(t, external+scripted(mark)+"extauth_pool_size = 3\n"+c.lua, modules.All...)
			for _, host := range []string{"example.org", "example.com"} {
				if yes, err := coretest.Service(s, host, auth.Accounts).Check(t.Context(), "romeo", right); !yes || err != nil {
					t.Errorf("%s: %v, %v", host, yes, err)
				}
			}
			if got := plugins(); len(got) != c.want {
				t.Errorf("plugins %v, want %d", got, c.want)
			}
			coretest.Eventually(t, "all scripts", func() bool { return len(processes(mark)) == 3*c.want })
		})
	}
}

// What is remembered is who exists, not who knows the password.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name, lua string
		want      []string
	}{
		{"as it is", "", []string{"isuser nobody", "auth romeo", "auth romeo", "tryregister fresh", "isuser fresh"}},
		{"none", "extauth_cache = 0\n", []string{"isuser nobody", "isuser nobody", "auth romeo", "auth romeo", "isuser romeo", "isuser romeo", "tryregister fresh", "isuser fresh"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			record := filepath.Join(t.TempDir(), "record")
			a := accountsOf(coretest.New(t, external+scripted("record="+record)+c.lua, modules.All...))
			ctx := t.Context()
			for range 2 {
				if yes, err := a.Exists(ctx, "nobody"); yes || err != nil {
					t.Error(yes, err)
				}
			}
			for range 2 {
				if yes, err := a.Check(ctx, "romeo", right); !yes || err != nil {
					t.Error(yes, err)
				}
			}
			for range 2 {
				if yes, err := a.Exists(ctx, "romeo"); !yes || err != nil {
					t.Error(yes, err)
				}
			}
			if err := a.Create(ctx, "fresh", "x"); err != nil {
				t.Error(err)
			}
			if yes, err := a.Exists(ctx, "fresh"); yes || err != nil { // the script has lied
				t.Error(yes, err)
			}
			text, err := os.ReadFile(record)
			if got := strings.Split(strings.TrimSpace(string(text)), "\n"); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("asked %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct{ name, lua, want string }{
		{"ejabberd's words", `extauth_program = "/bin/x y"; extauth_pool_size = 3; extauth_pool_name = "p"`, ""},
		{"Prosody's words", `external_auth_command = "/bin/x"; external_auth_protocol = "ejabberd"; external_auth_processes = 2; external_auth_timeout = 5`, ""},
		{"a list", `external_auth_command = { "/bin/x", "a b", "" }`, ""},
		{"nothing", ``, "there is no program to ask"},
		{"both", `external_auth_command = "/bin/x"; extauth_program = "/bin/y"`, "which of them"},
		{"empty", `external_auth_command = ""`, "want the name of a program"},
		{"empty list", `external_auth_command = {}`, "want the name of a program"},
		{"a number", `external_auth_command = 7`, "want a string or a list"},
		{"a number in a list", `external_auth_command = { "/bin/x", 7 }`, "want a string"},
		{"a quote", `external_auth_command = "/bin/x 'a"`, "a quote is not closed"},
		{"a protocol", `external_auth_command = "/bin/x"; external_auth_protocol = "json"`, "external_auth_protocol"},
		{"too many", `external_auth_command = "/bin/x"; external_auth_processes = 100000`, "external_auth_processes"},
		{"no time", `external_auth_command = "/bin/x"; external_auth_timeout = 0`, "external_auth_timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "tercet.cfg.lua")
			if err := os.WriteFile(file, []byte(external+c.lua+"\nVirtualHost \"example.org\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := luacfg.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range module.Check(module.NewCatalogue(modules.All), cfg) {
				if p.Severity == config.Error {
					got = append(got, p.Text)
				}
			}
			if (c.want == "") != (len(got) == 0) || !strings.Contains(strings.Join(got, "; "), c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
