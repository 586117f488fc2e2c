// SPDX-License-Identifier: Apache-2.0

package adhoc_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/form"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/modules"
	"tercet/modules/adhoc"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

const config = `modules_enabled = { "adhoc", "disco", "ping", "wizard" }` + "\n"

var question = form.Form{Title: "Go on", Fields: []form.Field{{Name: "v", Required: true}}}

// wizard has commands for all that a command may do. "wizard" takes two
// answers, one a stage, and tells them.
var wizard = module.Define("wizard", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
	set := func(node string, p adhoc.Permission, run adhoc.Run) {
		adhoc.Commands.Set(s, node, adhoc.Command{Name: "Name of " + node, Permission: p, Run: run})
	}
	set("wizard", adhoc.Any, ask)
	done := adhoc.One(func(context.Context, *adhoc.Call) (adhoc.Reply, error) { return adhoc.Done("done"), nil })
	for _, p := range []adhoc.Permission{adhoc.Any, adhoc.LocalUser, adhoc.Admin, adhoc.GlobalAdmin, "nobody"} {
		set("for "+string(p), p, done)
	}
	set("later", adhoc.Any, adhoc.Asking(adhoc.Fixed(question), func(ctx context.Context, c *adhoc.Call, given form.Values) (adhoc.Reply, error) {
		return adhoc.Later(s.Scope, func(context.Context, *adhoc.Call) (adhoc.Reply, error) {
			switch v := given.Get("v"); v {
			case "panic":
				panic("on purpose")
			case "error":
				return adhoc.Reply{}, errors.New("a secret")
			case "refuse":
				return adhoc.Reply{}, stanza.Fail(stanza.NotAcceptable, "no")
			case "again":
				return adhoc.Reply{}, adhoc.BadPayload("say it again")
			default:
				return adhoc.Done(v), nil
			}
		})(ctx, c)
	}))
	set("shapes", adhoc.Any, func(context.Context, *adhoc.Call) (adhoc.Reply, error) {
		return adhoc.Reply{
			Actions: adhoc.Actions{Allowed: []adhoc.Action{adhoc.Complete, "dance", adhoc.Cancel}},
			Payload: []element.Element{question.Blank(nil), element.New("urn:more", "more").Element()},
			Notes:   []adhoc.Note{{Kind: adhoc.Warn, Text: "a"}, {Kind: adhoc.Error, Text: "b"}},
		}, nil
	})
	set("bare", adhoc.Any, func(context.Context, *adhoc.Call) (adhoc.Reply, error) { return adhoc.Reply{}, nil })
	return nil
})

func ask(_ context.Context, c *adhoc.Call) (adhoc.Reply, error) {
	answers, _ := c.State.([]string)
	switch {
	case c.Action == adhoc.Cancel:
		return adhoc.Reply{Status: adhoc.Canceled}, nil
	case c.Action == adhoc.Prev:
		answers = answers[:len(answers)-1]
	case c.Stage > 0:
		given, err := question.Read(c.Form)
		if err != nil {
			return adhoc.Reply{}, adhoc.BadPayload(err.Error())
		}
		answers = append(slices.Clip(answers), given.Get("v"))
	}
	if len(answers) == 2 || c.Action == adhoc.Complete {
		return adhoc.Done(strings.Join(answers, " and ")), nil
	}
	actions := adhoc.Actions{Allowed: []adhoc.Action{adhoc.Next, adhoc.Complete}, Default: adhoc.Next}
	if len(answers) > 0 {
		actions.Allowed = append([]adhoc.Action{adhoc.Prev}, actions.Allowed...)
	}
	return adhoc.Reply{Actions: actions, Payload: []element.Element{question.Blank(nil)}, State: answers}, nil
}

func serve(t *testing.T, more string) *coretest.Server {
	t.Helper()
	return coretest.New(t, config+more, append(modules.All, wizard)...)
}

func submitted(v string) string {
	return "<x xmlns='jabber:x:data' type='submit'><field var='v'><value>" + v + "</value></field></x>"
}

// run sends one stage and returns the answer.
func run(c *coretest.Client, node, session, action, payload string) element.Element {
	attrs := " node='" + node + "'"
	if session != "" {
		attrs += " sessionid='" + session + "'"
	}
	if action != "" {
		attrs += " action='" + action + "'"
	}
	c.Send("<iq type='set' id='r' to='example.org'><command xmlns='" + adhoc.NS + "'" + attrs + ">" + payload + "</command></iq>")
	return c.Next()
}

