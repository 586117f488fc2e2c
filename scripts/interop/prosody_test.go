// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
)

const (
	// debianModules is where Debian's package prosody-modules has its files.
	debianModules = "/usr/lib/prosody/modules"
	// migrated is the folder of a server that has moved from Prosody.
	migrated = "testdata/prosody"
)

// elsewhere is what the config of the moved server must have otherwise in a
// test: folders, ports, and a log that can be read.
const elsewhere = `Include "prosody.cfg.lua"
data_path = "data"
pidfile = "tercet.pid"
libjs_path = "%[1]s/javascript"
interfaces = { "127.0.0.1" }
c2s_ports = { %[2]d }
c2s_direct_tls_ports = { %[3]d }
http_ports = { %[4]d }
auth_limit_allow = { "127.0.0.1" }
default_iteration_count = 4096
log = { info = "*console" }
`

// community are the modules of the package that the config enables.
func community(t *testing.T) (names []string) {
	t.Helper()
	b, err := os.ReadFile(migrated + "/modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		name, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		if what == "" {
			t.Errorf("modules.txt does not say what %s is", name)
		}
		file := filepath.Join(debianModules, "mod_"+name, "mod_"+name+".lua")
		if _, err := os.Stat(file); err != nil {
			t.Skipf("Debian's prosody-modules are not installed: make deps (%v)", err)
		}
		names = append(names, name)
	}
	return names
}

// movedServer writes the config of the moved server, and what it needs beside.
func movedServer(t *testing.T) (s *server, httpPort int) {
	t.Helper()
	s = stoppedServer(t, "")
	httpPort = freePort(t)
	if err := os.CopyFS(s.dir, os.DirFS(migrated)); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(elsewhere, s.dir, s.plain, s.tls, httpPort)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, httpPort
}

// problems are the lines that tell of warnings and worse, each once, without
// what differs from run to run.
func (s *server) problems(text string) string {
	var list []string
	for line := range strings.Lines(strings.ReplaceAll(text, s.dir, "{dir}")) {
		if !told.MatchString(line) {
			continue
		}
		line = stamp.ReplaceAllString(line, "")
		for _, port := range []int{s.plain, s.tls} {
			line = strings.ReplaceAll(line, fmt.Sprint(port), "{port}")
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), "")
}

var (
	told   = regexp.MustCompile(`: (warning|error|note): |\t(warn|error)\t`)
	failed = regexp.MustCompile(`: error: |\terror\t`)
	stamp  = regexp.MustCompile(`^[A-Z][a-z][a-z] [ \d]\d [\d:]+ +`)
)

// golden compares text with a file; TERCET_WRITE=1 writes it.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if os.Getenv("TERCET_WRITE") != "" {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("told:\n%s\nwant (%s):\n%s\nif that is right: TERCET_WRITE=1 go test ./scripts/interop -run %s", text, file, want, t.Name())
	}
}

// A server that has moved from Prosody with thirty of the community's modules
// starts from its config: no error, and exactly the warnings that stand in
// testdata, before and after somebody has worked with it and its config was
// read again.
func TestProsodyConfig(t *testing.T) {
	names := community(t)
	if len(names) != 30 {
		t.Errorf("%d modules, want 30", len(names))
	}
	s, port := movedServer(t)
	checked, err := s.control("", "check")
	if err != nil {
		t.Errorf("check: %v", err)
	}
	golden(t, migrated+"/check.want", s.problems(checked))
	s.start()
	s.says("all commands")
	s.allLoaded(names)
	s.work(t, port, "before")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.says("config reloaded")
	s.allLoaded(names)
	s.work(t, port, "after")
	s.kill(syscall.SIGTERM)
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	log := s.log.String()
	for line := range strings.Lines(log) {
		if failed.MatchString(line) {
			t.Error("the log: ", strings.TrimSpace(line))
		}
	}
	golden(t, migrated+"/log.want", s.problems(log))
}

// allLoaded wants modules to run, each somewhere.
func (s *server) allLoaded(names []string) {
	s.t.Helper()
	out, err := s.control("", "module", "list", "--json")
	if err != nil {
		s.t.Fatal(err)
	}
	var list []struct{ Name, State string }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		s.t.Fatalf("module list: %v in %s", err, out)
	}
	states := make(map[string]string)
	for _, m := range list {
		states[m.Name] = m.State
	}
	for _, name := range names {
		if states[name] != "loaded" {
			s.t.Errorf("module %s is %q, want loaded", name, states[name])
		}
	}
}

// work has two users chat, and looks at pages of modules.
func (s *server) work(t *testing.T, port int, when string) {
	t.Helper()
	romeo, juliet := s.login(t, "romeo", when), s.login(t, "juliet", when)
	for _, c := range []*coretest.Client{romeo, juliet} {
		c.Send("<presence/>")
		await(t, c, "presence", "")
	}
	romeo.Send("<message to='" + juliet.JID + "' type='chat' id='" + when + "'><body>But soft</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>")
	if m := await(t, juliet, "message", when); m.First().Text() != "But soft" {
		t.Errorf("%s: juliet gets %s", when, m)
	}
	for n, ask := range [][2]string{
		{s.domain, "<ping xmlns='urn:xmpp:ping'/>"},
		{"rooms." + s.domain, "<query xmlns='http://jabber.org/protocol/disco#info'/>"},
	} {
		id := fmt.Sprint(when, n)
		romeo.Send("<iq type='get' id='" + id + "' to='" + ask[0] + "'>" + ask[1] + "</iq>")
		if answer := await(t, romeo, "iq", id); answer.Attr("type") != "result" {
			t.Errorf("%s: %s answers %s", when, ask[0], answer)
		}
	}
	for _, c := range []*coretest.Client{romeo, juliet} {
		c.Send("</stream:stream>")
		c.Ended()
		_ = c.Conn.Close() // as clients do then
	}
	for _, p := range []struct {
		host, path, want string
	}{
		{"example.org", "/server-status/", `"rooms.example.org":"online"`},
		{"example.org", "/share/menu.js", "document.title"},
		{"example.org", "/register_web", "XMPP Account Registration"},
		{"example.org", "/status/romeo/text", "offline"},
		{"rooms.example.org", "/muc_log/", "Rooms"},
	} {
		if body := page(t, port, p.host, p.path); !strings.Contains(body, p.want) {
			t.Errorf("%s: GET %s of %s has no %s:\n%s", when, p.path, p.host, p.want, body)
		}
	}
}

// await is the next element with the name and the id, any if that is "".
func await(t *testing.T, c *coretest.Client, name, id string) element.Element {
	t.Helper()
	for range 100 {
		if e := c.Next(); e.Local() == name && (id == "" || e.Attr("id") == id) {
			return e
		}
	}
	t.Fatalf("no %s %s comes", name, id)
	return element.Element{}
}

// web is a browser, which keeps its connections.
var web = http.Client{Timeout: 20 * time.Second}

// page is what is served at a path.
func page(t *testing.T, port int, host, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := web.Do(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("GET %s: %s, %v", path, resp.Status, err)
	}
	return string(b)
}
