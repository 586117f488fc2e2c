// SPDX-License-Identifier: Apache-2.0

package caps_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/modules"
	"tercet/modules/caps"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

const (
	config = "modules_enabled = { \"caps\", \"ping\", \"disco\" }\n"
	ver    = "QgayPKawpkPSDYmwT/WM94uAlu0="
	// inner is what ver stands for (XEP-0115 section 5.2).
	inner = "<identity category='client' type='pc' name='Exodus 0.9.1'/><feature var='http://jabber.org/protocol/caps'/>" +
		"<feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>"
	poisoned = "<identity category='client' type='pc' name='Exodus 0.9.1'/><feature var='urn:example:poison'/>"
)

func claim(hash, ver string) string {
	if hash != "" {
		hash = " hash='" + hash + "'"
	}
	return "<c xmlns='http://jabber.org/protocol/caps'" + hash + " node='urn:example:client' ver='" + ver + "'/>"
}

// come sends presence with a claim and returns the question that follows, zero
// if there is none.
func come(t *testing.T, c *coretest.Client, claim string) (question element.Element) {
	t.Helper()
	c.Send("<presence>" + claim + "</presence><iq type='get' id='sync'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		e := c.Next()
		switch {
		case e.Local() == "iq" && e.Attr("id") == "sync":
			return question
		case e.Local() == "iq":
			question = e
		}
	}
}

func answer(c *coretest.Client, question element.Element, inner string) {
	c.Send(fmt.Sprintf("<iq type='result' id='%s' to='%s'><query xmlns='http://jabber.org/protocol/disco#info' node='%s'>%s</query></iq>",
		question.Attr("id"), question.Attr("from"), question.First().Attr("node"), inner))
	c.Quiet()
}

func of(t *testing.T, s *coretest.Server, c *coretest.Client) *caps.Info {
	t.Helper()
	user, resource, _ := strings.Cut(c.JID, "@"+coretest.Domain+"/")
	for _, ses := range s.Host(coretest.Domain).Sessions.Resources(user) {
		if ses.JID.Resource() == resource {
			return coretest.Service(s, coretest.Domain, caps.Service).Of(ses)
		}
	}
	t.Fatalf("no session %s", c.JID)
	return nil
}

func known(t *testing.T, s *coretest.Server, claim string) *caps.Info {
	t.Helper()
	st, err := stanza.Parse([]byte("<presence>" + claim + "</presence>"))
	if err != nil {
		t.Fatal(err)
	}
	return coretest.Service(s, coretest.Domain, caps.Service).Known(st)
}

func TestOneAnswerServesAll(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	q := come(t, romeo, claim("sha-1", ver))
	if got := q.First().Attr("node"); got != "urn:example:client#"+ver || q.Attr("from") != coretest.Domain || q.Attr("type") != "get" {
		t.Fatalf("got %s, want a question for the node", q)
	}
	if of(t, s, romeo) != nil {
		t.Error("known before it was told")
	}
	answer(romeo, q, inner)
	if i := of(t, s, romeo); !i.Has("http://jabber.org/protocol/muc") || i.Has("urn:example:poison") || i.Identities[0].Name != "Exodus 0.9.1" {
		t.Errorf("got %v", i)
	}
	if q := come(t, juliet, claim("sha-1", ver)); !q.IsZero() {
		t.Errorf("asked again: %s", q)
	}
	if i := of(t, s, juliet); i == nil || i != of(t, s, romeo) {
		t.Error("not shared")
	}
	s.Reconfigure(config + "caps_cache_size = 5\n")
	if known(t, s, claim("sha-1", ver)) == nil || of(t, s, romeo) == nil {
		t.Error("forgotten by a reload")
	}
	juliet.Send("<presence type='unavailable'/>")
	juliet.Next()
	juliet.Quiet()
	if of(t, s, juliet) != nil {
		t.Error("an unavailable resource can do something")
	}
}

