// SPDX-License-Identifier: Apache-2.0

package coretest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tercet/core/element"
	"tercet/core/module"
)

// A Target is a server that a script talks to.
type Target interface {
	Dial() net.Conn
	AddUser(domain, user, password string)
	// Login takes a fresh connection to an authenticated, bound session.
	Login(t testing.TB, user, resource string) *Client
	Reconfigure(lua string) module.Plan
}

// A Script is a golden stream: a text whose sections are a config and what
// clients send and get.
//
//	XEP-0199 4.2: a client pings its server
//	-- config.lua --
//	modules_enabled = { "ping" }
//	-- romeo sends --
//	<iq type='get' id='c2s1' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>
//	-- romeo gets --
//	<iq type='result' id='c2s1' from='example.org' to='romeo@example.org/orchard'/>
//
// A client is named by its user, or by user/resource; the first time that a
// script names it, it logs in. A name that begins with "stranger" is a stream
// on which nothing has been sent. Sections are "NAME connects", "NAME sends",
// "NAME gets" (all elements, in this order), "NAME gets in any order", "NAME
// gets nothing", "NAME ends" (optionally with the stream error that is told),
// "NAME breaks" (the connection is cut) and "reload" with a new config. In what
// is got, {any} stands for any text, {x} for a text that is remembered as x,
// and stands for that same text later, also in what is sent.
type Script struct {
	Name     string
	Title    string
	Config   string
	sections []section
}

type section struct {
	line       int
	head, body string
}

var separator = regexp.MustCompile(`^-- (.+) --\s*$`)

// ParseScript reads a script.
func ParseScript(name, text string) Script {
	sc := Script{Name: name}
	sc.Title, _, _ = strings.Cut(text, "\n")
	var at *section
	for i, line := range strings.Split(text, "\n") {
		if m := separator.FindStringSubmatch(line); m != nil {
			sc.sections = append(sc.sections, section{line: i + 1, head: m[1]})
			at = &sc.sections[len(sc.sections)-1]
			continue
		}
		if at != nil {
			at.body += line + "\n"
		}
	}
	if len(sc.sections) > 0 && sc.sections[0].head == "config.lua" {
		sc.Config = sc.sections[0].body
		sc.sections = sc.sections[1:]
	}
	return sc
}

// Scripts runs the golden streams in testdata/*.txtar, each against a server
// of its own in memory.
func Scripts(t *testing.T, mods ...module.Definition) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden streams in testdata: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			sc := ParseScript(file, string(text))
			sc.Run(t, memory{New(t, sc.Config, mods...)})
		})
	}
}

// memory is a Target in memory.
type memory struct{ *Server }

func (m memory) Dial() net.Conn { return m.Server.Dial("c2s") }

func (m memory) Login(t testing.TB, user, resource string) *Client {
	t.Helper()
	return m.Server.Login(user, resource)
}

// Run plays the script to a server.
func (sc Script) Run(t *testing.T, target Target) {
	t.Helper()
	r := &player{t: t, script: sc, target: target, clients: make(map[string]*Client), vars: make(map[string]string)}
	for _, s := range sc.sections {
		r.section(s)
		if t.Failed() {
			return
		}
	}
}

type player struct {
	t       *testing.T
	script  Script
	target  Target
	clients map[string]*Client
	vars    map[string]string
}

func (r *player) fail(s section, format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s:%d: %s: %s", r.script.Name, s.line, s.head, fmt.Sprintf(format, args...))
}

func (r *player) section(s section) {
	r.t.Helper()
	if s.head == "reload" {
		r.target.Reconfigure(s.body)
		return
	}
	name, verb, _ := strings.Cut(s.head, " ")
	c := r.client(name)
	switch verb {
	case "connects":
	case "sends":
		c.Send(strings.TrimSpace(r.fill(s.body)))
	case "gets":
		r.gets(s, c, false)
	case "gets in any order":
		r.gets(s, c, true)
	case "gets nothing":
		c.Quiet()
	case "ends":
		r.ends(s, c)
	case "breaks":
		_ = c.Conn.Close() // that is what the script wants
		delete(r.clients, name)
	default:
		r.fail(s, "what is %q?", verb)
	}
}

func (r *player) client(name string) *Client {
	if c, ok := r.clients[name]; ok {
		return c
	}
	var c *Client
	if strings.HasPrefix(name, "stranger") {
		c = NewClient(r.t, r.target.Dial(), Domain)
	} else {
		user, resource, ok := strings.Cut(name, "/")
		if !ok {
			resource = map[string]string{"romeo": "orchard", "juliet": "balcony", "nurse": "hall"}[user]
			if resource == "" {
				resource = "home"
			}
		}
		c = r.target.Login(r.t, user, resource)
	}
	r.clients[name] = c
	return c
}

// fill puts remembered texts into what is sent or wanted.
func (r *player) fill(s string) string {
	for name, value := range r.vars {
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return strings.ReplaceAll(s, "{now}", time.Now().UTC().Format("2006-01-02T15:04:05Z"))
}

func (r *player) wanted(s section) []element.Element {
	rd := element.NewReader(element.Limits{Bytes: 1 << 20, Depth: 256, Attrs: 256, Children: 1 << 16})
	text := "<stream:stream xmlns='jabber:client' xmlns:stream='" + element.NSStream + "' version='1.0'>" + s.body
	for len(text) > 0 {
		n := copy(rd.Space(len(text)), text)
		rd.Filled(n)
		text = text[n:]
	}
	var list []element.Element
	for {
		tok, err := rd.Next()
		if err != nil {
			if err != element.ErrMore { //nolint:errorlint // the reader's own
				r.fail(s, "the script is not well-formed: %v", err)
			}
			return list
		}
		if tok.Kind == element.TopLevel {
			list = append(list, tok.Element)
		}
	}
}

func (r *player) gets(s section, c *Client, anyOrder bool) {
	r.t.Helper()
	want := r.wanted(s)
	for len(want) > 0 {
		got, err := c.Try(patience)
		if err != nil {
			r.fail(s, "%v, want %s", err, want[0])
		}
		i := 0
		var why string
		for i = range want {
			why = r.match(want[i], got)
			if why == "" || !anyOrder {
				break
			}
		}
		if why != "" {
			r.fail(s, "%s\n got %s\nwant %s", why, got, want[i])
		}
		want = append(want[:i:i], want[i+1:]...)
	}
}

func (r *player) ends(s section, c *Client) {
	r.t.Helper()
	want := r.wanted(s)
	cause := c.Ended()
	if len(want) == 0 {
		return
	}
	if cause.IsZero() {
		r.fail(s, "no stream error, want %s", want[0])
	}
	if why := r.match(want[0], cause); why != "" {
		r.fail(s, "%s\n got %s\nwant %s", why, cause, want[0])
	}
}
