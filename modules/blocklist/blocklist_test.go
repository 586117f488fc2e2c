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
