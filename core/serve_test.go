// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
)

// The first start in an empty folder writes a config and a data directory, and
// tells what comes next. The second one changes neither.
func TestFirstStart(t *testing.T) {
	p := &place{t: t, dir: t.TempDir()}
	// A network of its own, if we may: the first config has the usual ports.
	p.launch(&syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}, "run")
	p.file = filepath.Join(p.dir, "tercet.cfg.lua")
	for _, text := range []string{"serves localhost", "written now", "data       " + filepath.Join(p.dir, "data"), "5222", "adduser romeo@localhost", "romeo@localhost, server localhost port 5222"} {
		if !strings.Contains(p.head, text) {
			t.Errorf("not told: %q in\n%s", text, p.head)
		}
	}
	for name, want := range map[string]os.FileMode{
		"tercet.cfg.lua": 0o640, "data": os.ModeDir | 0o750, "data/tercet.sock": os.ModeSocket | 0o600, "data/localhost.key": 0o600,
	} {
		info, err := os.Stat(filepath.Join(p.dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v, want %v", name, info, err, want)
		}
	}
	run(t, p.dir, "secret", "adduser", "romeo@localhost", "--password-stdin").want(t, 0)
	run(t, p.dir, "", "stop").want(t, 0, "sessions ended: 0")
	if err := p.cmd.Wait(); err != nil {
		t.Error("the server ended with", err, p.log)
	}
	if err := os.WriteFile(p.file, []byte(base+`VirtualHost "localhost"`), 0o640); err != nil {
		t.Fatal(err)
	}
	p.head = ""
	p.start("run")
	if strings.Contains(p.head, "written now") {
		t.Error("the second start has written a config, too")
	}
	run(t, p.dir, "", "users").want(t, 0, "romeo@localhost\n")
}

// address is where clients connect.
func (p *place) address() string {
	p.t.Helper()
	type listener struct{ Service, Address string }
	for _, l := range decode[[]listener](p.t, p.call("", "listeners", "--json")) {
		if l.Service == "c2s" {
			return l.Address
		}
	}
	p.t.Fatal("nobody listens for clients")
	return ""
}

func (p *place) login(user, domain, resource string) *coretest.Client {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		p.t.Fatal(err)
	}
	c := coretest.NewClient(p.t, conn, domain)
	c.Plain(user, "secret")
	c.Bind(resource)
	return c
}

// A reload tells what it has done, and keeps each session that it can.
func TestReloadUnderSessions(t *testing.T) {
	lua := base + "modules_enabled = { \"ping\" }\nVirtualHost \"example.org\"\n"
	p := newPlace(t, lua+"VirtualHost \"example.net\"\n").start()
	p.call("secret", "adduser", "romeo@example.org", "--password-stdin").want(t, 0)
	p.call("secret", "adduser", "juliet@example.net", "--password-stdin").want(t, 0)
	romeo, juliet := p.login("romeo", "example.org", "orchard"), p.login("juliet", "example.net", "balcony")
	romeo.Send("<presence><show>away</show><priority>5</priority></presence>")
	romeo.Next()
	p.call("", "sessions").want(t, 0, "romeo@example.org/orchard", "away", "127.0.0.1:", "2 connected")
	p.call("", "sessions", "juliet@example.net").want(t, 0, "unavailable", "1 connected")
	p.call("", "status").want(t, 0, "sessions  2")

	p.write(lua + "x = = y")
	run(t, p.dir, "", "--socket", filepath.Join(p.dir, "data", "tercet.sock"), "reload").want(t, 1, "!nothing has changed", "!syntax error")
	p.write(strings.Replace(lua, "ping", "time", 1) + "VirtualHost \"example.net\"\nmax_resources = \"many\"\n")
	p.call("", "reload").want(t, 1, "!cfg.lua:10: error: max_resources", "!nothing has changed")
	romeo.Quiet()
	juliet.Quiet()

	p.write(strings.Replace(lua, "c2s_ports = { 0 }", "c2s_ports = { 0 } c2s_direct_tls_ports = { 0 }", 1) + "modules_enabled = { \"time\" }\n")
	o := p.call("", "reload")
	o.want(t, 0, "hosts removed     example.net", "modules loaded    time on example.org", "modules reloaded  ", "c2s", "listeners opened", "sessions ended    1")
	romeo.Quiet()
	if cause := juliet.Ended(); cause.First().Local() != "host-gone" {
		t.Errorf("juliet's stream ended with %s, want host-gone", cause)
	}
	p.write(strings.Replace(lua, `"data"`, `"elsewhere"`, 1))
	run(t, p.dir, "", "--socket", filepath.Join(p.dir, "data", "tercet.sock"), "reload").want(t, 0, "!data_path: a change of it waits for the next start")
	if _, err := os.Stat(filepath.Join(p.dir, "elsewhere")); err == nil {
		t.Error("the other data directory was made")
	}
	p.write(lua)
	romeo.Quiet()
	p.call("", "kick", "romeo@example.org/orchard", "--reason", "enough").want(t, 0, "romeo@example.org/orchard is disconnected")
	if cause := romeo.Ended(); !strings.Contains(cause.String(), "enough") {
		t.Errorf("romeo's stream ended with %s, want the reason", cause)
	}
	romeo = p.login("romeo", "example.org", "orchard")
	p.call("other", "passwd", "romeo@example.org", "--password-stdin").want(t, 0)
	romeo.Ended()
	p.call("secret", "passwd", "romeo@example.org", "--password-stdin").want(t, 0)
	romeo = p.login("romeo", "example.org", "orchard")
	p.call("", "deluser", "romeo@example.org").want(t, 0)
	if cause := romeo.Ended(); cause.First().Local() != "not-authorized" {
		t.Errorf("romeo's stream ended with %s, want not-authorized", cause)
	}
}

