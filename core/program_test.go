// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the program, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tercet")
	if err == nil {
		binary = filepath.Join(dir, "tercet")
		build := exec.Command("go", "build", "-o", binary, "tercet")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // it is in the system's temporary directory
	os.Exit(code)
}

// base is the config of a server that needs no fixed port.
const base = `data_path = "data"
interfaces = { "127.0.0.1" }
c2s_ports = { 0 }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
log = "*console"
`

// A place is a folder with a config, and maybe a server.
type place struct {
	t    *testing.T
	dir  string
	file string
	cmd  *exec.Cmd
	log  *bytes.Buffer // what the server has said; read it after its end
	head string        // what it printed at its start
	env  []string      // more variables for the server
}

func newPlace(t *testing.T, lua string) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir()}
	p.file = filepath.Join(p.dir, "tercet.cfg.lua")
	p.write(lua)
	return p
}

func (p *place) write(lua string) {
	p.t.Helper()
	if err := os.WriteFile(p.file, []byte(lua), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start runs a server and waits until it serves.
func (p *place) start(args ...string) *place {
	p.t.Helper()
	if len(args) == 0 {
		args = []string{"--config", p.file, "run"}
	}
	p.launch(nil, args...)
	return p
}

func (p *place) launch(attr *syscall.SysProcAttr, args ...string) {
	p.t.Helper()
	p.cmd = exec.CommandContext(p.t.Context(), binary, args...)
	p.cmd.Dir, p.cmd.Env, p.cmd.SysProcAttr = p.dir, append(environment(), p.env...), attr
	p.log = new(bytes.Buffer)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		if attr != nil && errors.Is(err, syscall.EPERM) { // no namespaces here
			p.launch(nil, args...)
			return
		}
		p.t.Fatal(err)
	}
	cmd := p.cmd
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()                          // and been waited for
	})
	lines := bufio.NewReader(out)
	for !strings.Contains(p.head, "all commands") {
		line, err := lines.ReadString('\n')
		p.head += line
		if err != nil {
			_ = p.cmd.Wait() // what it said is what matters
			p.t.Fatalf("the server did not start:\n%s%s", p.head, p.log)
		}
	}
	go io.Copy(io.Discard, lines)
}

func environment() []string {
	return append(os.Environ(), "TERCET_CONFIG=", "GORACE=halt_on_error=1")
}

// An outcome is what came of a call of the program.
type outcome struct {
	out, err string
	code     int
}

// call runs the program with the config of the place.
func (p *place) call(stdin string, args ...string) outcome {
	p.t.Helper()
	return run(p.t, p.dir, stdin, append([]string{"--config", p.file}, args...)...)
}

func run(t *testing.T, dir, stdin string, args ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, environment(), strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// want asserts the exit code and what was printed: texts that begin with "!"
// are to be in the errors.
func (o outcome) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", o.code, code, o.out, o.err)
	}
	for _, text := range texts {
		where := o.out
		if after, ok := strings.CutPrefix(text, "!"); ok {
			where, text = o.err, after
		}
		if !strings.Contains(where, text) {
			t.Errorf("not told: %q in\n%s--\n%s", text, o.out, o.err)
		}
	}
}

// decode reads the one line of JSON that was printed.
func decode[T any](t *testing.T, o outcome) (v T) {
	t.Helper()
	if o.code != 0 || strings.Count(o.out, "\n") != 1 {
		t.Fatalf("exit code %d, want 0 and one line\n%s%s", o.code, o.out, o.err)
	}
	if err := json.Unmarshal([]byte(o.out), &v); err != nil {
		t.Fatalf("%v in\n%s", err, o.out)
	}
	return v
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
