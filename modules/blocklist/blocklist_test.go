// SPDX-License-Identifier: Apache-2.0

package blocklist_test

import (
	"fmt"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

const config = `modules_enabled = { "blocklist", "ping" }
`

func ask(c *coretest.Client, id, payload string) string {
	c.Send("<iq type='set' id='" + id + "'>" + payload + "</iq>")
	return c.Next().String()
}

func TestListSurvivesAReload(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo, tybalt := s.Login("romeo", "orchard"), s.Login("tybalt", "street")
	if got := ask(romeo, "b", "<block xmlns='urn:xmpp:blocking'><item jid='tybalt@example.org'/></block>"); !strings.Contains(got, "result") {
		t.Fatalf("block: %s", got)
	}
	s.Reconfigure(config + "bounce_blocked_messages = true\n")
	tybalt.Send("<message to='romeo@example.org/orchard' type='chat' id='m'><body>Draw!</body></message>")
	if got := tybalt.Next(); got.Attr("type") != "error" || got.Attr("id") != "m" {
		t.Errorf("got %s, want the message bounced", got)
	}
	romeo.Quiet()
}

func TestListIsBounded(t *testing.T) {
	s := coretest.New(t, config+"blocklist_max_items = 10\nblocklist_cache_size = 1\n", modules.All...)
	romeo := s.Login("romeo", "orchard")
	items := new(strings.Builder)
	for i := range 11 {
		fmt.Fprintf(items, "<item jid='montague%d@example.org'/>", i)
	}
	if got := ask(romeo, "b", "<block xmlns='urn:xmpp:blocking'>"+items.String()+"</block>"); !strings.Contains(got, "resource-constraint") {
		t.Errorf("got %s, want resource-constraint", got)
	}
	romeo.Send("<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>")
	if got := romeo.Next().String(); strings.Contains(got, "montague") {
		t.Errorf("got %s, want an empty list", got)
	}
}

func TestWhoIsMeant(t *testing.T) {
	for _, c := range []struct {
		item string
		want bool
	}{
		{"tybalt@example.org", true},
		{"tybalt@example.org/street", true},
		{"tybalt@example.org/other", false},
		{"example.org", true},
		{"example.org/street", true},
		{"example.org/other", false},
		{"example.net", false},
		{"TYBALT@EXAMPLE.ORG", true},
	} {
		t.Run(c.item, func(t *testing.T) {
			s := coretest.New(t, config+"bounce_blocked_messages = true\n", modules.All...)
			romeo, tybalt := s.Login("romeo", "orchard"), s.Login("tybalt", "street")
			if got := ask(romeo, "b", "<block xmlns='urn:xmpp:blocking'><item jid='"+c.item+"'/></block>"); !strings.Contains(got, "result") {
				t.Fatalf("block: %s", got)
			}
			tybalt.Send("<message to='romeo@example.org/orchard' type='chat' id='m'><body>Draw!</body></message>")
			if c.want {
				if got := tybalt.Next(); got.Attr("type") != "error" || got.Attr("from") != "romeo@example.org/orchard" {
					t.Errorf("got %s, want an error", got)
				}
				return
			}
			if got := romeo.Next(); got.Attr("id") != "m" {
				t.Errorf("got %s, want the message", got)
			}
		})
	}
}

func TestPushHoldsOnlyWhatWasNamed(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo, home := s.Login("romeo", "orchard"), s.Login("romeo", "home")
	home.Send("<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>")
	home.Next()
	if got := ask(romeo, "b", "<block xmlns='urn:xmpp:blocking' more='x'><item jid='Tybalt@example.org'><report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'/></item></block>"); !strings.Contains(got, "result") {
		t.Fatalf("block: %s", got)
	}
	push := home.Next()
	if got := push.First(); got.Attr("more") != "" || !got.First().First().IsZero() || got.First().Attr("jid") != "tybalt@example.org" {
		t.Errorf("pushed %s", push)
	}
	romeo.Quiet() // has not asked for the list
}

func TestBlockedRequestToSubscribeIsForgotten(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo, tybalt := s.Login("romeo", "orchard"), s.Login("tybalt", "street")
	romeo.Send("<presence/>")
	romeo.Next()
	tybalt.Send("<presence to='romeo@example.org' type='subscribe'/>")
	if got := romeo.Next(); got.Attr("type") != "subscribe" {
		t.Fatalf("got %s, want the request", got)
	}
	if got := ask(romeo, "b", "<block xmlns='urn:xmpp:blocking'><item jid='tybalt@example.org'/></block>"); !strings.Contains(got, "result") {
		t.Fatalf("block: %s", got)
	}
	home := s.Login("romeo", "home")
	home.Send("<presence/>")
	for range 2 {
		if got := home.Next(); got.Attr("type") == "subscribe" {
			t.Errorf("got %s, want it forgotten", got)
		}
	}
	home.Quiet()
}
