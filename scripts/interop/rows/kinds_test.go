// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// prosodyModules is where Debian's packages prosody and prosody-modules have
// the modules.
const prosodyModules = "/usr/lib/prosody/modules"

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
		failed:  regexp.MustCompile(`^\S+ +error\t`),
		asUser:  as("prosody"),
	}
}

// writeAccount writes the file that prosody would write: prosodyctl takes a
// while.
func writeAccount(s *server, account, host, password string) error {
	dir := filepath.Join(s.dir, "data", encode(host), "accounts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("add account: %w", err)
	}
	text := fmt.Sprintf("return {\n\t[\"password\"] = %q;\n};\n", password)
	if err := os.WriteFile(filepath.Join(dir, encode(account)+".dat"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("add account: %w", err)
	}
	return s.own()
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

// tercet is the binary that is tested; it takes the modules of a row from
// their Lua files, even those that it has itself.
func tercet(binary string) *kind {
	command := func(s *server, args ...string) *exec.Cmd {
		return exec.Command(binary, append([]string{"--config", s.config}, args...)...)
	}
	return &kind{
		preamble: func(s *server) string {
			return fmt.Sprintf(`plugin_paths = { %q, %q }
force_lua_modules = %s
default_iteration_count = 4096
auth_limit_allow = { "127.0.0.1" }
admin_socket = "control.sock"
log = { debug = "*console" }
`, s.dir+"/plugins", prosodyModules, luaList(append([]string{"rows"}, s.modules...)))
		},
		run:     func(s *server) *exec.Cmd { return command(s, "run") },
		control: command,
		addUser: func(s *server, account, host, password string) error {
			cmd := command(s, "adduser", account+"@"+host, "--password-stdin")
			cmd.Stdin = strings.NewReader(password + "\n")
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("add account: %w: %s", err, out)
			}
			return nil
		},
		failed: regexp.MustCompile(`level=ERROR|"level":"ERROR"|^\S+ +error\t`),
	}
}
