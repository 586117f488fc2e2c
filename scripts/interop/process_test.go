// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
)

// A service manager holds the sockets: who connects before the server runs, or
// between its end and its next start, is served and not refused.
func TestSocketActivation(t *testing.T) {
	s := stoppedServer(t, everyday)
	var held []*os.File
	for _, port := range []int{s.plain, s.tls} {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_ = l.Close() // a copy of it is held
		held = append(held, f)
	}
	s.prepare = func(cmd *exec.Cmd) {
		args := cmd.Args
		cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" "$@"`}, args...)
		cmd.ExtraFiles = held
	}
	for _, round := range []string{"first", "second"} {
		early, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.tls))
		if err != nil {
			t.Fatalf("%s start: nobody holds the socket: %v", round, err)
		}
		s.start()
		s.says("all commands")
		s.addUser("romeo", coretest.Password("romeo"))
		conn := tls.Client(early, &tls.Config{ServerName: s.domain, InsecureSkipVerify: true})
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if err := conn.Handshake(); err != nil {
			t.Fatalf("%s start: who came before it is not served: %v", round, err)
		}
		_ = conn.SetDeadline(time.Time{})
		c := coretest.NewClient(t, conn, s.domain)
		c.Plain("romeo", coretest.Password("romeo"))
		c.Bind("orchard")
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // kill tells if it has none
		if cause := c.Ended(); cause.First().Local() != "system-shutdown" {
			t.Errorf("%s start: the stream ends with %s, want system-shutdown", round, cause)
		}
		_ = conn.Close() // as clients do then
		s.kill(syscall.SIGTERM)
	}
}

// SIGTERM and SIGINT end the server in order: each client is told, whatever it
// was about to do, and the exit code is 0.
func TestSignalsEndInOrder(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			s := newServer(t, everyday+"pidfile = \"tercet.pid\"\n")
			pidfile := filepath.Join(s.dir, "data", "tercet.pid")
			s.says("all commands")
			if b, err := os.ReadFile(pidfile); err != nil || strings.TrimSpace(string(b)) != strconv.Itoa(s.cmd.Process.Pid) {
				t.Errorf("pidfile: %q, %v", b, err)
			}
			s.addUser("romeo", coretest.Password("romeo"))
			conns := []net.Conn{s.dial(t), s.dial(t)}
			bound, fresh := coretest.NewClient(t, conns[0], s.domain), coretest.NewClient(t, conns[1], s.domain)
			bound.Plain("romeo", coretest.Password("romeo"))
			bound.Bind("orchard")
			fresh.Open()
			if err := s.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			for i, c := range []*coretest.Client{bound, fresh} {
				if cause := c.Ended(); cause.First().Local() != "system-shutdown" {
					t.Errorf("stream %d ends with %s, want system-shutdown", i, cause)
				}
				_ = conns[i].Close() // as clients do then
			}
			select {
			case <-s.done:
			case <-time.After(20 * time.Second):
				t.Fatal("it does not end")
			}
			if strings.Contains(s.log.String(), "not all streams ended") {
				t.Error("a stream did not end in time")
			}
			if code := s.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			if _, err := os.Stat(pidfile); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the pidfile is left:", err)
			}
		})
	}
}

// SIGHUP reads the config again: a session stays, a new host is served, and
// what is wrong changes nothing.
func TestHangupReloads(t *testing.T) {
	s := newServer(t, everyday)
	c := s.login(t, "romeo", "orchard")
	s.write(everyday + "VirtualHost \"" + s.domain + "\"\nVirtualHost \"second.example\"\n")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.says("config reloaded")
	s.write(everyday + "c2s_timeout = \"soon\"\n")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.says("nothing has changed")
	s.write(everyday + "VirtualHost \"" + s.domain + "\"\nVirtualHost \"second.example\"\n")
	out, err := s.control("", "status")
	if err != nil || !strings.Contains(out, "second.example") || !strings.Contains(out, "sessions  1") {
		t.Errorf("status: %v\n%s", err, out)
	}
	c.Send("<iq type='get' id='p1' to='" + s.domain + "'><ping xmlns='urn:xmpp:ping'/></iq>")
	if answer := c.Next(); answer.Attr("id") != "p1" || answer.Attr("type") != "result" {
		t.Errorf("the session that stayed gets %s, want the answer to its ping", answer)
	}
}

// says waits until the server has printed the text.
func (s *server) says(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.log.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the server does not say %q", text)
		}
	}
}

// What an ordinary user may not write keeps the server from its start if data
// go there, and is worth one warning if not.
func TestUnwritable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	for _, tt := range []struct {
		name, lua string
		starts    bool
		want      []string // each in exactly one line
	}{
		{"log and pidfile", `log = { info = "/tercet-test.log", error = "*console" } pidfile = "/tercet-test.pid"`, true, []string{"/tercet-test.log", "/tercet-test.pid"}},
		{"data_path that can not be made", `data_path = "/tercet-test"`, false, []string{"/tercet-test"}},
		{"data_path of somebody else", `data_path = "others"`, false, []string{"others"}},
		{"data that somebody else wrote", `data_path = "mine"`, false, []string{"tercet.lock"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := stoppedServer(t, everyday+tt.lua)
			s.dir = open(t)
			s.write(everyday + tt.lua)
			s.prepare = func(cmd *exec.Cmd) {
				cmd.Path = filepath.Join(s.dir, "tercet")
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			}
			if err := os.Chown(s.config, nobody, nobody); err != nil {
				t.Fatal(err)
			}
			var said string
			if tt.starts {
				s.start()
				s.says("all commands")
				s.kill(syscall.SIGTERM)
				said = s.log.String()
			} else {
				cmd := exec.Command(binary, "--config", s.config, "run")
				s.prepare(cmd)
				out, _ := cmd.CombinedOutput() // the exit code is looked at
				said = string(out)
				if code := cmd.ProcessState.ExitCode(); code != 1 {
					t.Errorf("exit code %d, want 1", code)
				}
			}
			for _, text := range tt.want {
				if n := linesWith(said, text); n != 1 {
					t.Errorf("%d lines about %s, want 1:\n%s", n, text, said)
				}
			}
		})
	}
}

func linesWith(text, part string) (n int) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

// open makes a folder that an unprivileged user reaches and may write to, with
// the binary, with one of root's in it, and with one that root has used.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tercet-open") //nolint:usetesting // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // it is temporary anyway
	script := `cp "$1" tercet && mkdir others mine && touch mine/tercet.lock && chmod 600 mine/tercet.lock &&
		chmod 755 . others && chown 65534:65534 . mine`
	cmd := exec.Command("sh", "-ec", script, "sh", binary)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, bytes.TrimSpace(out))
	}
	return dir
}
