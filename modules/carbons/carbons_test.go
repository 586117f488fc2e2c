// SPDX-License-Identifier: Apache-2.0

package carbons_test

import (
	"context"
	"fmt"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules"
	"tercet/modules/carbons"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

const (
	config  = "modules_enabled = { \"carbons\", \"ping\" }\n"
	forward = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='tybalt@example.org' type='chat'><body>x</body></message></forwarded>"
)

func enable(t *testing.T, c *coretest.Client) {
	t.Helper()
	c.Send("<iq type='set' id='e'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	if got := c.Next(); got.Attr("type") != "result" {
		t.Fatalf("enable: %s", got)
	}
}

// available sends presence and swallows its reflections.
func available(t *testing.T, c *coretest.Client, priority string) {
	t.Helper()
	c.Send("<presence><priority>" + priority + "</priority></presence>")
	if got := c.Next(); got.Local() != "presence" {
		t.Fatalf("presence: %s", got)
	}
}

// rules are those of section 6.1: what becomes a carbon when the account sends
// it to another, and when it receives it at a full and at its bare JID.
var rules = []struct {
	name             string
	typ, payload     string
	sent, full, bare bool
}{
	{"chat", "chat", "<body>x</body>", true, true, true},
	{"chat without body", "chat", "<x xmlns='urn:example:x'/>", true, true, true},
	{"normal with body", "normal", "<body>x</body>", true, true, true},
	{"normal without body", "normal", "<x xmlns='urn:example:x'/>", false, false, false},
	{"headline", "headline", "<body>x</body>", false, false, false},
	{"private", "chat", "<body>x</body><private xmlns='urn:xmpp:carbons:2'/>", false, false, false},
	{"no-copy", "chat", "<body>x</body><no-copy xmlns='urn:xmpp:hints'/>", false, false, false},
	{"another hint", "chat", "<body>x</body><store xmlns='urn:xmpp:hints'/>", true, true, true},
	{"receipt", "normal", "<received xmlns='urn:xmpp:receipts' id='1'/>", true, true, true},
	{"marker", "normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true, true, true},
	{"chat state", "normal", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", true, true, true},
	{"call", "normal", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", true, true, true},
	{"direct invitation", "normal", "<x xmlns='jabber:x:conference' jid='room@muc.example.org'/>", true, true, true},
	{"mediated invitation", "normal", "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>", true, true, true},
	{"private message of a room", "chat", "<body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/>", true, false, true},
	{"forged copy", "chat", "<received xmlns='urn:xmpp:carbons:2'>" + forward + "</received>", false, false, false},
	{"forged sent copy", "chat", "<body>x</body><sent xmlns='urn:xmpp:carbons:2'>" + forward + "</sent>", false, false, false},
	{"error with the original", "error", "<body>x</body><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>", false, true, true},
	{"error", "error", "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>", false, false, false},
	{"error of a copy", "error", "<received xmlns='urn:xmpp:carbons:2'>" + forward + "</received><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>", false, false, false},
	{"somebody's stanza-id", "normal", "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.org' id='1'/>", false, false, false},
}

func TestRules(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet := s.Login("juliet", "balcony")
	orchard, home := s.Login("romeo", "orchard"), s.Login("romeo", "home")
	available(t, orchard, "1")
	enable(t, home)
	for i, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, way := range [...]struct {
				name, direction, to string
				from                *coretest.Client
				want                bool
			}{
				{"sent", "sent", "juliet@example.org/balcony", orchard, r.sent},
				{"full", "received", "romeo@example.org/orchard", juliet, r.full},
				{"bare", "received", "romeo@example.org", juliet, r.bare},
			} {
				id := fmt.Sprintf("%d%s", i, way.name)
				way.from.Send(fmt.Sprintf("<message to='%s' type='%s' id='%s'>%s</message>", way.to, r.typ, id, r.payload))
				drain(way.from)
				if way.want {
					wantCopy(t, home, way.direction, way.to, id)
				}
				home.Quiet()
			}
		})
	}
}

// wantCopy reads a carbon: from the account, of the original.
func wantCopy(t *testing.T, c *coretest.Client, direction, to, id string) {
	t.Helper()
	got := c.Next()
	original := got.Child("urn:xmpp:carbons:2", direction).Child("urn:xmpp:forward:0", "forwarded").Child(element.NSClient, "message")
	if got.Attr("from") != "romeo@example.org" || got.Attr("to") != c.JID || got.Attr("type") != original.Attr("type") ||
		original.Attr("id") != id || original.Attr("to") != to {
		t.Errorf("got %s, want a copy of %s as %s", got, id, direction)
	}
}

// drain drops what a client has got, up to the answer to a ping.
func drain(c *coretest.Client) {
	c.Send("<iq type='get' id='drain'><ping xmlns='urn:xmpp:ping'/></iq>")
	for e := c.Next(); e.Attr("id") != "drain"; e = c.Next() {
		continue
	}
}

func TestOnlyThoseWithoutTheOriginalGetCopies(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet := s.Login("juliet", "balcony")
	orchard, home, shy := s.Login("romeo", "orchard"), s.Login("romeo", "home"), s.Login("romeo", "shy")
	for _, c := range []*coretest.Client{orchard, home, shy} {
		enable(t, c)
	}
	for c, priority := range map[*coretest.Client]string{orchard: "5", home: "5", shy: "-1"} {
		c.Send("<presence><priority>" + priority + "</priority></presence>")
		c.Next()
	}
	for _, c := range []*coretest.Client{orchard, home, shy} {
		drain(c)
	}
	juliet.Send("<message to='romeo@example.org' type='chat' id='1'><body>x</body></message>")
	for _, c := range []*coretest.Client{orchard, home} {
		if got := c.Next(); got.Attr("id") != "1" {
			t.Errorf("%s got %s, want the original", c.JID, got)
		}
		c.Quiet()
	}
	wantCopy(t, shy, "received", "romeo@example.org", "1")
	shy.Quiet()

	// All negative: nobody gets the original, and each a copy.
	for _, c := range []*coretest.Client{orchard, home} {
		c.Send("<presence><priority>-1</priority></presence>")
		drain(c)
	}
	for _, c := range []*coretest.Client{orchard, home, shy} {
		drain(c)
	}
	juliet.Send("<message to='romeo@example.org' type='chat' id='2'><body>x</body></message>")
	for _, c := range []*coretest.Client{orchard, home, shy} {
		wantCopy(t, c, "received", "romeo@example.org", "2")
	}
}

func TestWhatAnAccountSendsToItselfIsReceivedOnce(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	orchard, home, third := s.Login("romeo", "orchard"), s.Login("romeo", "home"), s.Login("romeo", "third")
	for _, c := range []*coretest.Client{orchard, home, third} {
		enable(t, c)
	}
	orchard.Send("<message to='romeo@example.org/home' type='chat' id='1'><body>x</body></message>")
	if got := home.Next(); got.Attr("id") != "1" {
		t.Errorf("got %s, want the original", got)
	}
	home.Quiet()
	wantCopy(t, third, "received", "romeo@example.org/home", "1")
	third.Quiet()
	orchard.Quiet()

	available(t, third, "0")
	orchard.Send("<message to='romeo@example.org' type='chat' id='2'><body>x</body></message>")
	if got := third.Next(); got.Attr("id") != "2" {
		t.Errorf("got %s, want the original", got)
	}
	wantCopy(t, home, "received", "romeo@example.org", "2")
	orchard.Quiet()
}

func TestMessageToAResourceThatIsGoneIsCopiedAsToTheAccount(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet, orchard, home := s.Login("juliet", "balcony"), s.Login("romeo", "orchard"), s.Login("romeo", "home")
	available(t, orchard, "0")
	enable(t, home)
	enable(t, orchard)
	juliet.Send("<message to='romeo@example.org/gone' type='chat' id='1'><body>x</body></message>")
	if got := orchard.Next(); got.Attr("id") != "1" {
		t.Errorf("got %s, want the original", got)
	}
	orchard.Quiet()
	wantCopy(t, home, "received", "romeo@example.org/gone", "1")
}

func TestEnabledSurvivesAReload(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet, _, home := s.Login("juliet", "balcony"), s.Login("romeo", "orchard"), s.Login("romeo", "home")
	enable(t, home)
	enable(t, home) // twice is no error (section 11)
	s.Reconfigure("modules_enabled = { \"ping\" }\n")
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='1'><body>x</body></message>")
	juliet.Quiet()
	home.Quiet()
	s.Reconfigure(config)
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='2'><body>x</body></message>")
	wantCopy(t, home, "received", "romeo@example.org/orchard", "2")
}

// contrary is a module that decides otherwise.
var contrary = module.Define("contrary", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
	carbons.ShouldCopy.Handle(s, 0, func(_ context.Context, ev *carbons.CopyEvent) ext.Verdict {
		ev.Copy = !ev.Copy && !ev.Sent
		return ext.Stop
	})
	return nil
})

func TestAModuleDecidesOtherwise(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"carbons\", \"ping\", \"contrary\" }\n", append([]module.Definition{contrary}, modules.All...)...)
	juliet, _, home := s.Login("juliet", "balcony"), s.Login("romeo", "orchard"), s.Login("romeo", "home")
	enable(t, home)
	for id, m := range []string{
		"type='chat'><body>x</body>", "type='headline'><body>x</body>",
		"type='headline'><private xmlns='urn:xmpp:carbons:2'/>",
	} {
		juliet.Send(fmt.Sprintf("<message to='romeo@example.org/orchard' id='%d' %s</message>", id, m))
	}
	juliet.Quiet()
	wantCopy(t, home, "received", "romeo@example.org/orchard", "1")
	home.Quiet()
}
