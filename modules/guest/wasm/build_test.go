// SPDX-License-Identifier: Apache-2.0

package wasm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the repository.
const root = "../../.."

// A builder makes a guest in one language.
type builder struct {
	tool  string // without it there is no guest
	needs string // nor without this file
	args  func(out, source string) []string
	env   []string
}

// tools are the programs that make guests; scripts/deps.sh installs them.
var clang = builder{tool: "clang", args: func(out, source string) []string {
	return []string{
		"--target=wasm32", "-O2", "-mbulk-memory", "-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=8192",
		"-I", filepath.Join(root, "sdk/c"), "-Wall", "-Wextra", "-Werror", "-o", out, source,
	}
}}

// golang makes a guest of the folder that the source lies in.
var golang = builder{tool: "go", args: func(out, source string) []string {
	return []string{"build", "-C", filepath.Dir(source), "-ldflags=-s -w", "-buildmode=c-shared", "-o", out, "."}
}, env: []string{"GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=-buildvcs=false"}}

// rustc is Debian's: another in the path may have no library for wasm32.
var rustc = builder{tool: "/usr/bin/rustc", needs: "/usr/lib/rustlib/wasm32-unknown-unknown", args: func(out, source string) []string {
	return []string{
		"--edition", "2021", "--target", "wasm32-unknown-unknown", "--crate-type", "cdylib", "-O",
		"-C", "panic=abort", "-C", "strip=symbols", "-C", "link-arg=-zstack-size=16384", "-o", out, source,
	}
}}

// asc is where scripts/deps.sh puts AssemblyScript, or in the path.
var asc = builder{tool: ascPath(), args: func(out, source string) []string {
	return []string{source, "-O", "--use", "abort=", "--exportStart", "_initialize", "-o", out}
}}

func ascPath() string {
	local := filepath.Join(root, "build/assemblyscript/node_modules/.bin/asc")
	if _, err := os.Stat(local); err == nil {
		return local
	}
	return "asc"
}

// build makes a guest, or skips the test where its tool is missing.
func (b builder) build(t testing.TB, source string) string {
	t.Helper()
	tool, err := exec.LookPath(b.tool)
	if _, e := os.Stat(b.needs); b.needs != "" && err == nil {
		err = e
	}
	if err != nil {
		t.Skipf("%s is not installed (make deps): %v", b.tool, err)
	}
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.CommandContext(t.Context(), tool, b.args(out, source)...)
	cmd.Env = append(os.Environ(), b.env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return out
}

var (
	builtMu sync.Mutex
	built   = make(map[string][]byte) // by source
)

// c makes a guest from source text, once for all tests.
func c(t testing.TB, source string) string {
	t.Helper()
	builtMu.Lock()
	defer builtMu.Unlock()
	code := built[source]
	if code == nil {
		file := filepath.Join(t.TempDir(), "guest.c")
		if err := os.WriteFile(file, []byte("#include \"tercet.h\"\n"+source), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if code, err = os.ReadFile(clang.build(t, file)); err != nil {
			t.Fatal(err)
		}
		built[source] = code
	}
	out := filepath.Join(t.TempDir(), "guest.wasm")
	if err := os.WriteFile(out, code, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}