// short is what matters of an answer: status, actions and notes, or the error.
func short(answer element.Element) string {
	if answer.Attr("type") == "error" {
		e := answer.Child(element.NSClient, "error")
		var words []string
		for c := range e.Children() {
			if c.Local() != "text" {
				words = append(words, c.Local())
			}
		}
		return strings.Join(words, " ")
	}
	command := answer.First()
	words := []string{command.Attr("status")}
	for c := range command.Children() {
		switch c.Local() {
		case "actions":
			for a := range c.Children() {
				words = append(words, a.Local())
			}
			words = append(words, "default="+c.Attr("execute"))
		case "note":
			words = append(words, c.Attr("type")+":", c.Text())
		default:
			words = append(words, c.Local())
		}
	}
	return strings.Join(words, " ")
}

func want(t *testing.T, answer element.Element, text string) {
	t.Helper()
	if got := short(answer); got != text {
		t.Fatalf("got %q, want %q: %s", got, text, answer)
	}
}

const (
	first  = "executing next complete default=next x"
	second = "executing prev next complete default=next x"
)

func begin(t *testing.T, c *coretest.Client) string {
	t.Helper()
	e := run(c, "wizard", "", "execute", "")
	want(t, e, first)
	return e.First().Attr("sessionid")
}

// XEP-0050 section 2.4.2.
func TestStages(t *testing.T) {
	s := serve(t, "")
	c := s.Login("romeo", "orchard")
	id := begin(t, c)
	want(t, run(c, "wizard", id, "prev", ""), "bad-request bad-action")
	want(t, run(c, "wizard", id, "dance", submitted("x")), "bad-request malformed-action")
	want(t, run(c, "wizard", id, "next", ""), "bad-request bad-payload")
	want(t, run(c, "wizard", id, "next", submitted("Rome")), second)
	want(t, run(c, "wizard", id, "prev", ""), first)
	want(t, run(c, "wizard", id, "", submitted("Verona")), second) // what execute means is the default
	e := run(c, "wizard", id, "execute", submitted("Mantua"))
	want(t, e, "completed info: Verona and Mantua")
	if got := e.First().Attr("sessionid"); got != id {
		t.Errorf("the session is %s at the end, was %s", got, id)
	}
	want(t, run(c, "wizard", id, "next", submitted("x")), "not-allowed session-expired")

	id = begin(t, c)
	want(t, run(c, "wizard", id, "complete", submitted("Rome")), "completed info: Rome")
	id = begin(t, c)
	want(t, run(c, "wizard", id, "cancel", ""), "canceled")
	want(t, run(c, "wizard", id, "cancel", ""), "not-allowed session-expired")
	for _, action := range []string{"next", "prev", "complete", "cancel"} {
		want(t, run(c, "wizard", "", action, submitted("x")), "bad-request bad-action")
	}
	if n := adhoc.Held(s.Host(coretest.Domain)); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestShapes(t *testing.T) {
	c := serve(t, "").Login("romeo", "orchard")
	e := run(c, "shapes", "", "", "")
	want(t, e, "executing complete default= x more warn: a error: b")
	if _, told := e.First().First().LookupAttr("execute"); told {
		t.Error("a default is told that is none")
	}
	e = run(c, "bare", "", "", "")
	want(t, e, "executing complete default=complete")
	want(t, run(c, "bare", e.First().Attr("sessionid"), "next", ""), "bad-request bad-action")
	want(t, run(c, "bare", e.First().Attr("sessionid"), "complete", ""), "executing complete default=complete")
}

func TestAnswersThatComeLater(t *testing.T) {
	s := serve(t, "")
	c := s.Login("romeo", "orchard")
	next := func() string {
		e := run(c, "later", "", "", "")
		want(t, e, "executing next complete default=complete x")
		return e.First().Attr("sessionid")
	}
	for v, text := range map[string]string{
		"error": "internal-server-error", "panic": "internal-server-error", "refuse": "not-acceptable", "fine": "completed info: fine",
	} {
		id := next()
		e := run(c, "later", id, "", submitted(v))
		want(t, e, text)
		if strings.Contains(e.String(), "secret") {
			t.Errorf("an error of ours is told: %s", e)
		}
		want(t, run(c, "later", id, "", submitted("x")), "not-allowed session-expired")
	}
	id := next()
	want(t, run(c, "later", id, "", submitted("again")), "bad-request bad-payload")
	want(t, run(c, "later", id, "", submitted("fine")), "completed info: fine")
	want(t, run(c, "later", "", "", submitted("at once")), "completed info: at once")
}

func TestSessionsBelongToTheirResource(t *testing.T) {
	s := serve(t, "")
	c, home, juliet := s.Login("romeo", "orchard"), s.Login("romeo", "home"), s.Login("juliet", "balcony")
	id := begin(t, c)
	want(t, run(juliet, "wizard", id, "next", submitted("x")), "bad-request bad-sessionid")
	want(t, run(home, "wizard", id, "cancel", ""), "bad-request bad-sessionid")
	want(t, run(c, "bare", id, "complete", ""), "bad-request bad-sessionid")
	want(t, run(c, "wizard", id, "next", submitted("Rome")), second)
}

func TestSessionsEndWithTheirResource(t *testing.T) {
	s := serve(t, "")
	c, home := s.Login("romeo", "orchard"), s.Login("romeo", "home")
	begin(t, c)
	id := begin(t, home)
	c.Send("</stream:stream>")
	coretest.Eventually(t, "the session ends", func() bool { return adhoc.Held(s.Host(coretest.Domain)) == 1 })
	want(t, run(home, "wizard", id, "next", submitted("Rome")), second)
}

func TestSessionTimeout(t *testing.T) {
	s := serve(t, `adhoc_session_timeout = "1s"`)
	c := s.Login("romeo", "orchard")
	id := begin(t, c)
	coretest.Eventually(t, "the session expires", func() bool { return adhoc.Held(s.Host(coretest.Domain)) == 0 })
	want(t, run(c, "wizard", id, "next", submitted("x")), "not-allowed session-expired")
}

func TestMaxSessions(t *testing.T) {
	s := serve(t, "adhoc_max_sessions = 2")
	c := s.Login("romeo", "orchard")
	ids := []string{begin(t, c), begin(t, c), begin(t, c)}
	want(t, run(c, "wizard", ids[0], "next", submitted("x")), "not-allowed session-expired")
	want(t, run(c, "wizard", ids[1], "next", submitted("x")), second)
	s.Reconfigure(config + "adhoc_max_sessions = 1")
	want(t, run(c, "wizard", ids[1], "prev", ""), first) // there is room for one
	want(t, run(c, "wizard", ids[2], "next", submitted("x")), "not-allowed session-expired")
}

// A client that begins and begins holds no more than its share.
func TestManyAreBegun(t *testing.T) {
	s := serve(t, "")
	c, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	id := begin(t, juliet)
	const all, batch = 10_000, 100
	for i := range all / batch {
		var b strings.Builder
		for j := range batch {
			b.WriteString("<iq type='set' id='" + strconv.Itoa(i*batch+j) + "' to='example.org'><command xmlns='" + adhoc.NS + "' node='wizard'/></iq>")
		}
		c.Send(b.String())
		for range batch {
			if e := c.Next(); e.Attr("type") != "result" {
				t.Fatalf("got %s", e)
			}
		}
	}
	if n := adhoc.Held(s.Host(coretest.Domain)); n != 9 {
		t.Errorf("%d sessions are held, want 8 and 1", n)
	}
	want(t, run(juliet, "wizard", id, "next", submitted("x")), second)
}

func TestGiantForms(t *testing.T) {
	c := serve(t, "").Login("romeo", "orchard")
	id := begin(t, c)
	many := strings.Repeat("<field var='w'><value>x</value></field>", 4000)
	want(t, run(c, "wizard", id, "next", "<x xmlns='jabber:x:data' type='submit'>"+many+"</x>"), "bad-request bad-payload")
	values := "<field var='v'>" + strings.Repeat("<value>y</value>", 8000) + "</field>"
	want(t, run(c, "wizard", id, "next", "<x xmlns='jabber:x:data' type='submit'>"+values+"</x>"), second)
	want(t, run(c, "wizard", id, "complete", submitted("z")), "completed info: y and z")
	want(t, run(c, strings.Repeat("n", 100_000), "", "", ""), "item-not-found")
	want(t, run(c, "wizard", strings.Repeat("s", 100_000), "", ""), "bad-request bad-sessionid")
}

// A command goes on in the next instance of its module, and of this one.
func TestReloadWithALiveSession(t *testing.T) {
	s := serve(t, "")
	c := s.Login("romeo", "orchard")
	id := begin(t, c)
	want(t, run(c, "wizard", id, "next", submitted("Rome")), second)
	for _, word := range []string{"wizard", "adhoc"} {
		if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, word); err != nil {
			t.Fatal(err)
		}
	}
	want(t, run(c, "wizard", id, "prev", ""), first)
	if err := s.Env.Manager.Unload(t.Context(), coretest.Domain, "wizard"); err != nil {
		t.Fatal(err)
	}
	want(t, run(c, "wizard", id, "next", submitted("x")), "item-not-found")
	if err := s.Env.Manager.Load(t.Context(), coretest.Domain, "wizard"); err != nil {
		t.Fatal(err)
	}
	want(t, run(c, "wizard", id, "next", submitted("Rome")), second)
	s.Reconfigure(`modules_enabled = { "disco", "ping", "wizard" }`)
	want(t, run(c, "wizard", id, "prev", ""), "service-unavailable")
}

