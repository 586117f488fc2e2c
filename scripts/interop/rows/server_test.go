// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/module"
)

// patience is how long something may take that must come.
const patience = 10 * time.Second

// domain is the host whose accounts a row names without it.
const domain = "localhost"

// A kind is a program that rows are played to.
type kind struct {
	preamble func(s *server) string // what its config needs beyond the common
	run      func(s *server) *exec.Cmd
	control  func(s *server, args ...string) *exec.Cmd
	addUser  func(s *server, account, host, password string) error
	failed   *regexp.Regexp // a line of the log about an error
	asUser   *syscall.SysProcAttr
}

// A server is a process that one play of a row has for itself.
type server struct {
	t         *testing.T
	kind      *kind
	modules   []string // those of the row, in the runs that have them
	reloaded  bool     // they are reloaded once before the first step
	dir       string
	config    string
	c2s, http int // ports
	cmd       *exec.Cmd
	log       *buffer
	done      chan struct{}
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

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// newServer makes the folder of a server; ports and folder are what a row
// calls {c2s}, {http} and {dir}.
func newServer(t *testing.T, k *kind) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "tercet-rows") //nolint:usetesting // t.TempDir is closed to the user that runs the server
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, kind: k, dir: dir, c2s: freePort(t), http: freePort(t), log: new(buffer), users: make(map[string]bool)}
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

func (s *server) places() *strings.Replacer {
	return strings.NewReplacer("{dir}", s.dir, "{http}", strconv.Itoa(s.http), "{c2s}", strconv.Itoa(s.c2s))
}

// write writes the config and the files of a play.
func (s *server) write(p play) error {
	for _, sub := range []string{"data", "certs", "plugins"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o755); err != nil {
			return fmt.Errorf("make folders: %w", err)
		}
	}
	helper, err := os.ReadFile("plugins/mod_rows.lua")
	if err != nil {
		return fmt.Errorf("read the module that reloads: %w", err)
	}
	files := map[string]string{"plugins/mod_rows.lua": string(helper), "server.cfg.lua": s.preamble() + p.config}
	for name, text := range p.files {
		files[name] = text
	}
	for name, text := range files {
		name = filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("make folders: %w", err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // others read it
			return fmt.Errorf("write files: %w", err)
		}
	}
	s.config = filepath.Join(s.dir, "server.cfg.lua")
	return s.own()
}

// own gives the folder to the user that runs the server.
func (s *server) own() error {
	if s.kind.asUser == nil {
		return nil
	}
	uid, gid := int(s.kind.asUser.Credential.Uid), int(s.kind.asUser.Credential.Gid)
	err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, gid)
	})
	if err != nil {
		return fmt.Errorf("give the folder away: %w", err)
	}
	return nil
}

// as is the way to start a process as the user of a name, or nil if we are
// nobody who may.
func as(name string) *syscall.SysProcAttr {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32) // they are numbers
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (s *server) preamble() string {
	reload := ""
	if s.reloaded {
		reload = "rows_reload = " + luaList(s.modules) + "\n"
	}
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
%[4]s%[5]s`, s.dir, s.c2s, s.http, reload, s.kind.preamble(s))
}

func luaList(words []string) string {
	list := "{"
	for _, w := range words {
		list += fmt.Sprintf(" %q,", w)
	}
	return list + " }"
}

// start starts the process and waits until it listens.
func (s *server) start() error {
	s.cmd, s.done = s.kind.run(s), make(chan struct{})
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = s.dir, s.log, s.log, s.kind.asUser
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return fmt.Errorf("start: %w", err)
	}
	done, cmd := s.done, s.cmd
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
		case <-s.done:
			return fmt.Errorf("the server did not start: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not listen: %w", err)
		}
	}
}

// stop ends the process and waits for its end.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Error("the server does not end on SIGTERM")
		_ = s.cmd.Process.Kill() // the last means
		<-s.done
	}
}

// Dial opens a stream without TLS.
func (s *server) Dial() net.Conn {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.c2s))
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// AddUser makes an account, once.
func (s *server) AddUser(host, account, password string) {
	s.t.Helper()
	jid := account + "@" + host
	if s.users[jid] {
		return
	}
	s.users[jid] = true
	if err := s.kind.addUser(s, account, host, password); err != nil {
		s.t.Fatal(err)
	}
}

// Login opens a session; the user may be named with another host than domain,
// and with "!" before it if the account is there already.
func (s *server) Login(tb testing.TB, name, resource string) *coretest.Client {
	tb.Helper()
	name, there := strings.CutPrefix(name, "!")
	account, host, ok := strings.Cut(name, "@")
	if !ok {
		host = domain
	}
	if !there {
		s.AddUser(host, account, coretest.Password(account))
	}
	c := coretest.NewClient(tb, s.Dial(), host)
	c.JID = account + "@" + host + "/" + resource
	c.Plain(account, coretest.Password(account))
	c.Bind(resource)
	return c
}

// Reconfigure is not for rows: they have two configs, and no more.
func (s *server) Reconfigure(string) module.Plan {
	s.t.Fatal("a row has no section reload")
	return module.Plan{}
}

// failures are the lines of the log about errors that the play does not want,
// and the errors that it wants and that are not there.
func (s *server) failures(wanted []string) []string {
	var list []string
	log := s.log.String()
	for _, want := range wanted {
		if !strings.Contains(log, want) {
			list = append(list, "not in the log: "+want)
		}
	}
	for line := range strings.Lines(log) {
		if !s.kind.failed.MatchString(line) || containsAny(line, wanted) {
			continue
		}
		list = append(list, strings.TrimSpace(line))
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
