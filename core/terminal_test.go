// SPDX-License-Identifier: Apache-2.0

//go:build linux

package core_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal with the program in it.
type terminal struct {
	t    *testing.T
	main *os.File
	cmd  *exec.Cmd

	mu     sync.Mutex // guards screen
	screen strings.Builder
}

func openTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	main, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs pseudo-terminals:", err)
	}
	fd := int(main.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, main: main, cmd: exec.CommandContext(t.Context(), binary, args...)}
	x.cmd.Env = environment()
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = tty, tty, tty
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close() // the program has its own
	t.Cleanup(func() { _ = main.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := main.Read(b)
			x.mu.Lock()
			x.screen.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return x
}

func (x *terminal) seen() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

func (x *terminal) expect(text string) {
	x.t.Helper()
	x.t.Cleanup(func() {
		if x.t.Failed() {
			x.t.Logf("on the screen:\n%s", x.seen())
		}
	})
	eventually(x.t, fmt.Sprintf("%q on the screen", text), func() bool { return strings.Contains(x.seen(), text) })
}

func (x *terminal) enter(line string) {
	x.t.Helper()
	if _, err := x.main.WriteString(line + "\r"); err != nil {
		x.t.Fatal(err)
	}
}

// secret enters what must not be seen, once the terminal shows no more what is
// typed: a moment after the prompt, which is sooner than a person types.
func (x *terminal) secret(line string) {
	x.t.Helper()
	eventually(x.t, "the terminal keeps silent", func() bool {
		state, err := unix.IoctlGetTermios(int(x.main.Fd()), unix.TCGETS)
		return err == nil && state.Lflag&unix.ECHO == 0
	})
	x.enter(line)
}

func (x *terminal) exit() int {
	_ = x.cmd.Wait() // the code tells
	return x.cmd.ProcessState.ExitCode()
}

// In a terminal a password is asked for twice and not shown.
func TestPasswordPrompt(t *testing.T) {
	p := newPlace(t, base+`VirtualHost "example.org"`).start()
	x := openTerminal(t, "--config", p.file, "adduser", "romeo@example.org")
	x.expect("Password for romeo@example.org: ")
	x.secret("orchard1")
	x.expect("The same again: ")
	x.secret("orchard1")
	if code := x.exit(); code != 0 {
		t.Errorf("exit code %d\n%s", code, x.seen())
	}
	x.expect("account romeo@example.org is made")
	if strings.Contains(x.seen(), "orchard1") {
		t.Errorf("the password is on the screen:\n%s", x.seen())
	}
	x = openTerminal(t, "--config", p.file, "passwd", "romeo@example.org")
	x.expect("New password for romeo@example.org: ")
	x.secret("one")
	x.expect("The same again: ")
	x.secret("two")
	if code := x.exit(); code != 1 {
		t.Errorf("two passwords: exit code %d\n%s", code, x.seen())
	}
	x.expect("nothing has changed")
	x = openTerminal(t, "--config", p.file, "adduser", "romeo@example.org")
	if code := x.exit(); code != 1 {
		t.Errorf("a name that is taken: exit code %d\n%s", code, x.seen())
	}
	x.expect("there is an account")
	if strings.Contains(x.seen(), "Password") {
		t.Error("a password was asked for though the name is taken")
	}
}

func TestInteractivePrompt(t *testing.T) {
	p := newPlace(t, base+`VirtualHost "example.org"`).start()
	x := openTerminal(t, "--config", p.file, "shell")
	x.expect("tercet> ")
	x.enter("stat\t")
	x.expect("example.org  virtual host")
	x.enter("adduser romeo@example.org")
	x.expect("Password for romeo@example.org: ")
	x.secret("orchard1")
	x.expect("The same again: ")
	x.secret("orchard1")
	x.expect("account romeo@example.org is made")
	x.enter("exit")
	if code := x.exit(); code != 0 || strings.Contains(x.seen(), "orchard1") {
		t.Errorf("exit code %d\n%s", code, x.seen())
	}
}
