// SPDX-License-Identifier: Apache-2.0

// Package interop_test runs the built server as its users do, with clients
// that we did not write and with some that nobody should.
package interop_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
)

// binary is the server, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	if text := os.Getenv(ordered); text != "" {
		done, err := obey(text)
		fmt.Println(done)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "tercet-interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "tercet")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "tercet")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // it is temporary anyway
	os.Exit(code)
}

// long reports whether the long forms of tests are asked for.
func long() bool { return os.Getenv("TERCET_SOAK") != "" }

// A server is a process of the built binary.
type server struct {
	t            testing.TB
	dir          string
	config       string
	plain, tls   int // ports
	cmd          *exec.Cmd
	log          *buffer
	done         chan struct{}
	users        sync.Map
	domain, host string
	prepare      func(*exec.Cmd) // what a test changes before the process starts
}

// buffer collects what the process prints.
type buffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// newServer writes a config for one host and starts the server on it.
func newServer(tb testing.TB, lua string) *server {
	tb.Helper()
	s := stoppedServer(tb, lua)
	s.start()
	return s
}

// stoppedServer writes a config for one host.
func stoppedServer(tb testing.TB, lua string) *server {
	tb.Helper()
	s := &server{t: tb, dir: tb.TempDir(), plain: freePort(tb), tls: freePort(tb), domain: coretest.Domain, host: "127.0.0.1"}
	s.write(lua)
	tb.Cleanup(func() {
		if s.cmd == nil {
			return
		}
		s.kill(syscall.SIGTERM)
		if tb.Failed() {
			tb.Logf("the server's log:\n%s", tail(s.log.String(), 8000))
		}
	})
	return s
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}

func (s *server) write(lua string) {
	s.t.Helper()
	s.config = filepath.Join(s.dir, "tercet.cfg.lua")
	head := fmt.Sprintf(`
data_path = "data"
c2s_ports = { %d }
c2s_direct_tls_ports = { %d }
interfaces = { "127.0.0.1" }
default_iteration_count = 4096
auth_limit_allow = { "127.0.0.1" }
`, s.plain, s.tls)
	if !strings.Contains(lua, "VirtualHost") {
		lua += "\nVirtualHost \"" + s.domain + "\"\n"
	}
	if err := os.WriteFile(s.config, []byte(head+lua), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start starts the process and waits until it listens.
func (s *server) start() {
	s.t.Helper()
	s.log, s.done = new(buffer), make(chan struct{})
	s.cmd = exec.Command(binary, "--config", s.config, "run")
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, s.log, s.log
	if s.prepare != nil {
		s.prepare(s.cmd)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // the exit code of a killed server says nothing
		close(s.done)
	}()
	deadline := time.Now().Add(20 * time.Second)
	for _, port := range []int{s.plain, s.tls} { // one is open a little before the other
		s.awaitPort(port, deadline)
	}
}

func (s *server) awaitPort(port int, deadline time.Time) {
	s.t.Helper()
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close() // it was a question
			return
		}
		select {
		case <-s.done:
			s.t.Fatalf("the server did not start:\n%s", s.log)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server does not listen on port %d:\n%s", port, s.log)
		}
	}
}

// kill ends the process and waits for its end.
func (s *server) kill(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig) // it may have ended
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		s.t.Errorf("the server does not end on %v", sig)
		_ = s.cmd.Process.Kill() // the last means
		<-s.done
	}
}

// control runs the control tool.
func (s *server) control(input string, args ...string) (string, error) {
	cmd := exec.Command(binary, append([]string{"--config", s.config}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("tercet %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// addUser makes an account, once.
func (s *server) addUser(user, password string) {
	s.t.Helper()
	if _, had := s.users.LoadOrStore(user, true); had {
		return
	}
	if _, err := s.control(password+"\n", "adduser", user+"@"+s.domain, "--password-stdin"); err != nil {
		s.t.Fatal(err)
	}
}

// dial opens a connection with TLS from the first byte.
func (s *server) dial(tb testing.TB) net.Conn {
	tb.Helper()
	c, err := s.tryDial()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func (s *server) tryDial() (net.Conn, error) {
	d := tls.Dialer{Config: &tls.Config{
		ServerName: s.domain, NextProtos: []string{"xmpp-client"}, InsecureSkipVerify: true,
	}}
	c, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.tls))
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return c, nil
}

// login opens a session.
func (s *server) login(tb testing.TB, user, resource string) *coretest.Client {
	tb.Helper()
	s.addUser(user, coretest.Password(user))
	c := coretest.NewClient(tb, s.dial(tb), s.domain)
	c.JID = user + "@" + s.domain + "/" + resource
	c.Plain(user, coretest.Password(user))
	c.Bind(resource)
	return c
}

// rss is the resident memory of the process, in bytes.
func (s *server) rss() int64 {
	s.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		s.t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}

// need skips a test whose program is absent; where everything is installed,
// nothing is.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); errors.Is(err, exec.ErrNotFound) {
			t.Skipf("%s is not installed: make deps", p)
		}
	}
}
