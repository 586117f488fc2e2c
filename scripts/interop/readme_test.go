// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nobody is the user that the README's commands are run by.
const nobody = 65534

// A machine has a network of its own, where the usual ports are free, and an
// empty home for an unprivileged user. It goes away with the test.
type machine struct {
	t      *testing.T
	pid    string
	script []string // the environment of its commands
}

// setUp makes the machine's network and home, says so, and holds them until
// its input ends. Short forms of the test take the binary that is built.
const setUp = `
ip link set lo up
mount -t tmpfs home /mnt
mkdir -p /mnt/home/tercet /mnt/go /mnt/mod
cd "$1"
if [ -n "$2" ]; then
	cp Makefile /mnt/home/tercet
	cp "$2" /mnt/home/tercet/tercet
else
	cp -r Makefile go.mod go.sum main.go config core modules /mnt/home/tercet
	mount --bind "$(go env GOROOT)" /mnt/go
	mount --bind "$(go env GOMODCACHE)" /mnt/mod
fi
chown -R 65534:65534 /mnt/home
echo ready
cat`

func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be another user in a network of its own")
	}
	need(t, "unshare", "nsenter", "setpriv", "ip", "make")
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	built, env := binary, []string{"HOME=/mnt/home", "PATH=/mnt/go/bin:/usr/bin:/bin"}
	if long() { // it is built from nothing
		built = ""
		env = append(env, "GOMODCACHE=/mnt/mod", "GOPROXY=off")
	} else {
		env = append(env, "GO=true")
	}
	holder := exec.CommandContext(t.Context(), "unshare", "--net", "--mount", "sh", "-ec", setUp, "sh", root, built)
	holder.Stderr = os.Stderr
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()    // that is its end
		_ = holder.Wait() // the context may have been faster
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("no machine for the test: %q, %v", line, err)
	}
	return &machine{t, strconv.Itoa(holder.Process.Pid), env}
}

// command is a shell block, run by the unprivileged user in the sources.
func (m *machine) command(ctx context.Context, block string) *exec.Cmd {
	id := strconv.Itoa(nobody)
	args := []string{"--target", m.pid, "--net", "--mount", "setpriv", "--reuid", id, "--regid", id, "--clear-groups", "env", "-i"}
	args = append(append(args, m.script...), "sh", "-ec", "cd /mnt/home/tercet\n"+block)
	return exec.CommandContext(ctx, "nsenter", args...)
}

// inside runs a program as root in the machine's network.
func (m *machine) inside(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--target", m.pid, "--net"}, args...)...)
}

// foreground starts a block that stays, and waits until the server has told
// what comes next. What it returns waits for its end.
func (m *machine) foreground(block string) (wait func() error) {
	m.t.Helper()
	cmd := m.command(m.t.Context(), block)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	in, out, err := os.Pipe()
	if err != nil {
		m.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	_ = out.Close() // the process has its own
	said, done := new(buffer), make(chan error, 1)
	m.t.Cleanup(func() {
		_ = cmd.Cancel() // it may have ended
		_ = in.Close()   // nothing comes any more
		if m.t.Failed() {
			m.t.Logf("%s\n%s", block, tail(said.String(), 8000))
		}
	})
	go func() {
		_, _ = io.Copy(said, in) // until all of the block has ended
		done <- cmd.Wait()
	}()
	for deadline := time.Now().Add(10 * time.Minute); !strings.Contains(said.String(), "all commands"); {
		select {
		case err := <-done:
			m.t.Fatalf("the server did not start: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			m.t.Fatal("the server does not start")
		}
	}
	return func() error {
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			return errors.New("it goes on after 30 s")
		}
	}
}

var (
	shellBlock = regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n")
	newAccount = regexp.MustCompile(`echo '([^']+)' \| ./tercet adduser (\w+)@localhost --password-stdin`)
)

// TestReadme does what the README's quick start says, block by block, in an
// empty home. The block "make run" stays in the foreground, as the README
// says; before "./tercet stop" two people chat by clients.
func TestReadme(t *testing.T) {
	needSlixmpp(t)
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, start, _ := strings.Cut(string(text), "\n## Quick start\n")
	start, _, _ = strings.Cut(start, "\n## ")
	people := newAccount.FindAllStringSubmatch(start, -1)
	if len(people) != 2 {
		t.Fatalf("the quick start makes %d accounts, want 2", len(people))
	}
	m := newMachine(t)
	var wait func() error
	stopped := false
	for _, found := range shellBlock.FindAllStringSubmatch(start, -1) {
		switch block := found[1]; block {
		case "make run":
			wait = m.foreground(block)
		case "./tercet stop":
			m.chat(people[0][2], people[0][1], people[1][2], people[1][1])
			stopped = true
			fallthrough
		default:
			out, err := m.command(t.Context(), block).CombinedOutput()
			t.Logf("%s\n%s", block, out)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if wait == nil || !stopped {
		t.Fatal("the quick start has no block \"make run\" or none \"./tercet stop\"")
	}
	if err := wait(); err != nil {
		t.Error("make run ended with", err)
	}
	m.untouched()
}

// chat has two people do with slixmpp what people do every day.
func (m *machine) chat(user, password, peer, peerPassword string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 3*time.Minute)
	defer cancel()
	out, err := m.inside(ctx, slixmpp, "chat.py", "--domain", "localhost", "--user", user, "--password", password,
		"--peer", peer, "--peer-password", peerPassword).CombinedOutput()
	m.t.Logf("%s", out)
	if err != nil {
		m.t.Fatal(err)
	}
}

// untouched finds what the server has left outside of its folder, or where
// others may read it.
func (m *machine) untouched() {
	m.t.Helper()
	out, err := m.command(m.t.Context(), `
find /mnt/home -mindepth 1 -maxdepth 1 ! -name tercet ! -name .cache ! -name .config
find data tercet.cfg.lua -perm /027`).CombinedOutput()
	if err != nil || len(out) > 0 {
		m.t.Errorf("left in the home, or open to others: %v\n%s", err, out)
	}
}
