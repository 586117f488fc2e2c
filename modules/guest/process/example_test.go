// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
)

// root is the repository.
const root = "../../.."

// memory is a coretest.Target.
type memory struct{ *coretest.Server }

func (m memory) Dial() net.Conn { return m.Server.Dial("c2s") }

func (m memory) Login(t testing.TB, user, resource string) *coretest.Client {
	t.Helper()
	return m.Server.Login(user, resource)
}

// A target puts the guest's file where a golden stream says GUEST.
type target struct {
	memory
	guest string
}

func (g target) Reconfigure(lua string) module.Plan {
	return g.memory.Reconfigure(strings.ReplaceAll(lua, "GUEST", g.guest))
}

// The example behaves alike in each language, and as the guests in WebAssembly
// do: it is their stream, with another config.
func TestExamples(t *testing.T) {
	const stream = "../wasm/testdata/filter.txtar"
	b, err := os.ReadFile(stream)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("wasm_modules", "process_modules", `path = "GUEST", memory = "32MB"`, `command = { "GUEST" }`).Replace(string(b))
	if strings.Count(text, "process_modules") != 2 || strings.Count(text, "command = {") != 2 {
		t.Fatal("the stream is another")
	}
	for _, tt := range []struct {
		language string
		program  func(testing.TB) string
	}{
		{"go", golang},
		{"python", python},
	} {
		t.Run(tt.language, func(t *testing.T) {
			file := tt.program(t)
			sc := coretest.ParseScript(stream, text)
			s := coretest.New(t, strings.ReplaceAll(sc.Config, "GUEST", file), modules.All...)
			t.Logf("the process has %d KB of memory", s.Env.Manager.Meters()["filter"].Total().Memory/1024)
			sc.Run(t, target{memory{s}, file})
		})
	}
}

// golang makes the example in Go, away from the repository: that is all that an
// author needs.
func golang(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{"sdk/process", "examples/process/go"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(root, part))); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "filter")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join(dir, "examples/process/go"), "-o", out, ".")
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return out
}

// python is the example in Python.
func python(t testing.TB) string {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import grpc, google.protobuf").CombinedOutput(); err != nil {
		t.Skipf("python3-grpcio and python3-protobuf are not installed (make deps): %v\n%s", err, out)
	}
	file, err := filepath.Abs(filepath.Join(root, "examples/process/python/filter.py"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}
