// SPDX-License-Identifier: Apache-2.0

package csi_simple_test

import (
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
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
