// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tercet/core/golden"
)

// patience is how long something may take that must come.
const patience = golden.Patience

// domain is the host whose accounts a row names without it.
const domain = "localhost"

// A server is a process that one play of a row has for itself.
type server struct {
	kind      *kind
	modules   []string // those of the row, in the runs that have them
	reload    bool     // they are reloaded once before the first step
	dir       string
	config    string
	c2s, http int // ports
	cmd       *exec.Cmd
	log       *buffer
	done      chan struct{} // the process has ended
	users     map[string]bool
	answer    answer
	pending   chan error // how a request ends that has begun
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

// given are the ports that servers of this process have.
var given sync.Map

// freePort is a port that no server has, nor has had.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close() // it was a question
		port := l.Addr().(*net.TCPAddr).Port
		if _, had := given.LoadOrStore(port, true); !had {
			return port
		}
	}
}

// newServer makes the folder of a server; it and the server go away with the
// test.
func newServer(t *testing.T, k *kind) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "tercet-rows") //nolint:usetesting // t.TempDir is closed to the user that runs the server
	if err != nil {
		t.Fatal(err)
	}
	s := &server{kind: k, dir: dir, c2s: freePort(t), http: freePort(t), log: new(buffer), users: make(map[string]bool)}
	t.Cleanup(func() {
		if s.cmd != nil {
			_ = s.cmd.Process.Kill() // nobody needs it any more
			<-s.done
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", tail(s.log.String(), 20000))
		}
		_ = os.RemoveAll(dir) // it is temporary anyway
	})
	return s
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}

// places are what a row calls the folder and the ports.
func (s *server) places() *strings.Replacer {
	return strings.NewReplacer("{dir}", s.dir, "{http}", strconv.Itoa(s.http), "{c2s}", strconv.Itoa(s.c2s))
}

// write writes the config and the files of a play.
func (s *server) write(p play) error {
	helper, err := os.ReadFile("plugins/mod_rows.lua")
	if err != nil {
		return fmt.Errorf("read the module that reports: %w", err)
	}
	s.config = filepath.Join(s.dir, "server.cfg.lua")
	files := map[string]string{"plugins/mod_rows.lua": string(helper), "server.cfg.lua": s.preamble() + p.config}
	maps.Copy(files, p.files)
	for _, sub := range []string{"data", "certs"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o700); err != nil {
			return fmt.Errorf("make folders: %w", err)
		}
	}
	for name, text := range files {
		name = filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return fmt.Errorf("make folders: %w", err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write files: %w", err)
		}
	}
	return s.give()
}

// give makes the folder that of the user who runs the server.
func (s *server) give() error {
	if s.kind.asUser == nil {
		return nil
	}
	uid, gid := int(s.kind.asUser.Credential.Uid), int(s.kind.asUser.Credential.Gid)
	err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) { // the server is at work
			return nil
		}
		if err == nil {
			err = os.Lchown(path, uid, gid)
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("give the folder away: %w", err)
	}
	return nil
}

// as is how a process becomes that of a user, or nil where we may not.
func as(name string) *syscall.SysProcAttr {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// preamble is the config that all rows have.
func (s *server) preamble() string {
	return fmt.Sprintf(`data_path = "%[1]s/data"
pidfile = "%[1]s/data/server.pid"
certificates = "%[1]s/certs"
interfaces = { "127.0.0.1" }
c2s_ports = { %[2]d }
c2s_direct_tls_ports = {}
s2s_ports = {}
http_ports = { %[3]d }
http_interfaces = { "127.0.0.1" }
https_ports = {}
http_default_host = "localhost"
admins = { "admin@localhost" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
modules_enabled = { "roster", "saslauth", "disco", "rows" }
modules_disabled = { "s2s" }
rows_modules = %[4]s
rows_reload = %[5]t
%[6]s`, s.dir, s.c2s, s.http, luaList(s.modules), s.reload, s.kind.preamble(s))
}

func luaList(words []string) string {
	list := "{"
	for _, w := range words {
		list += fmt.Sprintf(" %q,", w)
	}
	return list + " }"
}

// command prepares a process: the server, or a control tool.
func (s *server) command(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir, cmd.SysProcAttr, cmd.Env = s.dir, s.kind.asUser, append(os.Environ(), "TZ=UTC")
	return cmd
}

// start starts the process and waits until it listens.
func (s *server) start() error {
	cmd, done := s.command(s.kind.run(s)), make(chan struct{})
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	s.cmd, s.done = cmd, done
	go func() {
		_ = cmd.Wait() // the exit code of a stopped server says nothing
		close(done)
	}()
	deadline := time.Now().Add(patience)
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.c2s))
		if err == nil {
			_ = c.Close() // it was a question
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("the server did not start: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not listen: %w", err)
		}
	}
}

// loaded waits until the server has said that the modules of the row are those
// of their Lua files, so that nothing else can pass for them.
func (s *server) loaded() error {
	for _, m := range s.modules {
		want := m + " on {any} is of {any}/mod_" + m + ".lua"
		if s.reload {
			want += "\n" + m + " on {any} reloaded: yes"
		}
		if err := s.logged("", want, map[string]string{}); err != nil {
			return err
		}
	}
	return nil
}

// restart ends the process in order and starts it again. A stream that opens
// before proves that the server knows of those that broke.
func (s *server) restart() error {
	conn, err := s.Dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := golden.NewStream(conn, domain).Open(); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	if err := s.stop(); err != nil {
		return err
	}
	return s.start()
}

// stop ends the process in order.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(patience):
		return errors.New("the server does not end on SIGTERM")
	}
}

// Dial opens a stream without TLS.
func (s *server) Dial() (net.Conn, error) {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.c2s))
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return c, nil
}

// Reconfigure is not for rows: they have two configs, and no more.
func (s *server) Reconfigure(string) error { return errors.New("a row has no section reload") }

// failures are the lines of the log about errors that the play does not want,
// and what it wants there and is not there.
func (s *server) failures(wanted []string) []string {
	var list []string
	log := s.log.String()
	for _, want := range wanted {
		if !strings.Contains(log, want) {
			list = append(list, "not in the log: "+want)
		}
	}
	for line := range strings.Lines(log) {
		if s.kind.failed.MatchString(line) && !containsAny(line, wanted) {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

func containsAny(line string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(line, part) {
			return true
		}
	}
	return false
}
