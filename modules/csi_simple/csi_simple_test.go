// SPDX-License-Identifier: Apache-2.0

package csi_simple_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules"
	"tercet/modules/csi_simple"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

const config = `modules_enabled = { "csi_simple", "smacks", "ping" }
`

func TestHeldStanzasSurviveAReload(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	romeo.Send("<inactive xmlns='urn:xmpp:csi:0'/>")
	romeo.Quiet()
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='1'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
	juliet.Quiet()
	s.Reconfigure(config + "csi_queue_size = 7\n")
	romeo.Send("<active xmlns='urn:xmpp:csi:0'/>")
	if got := romeo.Next(); got.Attr("id") != "1" {
		t.Errorf("got %s, want message 1", got)
	}
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='2'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
	if got := romeo.Next(); got.Attr("id") != "2" {
		t.Errorf("an active client waits: got %s, want message 2", got)
	}
}

func TestQueueIsBounded(t *testing.T) {
	s := coretest.New(t, config+"csi_queue_size = 2\n", modules.All...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	romeo.Send("<inactive xmlns='urn:xmpp:csi:0'/>")
	romeo.Quiet()
	for _, id := range []string{"1", "2", "3"} {
		juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='" + id + "'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
	}
	for _, id := range []string{"1", "2", "3"} {
		if got := romeo.Next(); got.Attr("id") != id {
			t.Errorf("got %s, want message %s", got, id)
		}
	}
}

// pair logs romeo, who then is inactive, and juliet in.
func pair(t *testing.T, config string, mods ...module.Definition) (romeo, juliet *coretest.Client) {
	t.Helper()
	s := coretest.New(t, config+"smacks_max_unacked_stanzas = 1000\n", append(mods, modules.All...)...)
	romeo, juliet = s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	romeo.Send("<enable xmlns='urn:xmpp:sm:3'/><inactive xmlns='urn:xmpp:csi:0'/><r xmlns='urn:xmpp:sm:3'/>")
	romeo.Next()
	romeo.Next() // not a ping: what is important keeps the client awake
	return romeo, juliet
}

// held reports whether nothing came within the time that a stanza needs.
func held(c *coretest.Client) bool {
	for {
		e, err := c.Try(100 * time.Millisecond)
		if err != nil {
			return true
		}
		if e.Space() != "urn:xmpp:sm:3" {
			return false
		}
	}
}

func TestWhatIsImportant(t *testing.T) {
	carbon := func(direction, inner string) string {
		return "<" + direction + " xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='chat'>" + inner + "</message></forwarded></" + direction + ">"
	}
	for _, c := range []struct {
		name, stanza string
		want         bool
	}{
		{"body", "<message type='chat'><body>x</body></message>", true},
		{"subject", "<message type='groupchat'><subject/></message>", true},
		{"chat state", "<message type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/></message>", false},
		{"receipt", "<message><received xmlns='urn:xmpp:receipts' id='1'/></message>", false},
		{"headline", "<message type='headline'><body>x</body></message>", false},
		{"error", "<message type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", true},
		{"encrypted", "<message type='chat'><encrypted xmlns='eu.siacs.conversations.axolotl'/></message>", true},
		{"call", "<message><propose xmlns='urn:xmpp:jingle-message:0' id='1'/></message>", true},
		{"direct invitation", "<message><x xmlns='jabber:x:conference' jid='a@b'/></message>", true},
		{"mediated invitation", "<message><x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x></message>", true},
		{"chat state in a room", "<message type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/><x xmlns='http://jabber.org/protocol/muc#user'/></message>", false},
		{"forged carbon of what was sent", "<message type='chat'>" + carbon("sent", "<body>x</body>") + "</message>", false},
		{"forged carbon", "<message type='chat'>" + carbon("received", "<body>x</body>") + "</message>", false},
		{"own payload", "<message><alarm xmlns='urn:example:alarm'/></message>", true},
		{"other payload", "<message><bell xmlns='urn:example:alarm'/></message>", false},
		{"presence", "<presence/>", false},
		{"unavailable", "<presence type='unavailable'/>", false},
		{"request", "<iq type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			romeo, juliet := pair(t, config+"csi_important_payloads = { \"{urn:example:alarm}alarm\" }\n")
			tail := strings.TrimLeft(c.stanza, "<abcdefghijklmnopqrstuvwxyz")
			name := strings.TrimSuffix(c.stanza, tail)
			juliet.Send(name + " to='romeo@example.org/orchard'" + tail)
			if got := !held(romeo); got != c.want {
				t.Errorf("important: %v, want %v", got, c.want)
			}
		})
	}
}

func TestOnlyTheLastPresenceIsKept(t *testing.T) {
	romeo, juliet := pair(t, config)
	for _, show := range []string{"away", "dnd", "xa"} {
		juliet.Send("<presence to='romeo@example.org/orchard'><show>" + show + "</show></presence>")
	}
	if !held(romeo) {
		t.Fatal("presence is not held back")
	}
	romeo.Send("<active xmlns='urn:xmpp:csi:0'/>")
	if got := romeo.Next(); got.ChildText("jabber:client", "show") != "xa" {
		t.Errorf("got %s, want the last presence", got)
	}
	romeo.Quiet()
}

func TestNothingIsHeldWhileTheClientIsAwake(t *testing.T) {
	for delay, want := range map[string]bool{"0": true, "60": false} {
		romeo, juliet := pair(t, config+"csi_resume_inactive_delay = "+delay+"\n")
		juliet.Send("<message to='romeo@example.org/orchard' type='chat'><body>x</body></message>")
		romeo.Next()
		juliet.Send("<message to='romeo@example.org/orchard' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
		if got := held(romeo); got != want {
			t.Errorf("delay of %s s: held is %v, want %v", delay, got, want)
		}
	}
}

func TestAModuleDecidesOtherwise(t *testing.T) {
	contrary := module.Define("contrary", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		csi_simple.Important.Handle(s, 0, func(_ context.Context, ev *csi_simple.ImportantEvent) ext.Verdict {
			ev.Important = ev.Stanza.ID == "now" && ev.Session.JID.Local() == "romeo"
			return ext.Stop
		})
		return nil
	})
	romeo, juliet := pair(t, "modules_enabled = { \"csi_simple\", \"smacks\", \"ping\", \"contrary\" }\n", contrary)
	juliet.Send("<message to='romeo@example.org/orchard' type='chat' id='later'><body>x</body></message>")
	if !held(romeo) {
		t.Error("the body came")
	}
	juliet.Send("<message to='romeo@example.org/orchard' type='headline' id='now'/>")
	for _, want := range []string{"later", "now"} {
		if got := romeo.Next(); got.Attr("id") != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
