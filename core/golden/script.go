// SPDX-License-Identifier: Apache-2.0

// Package golden plays golden streams, texts that say what clients send and
// get, to servers: in memory, or wherever a Target leads. The tests run them
// (core/coretest), and so does "tercet module test" for who writes a guest.
package golden

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core/element"
)

// A Target is a server that a script talks to.
type Target interface {
	Dial() (net.Conn, error)
	// Login takes a fresh connection to an authenticated, bound session.
	Login(user, resource string) (*Stream, error)
	Reconfigure(lua string) error
}

// A Stepper is a Target that plays sections of its own; it reports whether it
// knows one. It may read and set what {name} stands for.
type Stepper interface {
	Step(head, body string, vars map[string]string) (known bool, err error)
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
// awaits" (the same as gets, but what comes before each of them is skipped),
// "NAME gets nothing", "NAME ends" (optionally with the stream error that is
// told), "NAME breaks" (the connection is cut) and "reload" with a new config.
// In what is got, {any} stands for any text, {x} for a text that is remembered as x,
// and stands for that same text later, also in what is sent; {maybe} stands for
// any value of an attribute and for its absence. In the namespace coretest,
// <any/> stands for all children that are left; as the first child it says that
// the others may stand in any order among more, and children of <lacks/> must
// not be there.
type Script struct {
	Name     string
	Title    string
	Config   string
	Line     int // the one before the config's first; 0: there is no config
	sections []section
}

type section struct {
	line       int
	head, body string
}

var separator = regexp.MustCompile(`^-- (.+) --\s*$`)

// Parse reads a script; name is what faults begin with.
func Parse(name, text string) Script {
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
		sc.Config, sc.Line = sc.sections[0].body, sc.sections[0].line
		sc.sections = sc.sections[1:]
	}
	return sc
}

// Steps is how many sections there are beside the config.
func (sc Script) Steps() int { return len(sc.sections) }

// Run plays the script to a server, to its end or to the first thing that is
// not as it says.
func (sc Script) Run(target Target) error {
	r := &player{script: sc, target: target, clients: make(map[string]*Stream), vars: make(map[string]string)}
	defer r.hangUp()
	for _, s := range sc.sections {
		if s.head == "reload" {
			if err := target.Reconfigure(s.body); err != nil {
				return sc.Misconfigured(s.line, err)
			}
			continue
		}
		if err := r.section(s); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", sc.Name, s.line, s.head, err)
		}
	}
	return nil
}

// Misconfigured is the error that a server has returned for a config of the
// script, which begins behind a line: what is wrong has the script's lines.
func (sc Script) Misconfigured(line int, err error) error {
	if syntax, ok := errors.AsType[*luacfg.Error](err); ok {
		return fmt.Errorf("%s:%d: %s", sc.Name, line+syntax.Pos.Line, syntax.Text)
	}
	var lines []string
	if bad, ok := errors.AsType[*ConfigError](err); ok {
		for _, p := range bad.Problems {
			if p.Severity == config.Error {
				lines = append(lines, fmt.Sprintf("%s:%d: %s", sc.Name, line+p.Pos.Line, p.Text))
			}
		}
	}
	if len(lines) == 0 {
		return fmt.Errorf("%s:%d: %w", sc.Name, line, err)
	}
	return errors.New(strings.Join(lines, "\n"))
}

type player struct {
	script  Script
	target  Target
	clients map[string]*Stream
	vars    map[string]string
}

func (r *player) hangUp() {
	for _, c := range r.clients {
		_ = c.Conn.Close() // its server may have been faster
	}
}

func (r *player) section(s section) error {
	if own, ok := r.target.(Stepper); ok {
		if known, err := own.Step(s.head, r.fill(s.body), r.vars); known || err != nil {
			return err
		}
	}
	name, verb, _ := strings.Cut(s.head, " ")
	c, err := r.client(name)
	if err != nil {
		return err
	}
	switch verb {
	case "connects":
	case "sends":
		_ = c.Send(strings.TrimSpace(r.fill(s.body))) // a stream that has ended says so when something is to come
	case "gets":
		return r.gets(s, c, false)
	case "gets in any order":
		return r.gets(s, c, true)
	case "awaits":
		return r.awaits(s, c)
	case "gets nothing":
		came, err := c.Quiet()
		if len(came) > 0 {
			return fmt.Errorf("%s: came unexpectedly: %s", c.JID, came[0])
		}
		return err
	case "ends":
		return r.ends(s, c)
	case "breaks":
		_ = c.Conn.Close() // that is what the script wants
		delete(r.clients, name)
	default:
		return fmt.Errorf("what is %q?", verb)
	}
	return nil
}

// resources are those of clients that the script names by their user alone.
var resources = map[string]string{"romeo": "orchard", "juliet": "balcony", "nurse": "hall"}

func (r *player) client(name string) (*Stream, error) {
	if c, ok := r.clients[name]; ok {
		return c, nil
	}
	var c *Stream
	if strings.HasPrefix(name, "stranger") {
		conn, err := r.target.Dial()
		if err != nil {
			return nil, err
		}
		c = NewStream(conn, Domain)
	} else {
		user, resource, ok := strings.Cut(name, "/")
		if !ok {
			if resource = resources[user]; resource == "" {
				resource = "home"
			}
		}
		var err error
		if c, err = r.target.Login(user, resource); err != nil {
			return nil, err
		}
	}
	r.clients[name] = c
	return c, nil
}

// fill puts remembered texts into what is sent or wanted.
func (r *player) fill(s string) string {
	for name, value := range r.vars {
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return strings.ReplaceAll(s, "{now}", time.Now().UTC().Format("2006-01-02T15:04:05Z"))
}

func wanted(s section) ([]element.Element, error) {
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
		if errors.Is(err, element.ErrMore) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the script is not well-formed: %w", err)
		}
		if tok.Kind == element.TopLevel {
			list = append(list, tok.Element)
		}
	}
}

func (r *player) gets(s section, c *Stream, anyOrder bool) error {
	want, err := wanted(s)
	if err != nil {
		return err
	}
	for len(want) > 0 {
		got, err := c.Try(Patience)
		if err != nil {
			return fmt.Errorf("%w, want %s", err, want[0])
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
			return fmt.Errorf("%s\n got %s\nwant %s", why, got, want[i])
		}
		want = append(want[:i:i], want[i+1:]...)
	}
	return nil
}

func (r *player) awaits(s section, c *Stream) error {
	want, err := wanted(s)
	if err != nil {
		return err
	}
	for _, w := range want {
		for why, last := "x", ""; why != ""; {
			got, err := c.Try(Patience)
			if err != nil {
				return fmt.Errorf("%w, want %s%s", err, w, last)
			}
			why = r.match(w, got)
			last = fmt.Sprintf("\n got %s\n     %s", got, why)
		}
	}
	return nil
}

func (r *player) ends(s section, c *Stream) error {
	want, err := wanted(s)
	if err != nil {
		return err
	}
	cause, err := c.Ended()
	if err != nil || len(want) == 0 {
		return err
	}
	if cause.IsZero() {
		return fmt.Errorf("no stream error, want %s", want[0])
	}
	if why := r.match(want[0], cause); why != "" {
		return fmt.Errorf("%s\n got %s\nwant %s", why, cause, want[0])
	}
	return nil
}
