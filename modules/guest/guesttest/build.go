// SPDX-License-Identifier: Apache-2.0

// Package guesttest is what tests of guests share beside coretest: guests in C,
// made from their source, and what the log says of guests.
package guesttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// C makes a guest of a source that needs tercet.h alone, and returns its code.
// Without clang the test is skipped.
func C(t testing.TB, source string) []byte {
	t.Helper()
	clang, err := exec.LookPath("clang")
	if err != nil {
		t.Skipf("clang is not installed (make deps): %v", err)
	}
	dir := t.TempDir()
	file, out := filepath.Join(dir, "guest.c"), filepath.Join(dir, "guest.wasm")
	if err := os.WriteFile(file, []byte("#include \"tercet.h\"\n"+source), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), clang, "--target=wasm32", "-O2", "-mbulk-memory", "-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=8192", //nolint:gosec // a test's own
		"-I", filepath.Join(root(t), "sdk/c"), "-Wall", "-Wextra", "-Werror", "-o", out, file)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// root is the repository.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("this is not below the repository: %v", err)
	return ""
}

// Write makes a file with a name in a folder of its own, or replaces one whose
// name has a slash.
func Write(t testing.TB, name string, content []byte) (path string) {
	t.Helper()
	path = name
	if !filepath.IsAbs(name) {
		path = filepath.Join(t.TempDir(), name)
	}
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil { // nobody reads half of it
		t.Fatal(err)
	}
	return path
}
