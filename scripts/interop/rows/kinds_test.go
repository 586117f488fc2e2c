// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// A kind is a program that rows are played to.
type kind struct {
	preamble func(s *server) string // what its config needs beyond the common
	run      func(s *server) *exec.Cmd
	control  func(s *server, args ...string) *exec.Cmd
	addUser  func(s *server, account, host, password string) error
	asks     bool           // accounts are made by the server as it runs
	failed   *regexp.Regexp // a line of the log about an error
	asUser   *syscall.SysProcAttr
}

// prosodyFiles are there where Debian's packages prosody and prosody-modules
// are installed.
var prosodyFiles = []string{"/usr/bin/prosody", "/usr/lib/prosody/modules/mod_firewall"}

// prosody is the genuine one, of Debian's packages.
func prosody() *kind {
	return &kind{
		preamble: func(s *server) string {
			return fmt.Sprintf("plugin_paths = { %q }\nrun_as_root = true\nlog = { debug = \"*console\" }\n", s.dir+"/plugins")
		},
		run: func(s *server) *exec.Cmd { return exec.Command("prosody", "-F", "--config", s.config) },
		control: func(s *server, args ...string) *exec.Cmd {
			return exec.Command("prosodyctl", append([]string{"--config", s.config}, args...)...)
		},
		addUser: writeAccount,
		failed:  regexp.MustCompile(`^\S+\s+error\t`),
		asUser:  as("prosody"),
	}
}

// writeAccount writes the file that prosody would write: prosodyctl takes a
// while.
func writeAccount(s *server, account, host, password string) error {
	dir := filepath.Join(s.dir, "data", encode(host), "accounts")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("add account: %w", err)
	}
	text := fmt.Sprintf("return {\n\t[\"password\"] = %q;\n};\n", password)
	if err := os.WriteFile(filepath.Join(dir, encode(account)+".dat"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("add account: %w", err)
	}
	return s.give()
}

// encode writes a name as prosody's datamanager writes those of files.
func encode(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// tercet is the built server. It takes the modules of a row from their Lua
// files, even those that it has itself.
func tercet(binary string) *kind {
	command := func(s *server, args ...string) *exec.Cmd {
		return exec.Command(binary, append([]string{"--config", s.config}, args...)...)
	}
	return &kind{
		preamble: func(s *server) string {
			return fmt.Sprintf(`plugin_paths = { %q }
force_lua_modules = %s
auth_limit_allow = { "127.0.0.1" }
admin_socket = "control.sock"
log = { debug = "*console" }
`, s.dir+"/plugins", luaList(s.modules))
		},
		run:     func(s *server) *exec.Cmd { return command(s, "run") },
		control: command,
		addUser: func(s *server, account, host, password string) error {
			return eventually(patience, func() error { // it listens for that a little later than for clients
				cmd := s.command(command(s, "adduser", account+"@"+host, "--password-stdin"))
				cmd.Stdin = strings.NewReader(password + "\n")
				if out, err := cmd.CombinedOutput(); err != nil {
					return fmt.Errorf("add account: %w: %s", err, out)
				}
				return nil
			})
		},
		asks:   true,
		failed: regexp.MustCompile(`\terror\t`),
	}
}