// Whoever answers what a claim does not stand for has it for himself alone.
func TestPoisoning(t *testing.T) {
	for _, c := range []struct{ name, claim, inner string }{
		{"another response", claim("sha-1", ver), poisoned},
		{"the right string, another hash", claim("sha-256", ver), inner},
		{"a hash that nobody knows", claim("md5", ver), inner},
		{"the old format", claim("", ver), poisoned},
		{"the old format, the right response", claim("", ver), inner},
		{"a feature twice", claim("sha-1", ver), inner + "<feature var='http://jabber.org/protocol/muc'/>"},
		{"an empty string", claim("sha-1", ""), inner},
		{"features as one", claim("sha-1", ver), strings.Replace(inner, "'/><feature var='", "&lt;", 2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := coretest.New(t, config, modules.All...)
			tybalt, juliet := s.Login("tybalt", "street"), s.Login("juliet", "balcony")
			q := come(t, tybalt, c.claim)
			if q.IsZero() {
				t.Fatal("not asked")
			}
			answer(tybalt, q, c.inner)
			for _, algo := range []string{"sha-1", "sha-256", "md5", ""} {
				if known(t, s, claim(algo, ver)) != nil {
					t.Errorf("%q is poisoned", algo)
				}
			}
			if of(t, s, tybalt) == nil {
				t.Error("what a client says of itself does not hold for it")
			}
			q = come(t, juliet, claim("sha-1", ver))
			if q.IsZero() {
				t.Fatal("not asked")
			}
			answer(juliet, q, inner)
			if i := of(t, s, juliet); !i.Has("http://jabber.org/protocol/muc") || i.Has("urn:example:poison") {
				t.Errorf("got %v", i)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo, tybalt := s.Login("romeo", "orchard"), s.Login("tybalt", "street")
	q := come(t, romeo, claim("sha-1", ver))
	answer(tybalt, q, poisoned) // the ID alone does not help
	if of(t, s, romeo) != nil || of(t, s, tybalt) != nil {
		t.Error("somebody else's answer was taken")
	}
	if again := come(t, romeo, claim("sha-1", ver)); !again.IsZero() {
		t.Errorf("asked twice: %s", again)
	}
	if second := come(t, romeo, claim("sha-1", "other")); !second.IsZero() {
		t.Errorf("two questions at a time: %s", second)
	}
	romeo.Send("<iq type='error' id='" + q.Attr("id") + "' to='" + q.Attr("from") + "'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
	next := romeo.Next()
	if got := next.First().Attr("node"); got != "urn:example:client#other" {
		t.Fatalf("got %s, want the question for the later claim", next)
	}
	answer(romeo, next, "<feature var='"+strings.Repeat("x", 70_000)+"'/>")
	if of(t, s, romeo) != nil {
		t.Error("a response of 70 kB was kept")
	}
	if q := come(t, romeo, claim("sha-1", "other")); q.IsZero() {
		t.Error("not asked again after an answer that was none")
	}
}

func TestClaimsThatAreTooLongAreIgnored(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	if q := come(t, romeo, claim("sha-1", strings.Repeat("x", 2000))); !q.IsZero() {
		t.Errorf("asked: %s", q)
	}
}

func TestCacheIsBounded(t *testing.T) {
	s := coretest.New(t, config+"caps_cache_size = 1\n", modules.All...)
	romeo := s.Login("romeo", "orchard")
	answer(romeo, come(t, romeo, claim("sha-1", ver)), inner)
	other := claim("sha-256", "Wr6IGEKhx6b9627gBmi/cCmpxXBc/GYq5zWuYfWGWoc=")
	answer(romeo, come(t, romeo, other), inner)
	if known(t, s, claim("sha-1", ver)) != nil || known(t, s, other) == nil {
		t.Error("the cache of one holds not the last one alone")
	}
}

func TestChangeIsTold(t *testing.T) {
	told := make(chan *caps.ChangedEvent, 4)
	listener := module.Define("listener", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		caps.Changed.Handle(s, 0, func(_ context.Context, ev *caps.ChangedEvent) ext.Verdict {
			told <- ev
			return ext.Next
		})
		return nil
	})
	s := coretest.New(t, "modules_enabled = { \"caps\", \"ping\", \"listener\" }\n", append([]module.Definition{listener}, modules.All...)...)
	romeo := s.Login("romeo", "orchard")
	answer(romeo, come(t, romeo, claim("sha-1", ver)), inner)
	coretest.Eventually(t, "the change is told", func() bool { return len(told) == 1 })
	if ev := <-told; ev.Session.JID.String() != romeo.JID || !ev.Info.Has("http://jabber.org/protocol/muc") {
		t.Errorf("told of %s: %v", ev.Session.JID, ev.Info)
	}
}
