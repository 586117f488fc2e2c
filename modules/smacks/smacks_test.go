// SPDX-License-Identifier: Apache-2.0

package smacks_test

import (
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

const config = `modules_enabled = { "smacks", "ping", "offline", "carbons", "mam" }
`

// again authenticates a fresh connection of a user without binding.
func again(t *testing.T, s *coretest.Server, user string) *coretest.Client {
	t.Helper()
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Plain(user, coretest.Password(user))
	return c
}

func enable(t *testing.T, c *coretest.Client) (id string) {
	t.Helper()
	c.Send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	e := c.Next()
	if e.Local() != "enabled" || e.Attr("resume") != "true" || e.Attr("id") == "" {
		t.Fatalf("got %s, want enabled", e)
	}
	return e.Attr("id")
}

// stanza returns the next element that is not management.
func stanza(t *testing.T, c *coretest.Client) element.Element {
	t.Helper()
	for {
		e := c.Next()
		if e.Space() != "urn:xmpp:sm:3" {
			return e
		}
	}
}

func TestBrokenConnectionIsResumedWithoutLossOrDouble(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet := s.Login("juliet", "balcony")
	romeo := s.Login("romeo", "orchard")
	id := enable(t, romeo)
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='1'><body>one</body></message>")
	if got := stanza(t, romeo); got.Attr("id") != "1" {
		t.Fatalf("got %s, want message 1", got)
	}
	romeo.Send("<a xmlns='urn:xmpp:sm:3' h='1'/><message to='juliet@example.org/balcony' type='chat' id='from-romeo'><body>hello</body></message>")
	if got := juliet.Next(); got.Attr("id") != "from-romeo" {
		t.Fatalf("got %s, want from-romeo", got)
	}
	if err := romeo.Conn.Close(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"2", "3"} {
		juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='" + n + "'><body>while away</body></message>")
	}
	juliet.Quiet()
	back := again(t, s, "romeo")
	back.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='1'/>")
	e := back.Next()
	if e.Local() != "resumed" || e.Attr("h") != "1" || e.Attr("previd") != id {
		t.Fatalf("got %s, want resumed with h=1", e)
	}
	for _, n := range []string{"2", "3"} {
		if got := stanza(t, back); got.Attr("id") != n {
			t.Fatalf("got %s, want message %s", got, n)
		}
	}
	back.Send("<a xmlns='urn:xmpp:sm:3' h='3'/><message to='juliet@example.org/balcony' id='back' type='chat'><body>!</body></message>")
	if got := juliet.Next(); got.Attr("from") != "romeo@example.org/orchard" || got.Attr("id") != "back" {
		t.Fatalf("got %s, want a message from the resumed session", got)
	}
}

func TestResumptionTakesALiveStreamOver(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	id := enable(t, romeo)
	back := again(t, s, "romeo")
	back.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='0'/>")
	if e := back.Next(); e.Local() != "resumed" {
		t.Fatalf("got %s, want resumed", e)
	}
	if cause := romeo.Ended(); cause.First().Local() != "conflict" {
		t.Errorf("the old stream ended with %s, want conflict", cause)
	}
	back.Quiet()
}

func TestNobodyElseResumes(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	id := enable(t, romeo)
	s.AddUser(coretest.Domain, "tybalt", coretest.Password("tybalt"))
	thief := again(t, s, "tybalt")
	thief.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='0'/>")
	if e := thief.Next(); e.Local() != "failed" {
		t.Fatalf("got %s, want failed", e)
	}
	romeo.Quiet()
}

func TestSessionThatIsNotResumedGivesItsMessagesBack(t *testing.T) {
	s := coretest.New(t, config+"smacks_hibernation_time = 1\n", modules.All...)
	juliet := s.Login("juliet", "balcony")
	romeo := s.Login("romeo", "orchard")
	id := enable(t, romeo)
	_ = romeo.Conn.Close() // the connection breaks
	coretest.Eventually(t, "hibernation", func() bool {
		all := s.Host(coretest.Domain).Sessions.Resources("romeo")
		return len(all) == 1 && all[0].Stream() == nil
	})
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='1'><body>one</body></message>" +
		"<iq to='romeo@example.org/orchard' type='get' id='q'><query xmlns='jabber:iq:version'/></iq>")
	if got := juliet.Next(); got.Attr("id") != "q" || got.Attr("type") != "error" {
		t.Fatalf("got %s, want the request answered with an error", got)
	}
	back := again(t, s, "romeo")
	back.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='0'/>")
	if e := back.Next(); e.Local() != "failed" || e.Attr("h") != "0" || e.First().Local() != "item-not-found" {
		t.Fatalf("got %s, want failed with h", e)
	}
	back.Bind("orchard")
	back.Send("<presence/>")
	for {
		if e := back.Next(); e.Local() == "message" {
			if e.Attr("id") != "1" || e.Child("urn:xmpp:delay", "delay").IsZero() {
				t.Fatalf("got %s, want message 1 with its time", e)
			}
			return
		}
	}
}