// SIGHUP reloads as well, and SIGTERM stops in order.
func TestSignals(t *testing.T) {
	p := newPlace(t, base+"pidfile = \"tercet.pid\" VirtualHost \"example.org\"").start()
	pid, err := os.ReadFile(filepath.Join(p.dir, "data", "tercet.pid"))
	if err != nil || strings.TrimSpace(string(pid)) != fmt.Sprint(p.cmd.Process.Pid) {
		t.Errorf("pidfile: %q, %v", pid, err)
	}
	p.write(base + "pidfile = \"tercet.pid\" VirtualHost \"example.org\" VirtualHost \"example.net\"")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new host", func() bool { return strings.Contains(p.call("", "status").out, "example.net") })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error("exit:", err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "data", "tercet.pid")); err == nil {
		t.Error("the pidfile is left")
	}
	if !strings.Contains(p.log.String(), "stopped") {
		t.Errorf("the log does not say that it stopped:\n%s", p.log)
	}
}

// The service manager hears of each step (sd_notify(3)).
func TestNotify(t *testing.T) {
	p := newPlace(t, base+`VirtualHost "example.org"`)
	socket := filepath.Join(p.dir, "n")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	p.env = []string{"NOTIFY_SOCKET=" + socket}
	p.start()
	p.call("", "reload").want(t, 0)
	p.call("", "stop").want(t, 0)
	for _, want := range []string{"READY=1", "RELOADING=1\nMONOTONIC_USEC=", "READY=1", "STOPPING=1"} {
		b := make([]byte, 256)
		_ = manager.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := manager.Read(b)
		if err != nil || !strings.HasPrefix(string(b[:n]), want) {
			t.Errorf("told: %q, %v, want %q", b[:n], err, want)
		}
	}
}

// What keeps a server from its start, and what does not.
func TestObstacles(t *testing.T) {
	t.Run("a second server", func(t *testing.T) {
		p := newPlace(t, base+`VirtualHost "example.org"`).start()
		p.call("", "run").want(t, 1, "!another server holds the data directory")
		p.call("", "status").want(t, 0)
	})
	t.Run("an error in the config", func(t *testing.T) {
		p := newPlace(t, base+"c2s_timeout = \"x\" VirtualHost \"example.org\"")
		p.call("", "run").want(t, 1, "!error: c2s_timeout", "!tercet does not start")
		if _, err := os.Stat(filepath.Join(p.dir, "data")); err == nil {
			t.Error("a data directory was made")
		}
	})
	t.Run("no place for data", func(t *testing.T) {
		p := newPlace(t, base+"data_path = \"/proc/nowhere\" VirtualHost \"example.org\"")
		p.call("", "run").want(t, 1, "!data_path")
	})
	t.Run("no place for log and pidfile", func(t *testing.T) {
		p := newPlace(t, strings.Replace(base, "log = \"*console\"\n", "", 1)+`log = { info = "/nowhere/x.log" } pidfile = "/nowhere/x.pid" VirtualHost "example.org"`).start()
		p.call("", "status").want(t, 0)
		p.call("", "stop").want(t, 0)
		_ = p.cmd.Wait() // its exit code is not what is tested
		for _, text := range []string{"/nowhere/x.log", "/nowhere/x.pid"} {
			if !strings.Contains(p.log.String(), text) {
				t.Errorf("no warning about %s:\n%s", text, p.log)
			}
		}
	})
	t.Run("a socket that is left over", func(t *testing.T) {
		p := newPlace(t, base+`VirtualHost "example.org"`).start()
		_ = p.cmd.Process.Kill() // its end is waited for
		_ = p.cmd.Wait()         // it was killed
		p.head = ""
		p.start()
		p.call("", "status").want(t, 0)
	})
}

// The mask keeps what the server makes from others, or lets them.
func TestUmask(t *testing.T) {
	for mask, want := range map[string]os.FileMode{"077": 0o600, "027": 0o640} {
		p := newPlace(t, base+`umask = "`+mask+`" pidfile = "tercet.pid" VirtualHost "example.org"`).start()
		info, err := os.Stat(filepath.Join(p.dir, "data", "tercet.pid"))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("umask %s: %v, %v, want %v", mask, info, err, want)
		}
	}
}

