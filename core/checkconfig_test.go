// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Debian 12's own config, as the package installs it, is served: check finds
// no error, exactly these warnings, and makes nothing. TERCET_WRITE=1 writes
// what is expected.
func TestCheckDebian(t *testing.T) {
	const file = "/etc/prosody/prosody.cfg.lua"
	if _, err := os.Stat(file); err != nil {
		t.Skip("needs the package prosody:", err)
	}
	if _, err := os.ReadFile(file); err != nil {
		t.Skip("needs to read the package's config:", err)
	}
	_, before := os.Stat("/var/lib/tercet")
	o := run(t, t.TempDir(), "", "--config", file, "check")
	o.want(t, 0, "0 errors")
	if _, after := os.Stat("/var/lib/tercet"); (before == nil) != (after == nil) {
		t.Error("check has made /var/lib/tercet")
	}
	const golden = "testdata/debian12.want"
	if os.Getenv("TERCET_WRITE") != "" {
		if err := os.WriteFile(golden, []byte(o.err), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if o.err != string(want) {
		t.Errorf("told:\n%s\nwant:\n%s\nif a feature has come that takes a warning away: TERCET_WRITE=1 go test ./core -run TestCheckDebian", o.err, want)
	}
}

// check tells all problems at once, with their places, and makes nothing.
func TestCheck(t *testing.T) {
	const host = "VirtualHost \"example.org\"\n"
	for _, tt := range []struct {
		name string
		lua  string
		code int
		want []string
	}{
		{"nothing wrong", host, 0, []string{"1 hosts, 0 errors, 0 warnings"}},
		{
			"all at once", "modules_enabled = { \"pong\", \"carbon\" }\nc2s_timeout = \"soon\"\nmodules_enable = {}\n" + host, 1,
			[]string{
				"cfg.lua:1: warning: there is no module \"pong\" in this server; did you mean ping?", "cfg.lua:1: warning: there is no module \"carbon\"",
				"cfg.lua:2: error: c2s_timeout", "cfg.lua:3: warning: modules_enable: no module has this option; did you mean modules_enabled?",
			},
		},
		{"syntax", "x = = 1\n" + host, 1, []string{"cfg.lua:1: syntax error"}},
		{"no host", "", 1, []string{"no host to serve"}},
		{"umask", "umask = \"9\"\n" + host, 1, []string{`cfg.lua:1: error: umask: want a mask such as "027", got "9"`}},
		{"without effect", "daemonize = true\ns2s_ports = { 5269 }\n" + host, 0, []string{"cfg.lua:1: note: daemonize: accepted, without effect:", "cfg.lua:2: note: s2s_ports", "0 warnings"}},
		{"a server's option on a host", host + "c2s_timeout = 5\n", 0, []string{"cfg.lua:2: warning: c2s_timeout: without effect on example.org; it is the whole server's"}},
		{"ports on a host", host + "c2s_ports = { 1 }\n", 0, []string{"cfg.lua:2: warning: c2s_ports: without effect on example.org"}},
		{"critical modules", "modules_critical = { \"ping\", \"roster\" }\nmodules_enabled = { \"ping\" }\n" + host, 0, []string{"0 errors, 0 warnings"}},
		{
			"critical modules that are not there", "modules_critical = { \"ping\", \"pnig\" }\nmodules_enabled = { \"disco\" }\n" + host, 1,
			[]string{`cfg.lua:1: error: modules_critical: "ping" is enabled on no host`, `cfg.lua:1: error: modules_critical: "pnig" is enabled on no host`},
		},
		{"log", "log = { noise = \"x\" }\n" + host, 0, []string{"cfg.lua:1: warning: log: noise is no level"}},
		{"certificates", "tls_profile = \"strange\"\n" + host, 1, []string{"cfg.lua:1: error: tls_profile"}},
		{"modules that are no list", "modules_enabled = \"ping\"\n" + host, 1, []string{"cfg.lua:1: error: modules_enabled: want a list"}},
		{"data that is Prosody's", "data_path = \"old\"\n" + host, 0, []string{"cfg.lua:1: warning: data_path: ", "romeo.dat is Prosody's", "tercet import"}},
		{"Prosody's database", "data_path = \"olddb\"\n" + host, 0, []string{"prosody.sqlite is Prosody's", "tercet import"}},
		{"data where there is a file", "data_path = \"file\"\n" + host, 1, []string{"cfg.lua:1: error: data_path", "is not a directory"}},
		{"data that others may read", "data_path = \"wide\"\n" + host, 0, []string{"cfg.lua:1: warning: data_path: ", "wide has mode 0755"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t, tt.lua)
			for name, mode := range map[string]fs.FileMode{
				"old/example%2eorg/accounts/romeo.dat": 0o600, "olddb/prosody.sqlite": 0o600, "file": 0o600, "wide/x": 0o600,
			} {
				path := filepath.Join(p.dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte("not opened"), mode); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(filepath.Join(p.dir, "wide"), 0o755); err != nil {
				t.Fatal(err)
			}
			before := files(t, p.dir)
			o := p.call("", "check")
			all := outcome{out: o.out + o.err, code: o.code}
			all.want(t, tt.code, tt.want...)
			if after := files(t, p.dir); !slices.Equal(before, after) {
				t.Errorf("before: %v\nafter:  %v", before, after)
			}
		})
	}
}

func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			list = append(list, strings.TrimPrefix(path, dir)+" "+d.Type().String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