func TestPermissions(t *testing.T) {
	const hosts = `
admins = { "nurse@example.org" }
VirtualHost "example.org"
	admins = { "romeo@example.org", "peter@example.net" }
VirtualHost "example.net"
`
	s := serve(t, hosts)
	login := func(user, domain string) *coretest.Client {
		s.AddUser(domain, user, "secret")
		c := coretest.NewClient(t, s.Dial("c2s"), domain)
		c.Plain(user, "secret")
		c.Bind("r")
		return c
	}
	for who, may := range map[string][]string{
		"nurse@example.org":     {"any", "local_user", "admin", "global_admin"},
		"romeo@example.org":     {"any", "local_user", "admin"},
		"juliet@example.org":    {"any", "local_user"},
		"peter@example.net":     {"any", "admin"},
		"balthasar@example.net": {"any"},
	} {
		t.Run(who, func(t *testing.T) {
			user, domain, _ := strings.Cut(who, "@")
			c := login(user, domain)
			c.Send("<iq type='get' id='l' to='example.org'><query xmlns='http://jabber.org/protocol/disco#items' node='" + adhoc.NS + "'/></iq>")
			var listed []string
			for item := range c.Next().First().Children() {
				if p, ok := strings.CutPrefix(item.Attr("node"), "for "); ok {
					listed = append(listed, p)
				}
			}
			if !slices.Equal(slices.Sorted(slices.Values(listed)), slices.Sorted(slices.Values(may))) {
				t.Errorf("listed: %q, want %q", listed, may)
			}
			for _, p := range []string{"any", "local_user", "admin", "global_admin", "nobody"} {
				text, info := "forbidden", "error"
				if slices.Contains(may, p) {
					text, info = "completed info: done", "result"
				}
				want(t, run(c, "for "+p, "", "", ""), text)
				c.Send("<iq type='get' id='i' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info' node='for " + p + "'/></iq>")
				if e := c.Next(); e.Attr("type") != info {
					t.Errorf("info about %s: got %s, want %s", p, e, info)
				}
			}
		})
	}
}