func TestReloadKeepsHibernatingSessions(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	id := enable(t, romeo)
	if plan := s.Reconfigure(config + "smacks_max_queue_size = 99\n"); len(plan.Reloaded) == 0 {
		t.Fatal("smacks was not reloaded")
	}
	romeo.Send("<r xmlns='urn:xmpp:sm:3'/>")
	if e := romeo.Next(); e.Local() != "a" || e.Attr("h") != "0" {
		t.Fatalf("after the reload: got %s, want a", e)
	}
	_ = romeo.Conn.Close() // the connection breaks
	back := again(t, s, "romeo")
	back.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='0'/>")
	if e := back.Next(); e.Local() != "resumed" {
		t.Fatalf("got %s, want resumed", e)
	}
}

func TestFullQueueEndsTheSession(t *testing.T) {
	s := coretest.New(t, config+"smacks_max_queue_size = 3\nmax_ack_queue = 1\n", modules.All...)
	juliet := s.Login("juliet", "balcony")
	romeo := s.Login("romeo", "orchard")
	enable(t, romeo)
	for range 5 {
		juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='m'><body>x</body></message>")
	}
	if cause := romeo.Ended(); cause.First().Local() != "policy-violation" {
		t.Errorf("ended with %s, want policy-violation", cause)
	}
	juliet.Quiet()
	coretest.Eventually(t, "the session is gone", func() bool { return !s.Host(coretest.Domain).Connected("romeo") })
	romeo = s.Login("romeo", "orchard")
	romeo.Send("<presence/>")
	for n := 0; n < 5; {
		if e := romeo.Next(); e.Local() == "message" {
			n++
		}
	}
}

func TestAcknowledgingTooMuchEndsTheStream(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	enable(t, romeo)
	romeo.Send("<a xmlns='urn:xmpp:sm:3' h='4294967295'/>")
	cause := romeo.Ended()
	if cause.Child("urn:xmpp:sm:3", "handled-count-too-high").IsZero() {
		t.Errorf("ended with %s, want handled-count-too-high", cause)
	}
}

func TestConnectedClientMayBeBehind(t *testing.T) {
	s := coretest.New(t, config+"smacks_max_queue_size = 3\nmax_ack_queue = 50\n", modules.All...)
	juliet := s.Login("juliet", "balcony")
	romeo := s.Login("romeo", "orchard")
	enable(t, romeo)
	for range 40 {
		juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='m'><body>x</body></message>")
	}
	for range 40 {
		if got := stanza(t, romeo); got.Attr("id") != "m" {
			t.Fatalf("got %s, want a message", got)
		}
	}
	romeo.Send("<a xmlns='urn:xmpp:sm:3' h='40'/>")
	romeo.Quiet()
}