// log --follow goes on until it is interrupted.
func TestFollow(t *testing.T) {
	p := newPlace(t, base+`modules_enabled = { "ping" } VirtualHost "example.org"`).start()
	cmd := exec.CommandContext(t.Context(), binary, "--config", p.file, "log", "0", "--follow", "--level", "debug", "--json")
	cmd.Env = environment()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		in := bufio.NewScanner(out)
		for in.Scan() {
			lines <- in.Text()
		}
		close(lines)
	}()
	found := false
	eventually(t, "a line about a command", func() bool {
		p.call("", "users").want(t, 0)
		select {
		case line := <-lines:
			found = found || strings.Contains(line, "users")
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		default:
		}
		return found
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for range lines {
	}
	_ = cmd.Wait() // interrupted
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	p.call("", "status").want(t, 0)
}

// The kernel tells who is at the other end: a stranger is refused, even where
// the mode of the socket lets him in.
func TestStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	p := newPlace(t, base+`VirtualHost "example.org"`)
	short, err := os.MkdirTemp("", "t") //nolint:usetesting // others are to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) }) // it is temporary
	socket, tool := filepath.Join(short, "s"), filepath.Join(short, "tercet")
	p.write(base + fmt.Sprintf("admin_socket = %q VirtualHost \"example.org\"", socket))
	p.start()
	if out, err := exec.Command("cp", binary, tool).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	for _, name := range []string{short, socket, tool} {
		if err := os.Chmod(name, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), tool, "--socket", socket, "stop")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Dir = "/"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // its exit code tells
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(out.String(), "user 65534 may not control this server") {
		t.Errorf("exit code %d: %s", cmd.ProcessState.ExitCode(), &out)
	}
	p.call("", "status").want(t, 0)
}

// A dry run tells what a reload then does, and does none of it.
func TestDryRun(t *testing.T) {
	lua := base + "modules_enabled = { \"ping\", \"time\" }\nVirtualHost \"example.org\"\n"
	p := newPlace(t, lua+"VirtualHost \"example.net\"\n").start()
	p.call("secret", "adduser", "juliet@example.net", "--password-stdin").want(t, 0)
	juliet := p.login("juliet", "example.net", "balcony")
	type plan struct {
		Added           []string         `json:"hosts_added"`
		Removed         []string         `json:"hosts_removed"`
		Loaded          []string         `json:"loaded"`
		Reloaded        []string         `json:"reloaded"`
		Unloaded        []string         `json:"unloaded"`
		SessionsEnded   int              `json:"sessions_ended"`
		Problems        []map[string]any `json:"problems"`
		DryRun          bool             `json:"dry_run"`
		ListenersOpened []string         `json:"listeners_opened"`
		ListenersClosed []string         `json:"listeners_closed"`
	}
	state := func() string {
		return p.call("", "module", "list", "--json").out + p.call("", "listeners", "--json").out + p.call("", "status", "--json").out[:40]
	}
	before := state()
	p.call("", "reload", "--dry-run").want(t, 0, "asks for nothing else", "nothing has changed: this is what a reload would do")

	p.write(lua + "x = = y")
	run(t, p.dir, "", "--socket", filepath.Join(p.dir, "data", "tercet.sock"), "reload", "--dry-run").want(t, 1, "!cfg.lua:9", "!syntax error", "!nothing has changed")
	p.write("c2s_timeout = {}\n" + lua + "max_resources = \"many\"\n")
	p.call("", "reload", "--dry-run").want(t, 1, "!cfg.lua:1: error: c2s_timeout", "!cfg.lua:10: error: max_resources", "!nothing has changed")

	changed := strings.Replace(base, "c2s_ports = { 0 }", "c2s_ports = { 0, 0 } c2s_timeout = 77", 1) +
		"modules_enabled = { \"ping\", \"version\", \"nosuch\" }\nwhatever = 1\nVirtualHost \"example.org\"\nVirtualHost \"example.com\"\n"
	p.write(changed)
	p.call("", "reload", "--dry-run").want(t, 0, "hosts added       example.com", "hosts removed     example.net", "version on example.org", "modules reloaded  ",
		"time on example.net", "sessions ended    1", "nothing has changed", "!whatever")
	dry := decode[plan](t, p.call("", "reload", "--dry-run", "--json"))
	if after := state(); after != before {
		t.Errorf("it has changed:\n%s\n%s", before, after)
	}
	juliet.Quiet()
	if !dry.DryRun || dry.ListenersOpened != nil || dry.ListenersClosed != nil || len(dry.Problems) != 2 || dry.Problems[0]["line"] != 7.0 || dry.Problems[1]["line"] != 8.0 {
		t.Errorf("dry run: %+v", dry)
	}
	done := decode[plan](t, p.call("", "reload", "--json"))
	if done.DryRun || done.ListenersOpened == nil {
		t.Errorf("reload: %+v", done)
	}
	done.DryRun, done.ListenersOpened, done.ListenersClosed = true, nil, nil
	if fmt.Sprint(dry) != fmt.Sprint(done) {
		t.Errorf("foretold: %+v\ndone:     %+v", dry, done)
	}
	if cause := juliet.Ended(); cause.First().Local() != "host-gone" {
		t.Errorf("juliet's stream ended with %s", cause)
	}
	if state() == before {
		t.Error("the reload has changed nothing")
	}
}