func TestComponentsHaveCommandsToo(t *testing.T) {
	s := serve(t, "VirtualHost \"example.org\"\nComponent \"rooms.example.org\"\n\tmodules_enabled = { \"wizard\" }\n")
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='set' id='r' to='rooms.example.org'><command xmlns='" + adhoc.NS + "' node='for any'/></iq>")
	want(t, c.Next(), "completed info: done")
	c.Send("<iq type='set' id='r' to='rooms.example.org'><command xmlns='" + adhoc.NS + "' node='for local_user'/></iq>")
	want(t, c.Next(), "forbidden")
}

// Modules written for Prosody choose their places by its priority, 500.
func TestPriority(t *testing.T) {
	var seen []float64
	watch := module.Define("watch", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		for _, prio := range []float64{501, 499, -0.5, -1.5} {
			iq.HandleAt(s, prio, iq.Set, iq.Host, element.Name{Space: adhoc.NS, Local: "command"}, func(context.Context, *iq.Request) ext.Verdict {
				seen = append(seen, prio)
				return ext.Next
			})
		}
		return nil
	})
	s := coretest.New(t, strings.Replace(config, "wizard", `wizard", "watch`, 1), append(modules.All, wizard, watch)...)
	c := s.Login("romeo", "orchard")
	want(t, run(c, "for any", "", "", ""), "completed info: done")
	if !slices.Equal(seen, []float64{501}) {
		t.Errorf("a command that is known meets %v", seen)
	}
	seen = nil
	want(t, run(c, "nowhere", "", "", ""), "item-not-found")
	if !slices.Equal(seen, []float64{501, 499, -0.5}) {
		t.Errorf("one that is not meets %v", seen)
	}
}

func TestParsePermission(t *testing.T) {
	for word, text := range map[string]string{
		"any": "", "local_user": "", "admin": "", "global_admin": "",
		"": "needs a permission", "user": "renamed", "root": `no permission "root"`,
	} {
		p, err := adhoc.ParsePermission(word)
		if text == "" && (err != nil || string(p) != word) || text != "" && (err == nil || !strings.Contains(err.Error(), text)) {
			t.Errorf("%q: got %q, %v", word, p, err)
		}
	}
}
