// SPDX-License-Identifier: Apache-2.0

package bind_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/modules"
	"tercet/modules/bind"
)

// again authenticates a fresh connection without binding.
func again(t testing.TB, s *coretest.Server, user string) *coretest.Client {
	t.Helper()
	s.AddUser(coretest.Domain, user, coretest.Password(user))
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Plain(user, coretest.Password(user))
	return c
}

// ask asks for a resource and tells the one that is bound, or the condition of
// the error.
func ask(t testing.TB, c *coretest.Client, resource string) string {
	t.Helper()
	c.Send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>")
	e := c.Next()
	if e.Attr("type") == "result" {
		_, bound, _ := strings.Cut(e.First().ChildText("urn:ietf:params:xml:ns:xmpp-bind", "jid"), "/")
		return bound
	}
	return "error " + e.Child(element.NSClient, "error").First().Local()
}

// TestConflict asks for a resource three times, with each word for what shall
// happen then.
func TestConflict(t *testing.T) {
	cases := []struct {
		word, want string // of the second and third bound resource
		kicked     bool
	}{
		{"kick_old", "home home", true},
		{"kick_new", "error conflict error conflict", false},
		{"increment", "home#1 home#2", false},
		{"random", "* *", false},
	}
	for _, c := range cases {
		t.Run(c.word, func(t *testing.T) {
			s := coretest.New(t, fmt.Sprintf("modules_enabled = { \"ping\" }\nconflict_resolve = %q\n", c.word), modules.All...)
			first := s.Login("romeo", "home")
			var got []string
			for range 2 {
				r := ask(t, again(t, s, "romeo"), "home")
				if c.word == "random" && len(r) > 16 && !strings.HasPrefix(r, "home") {
					r = "*"
				}
				got = append(got, r)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if !c.kicked {
				first.Quiet()
			} else if cause := first.Ended(); cause.First().Local() != "conflict" {
				t.Errorf("the first ends with %s", cause)
			}
		})
	}
}

// TestReplacedWhileReloaded changes the rule while sessions are there.
func TestReplacedWhileReloaded(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"ping\" }\nconflict_resolve = \"kick_new\"\n", modules.All...)
	first := s.Login("romeo", "home")
	s.Reconfigure("modules_enabled = { \"ping\" }\nconflict_resolve = \"increment\"\n")
	if got := ask(t, again(t, s, "romeo"), "home"); got != "home#1" {
		t.Errorf("got %q, want home#1", got)
	}
	first.Quiet()
}

// TestMaxResources has two resources at most; one that is replaced does not
// count.
func TestMaxResources(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"ping\" }\nmax_resources = 2\n", modules.All...)
	s.Login("romeo", "a")
	b := s.Login("romeo", "b")
	late := again(t, s, "romeo")
	if got := ask(t, late, "c"); got != "error resource-constraint" {
		t.Errorf("a third: got %q", got)
	}
	if got := ask(t, late, "b"); got != "b" {
		t.Errorf("in place of the second: got %q", got)
	}
	b.Ended()
	if got := ask(t, again(t, s, "juliet"), "c"); got != "c" {
		t.Errorf("another account: got %q", got)
	}
}

// TestRequested has a module change the resource, and refuse another.
func TestRequested(t *testing.T) {
	gate := module.Define("gate", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		bind.Requested.Handle(s, 0, func(_ context.Context, ev *bind.RequestEvent) ext.Verdict {
			switch ev.Resource {
			case "plain":
				return ext.Stop
			case "full":
				ev.Err = stanza.Fail(stanza.ResourceConstraint, "")
				return ext.Stop
			}
			ev.Resource += "!"
			return ext.Next
		})
		return nil
	})
	s := coretest.New(t, `modules_enabled = { "gate" }`, append([]module.Definition{gate}, modules.All...)...)
	c := again(t, s, "romeo")
	for resource, want := range map[string]string{"plain": "error not-allowed", "full": "error resource-constraint"} {
		if got := ask(t, c, resource); got != want {
			t.Errorf("%s: got %q, want %q", resource, got, want)
		}
	}
	if got := ask(t, c, "home"); got != "home!" {
		t.Errorf("got %q, want home!", got)
	}
}

// TestResultFirst writes to a full JID while its resource is bound again and
// again: the result of binding is the first that the client gets.
func TestResultFirst(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	sender := s.Login("romeo", "orchard")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				sender.Send("<message type='headline' to='juliet@example.org/balcony'><body>x</body></message>")
			}
		}
	})
	defer wg.Wait()
	defer close(stop)
	for range 50 {
		c := again(t, s, "juliet")
		if got := ask(t, c, "balcony"); got != "balcony" {
			t.Fatalf("got %q", got)
		}
		_ = c.Conn.Close() // the next replaces it, or it has gone before
	}
}
