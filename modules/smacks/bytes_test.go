// SPDX-License-Identifier: Apache-2.0

package smacks_test

import (
	"fmt"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// TestFewLargeStanzas: a client that acknowledges nothing is not kept for
// without bound, however few stanzas there are. What it did not get is offered
// to the next resource.
func TestFewLargeStanzas(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "smacks", "offline" }
offline_max_messages = 0
`, modules.All...)
	from, to := s.Login("romeo", "r"), s.Login("juliet", "j")
	to.Send("<enable xmlns='urn:xmpp:sm:3'/><presence/>")
	for range 2 {
		to.Next() // enabled, and its own presence
	}
	const each = 200_000
	body := strings.Repeat("x", each)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for n := range 60 { // 12 MB
			from.Send(fmt.Sprintf("<message to='%s' type='chat' id='%d'><body>%s</body></message>", to.JID, n, body))
		}
	}()
	cause := to.Ended()
	<-sent
	if cause.IsZero() || cause.First().Local() != "policy-violation" {
		t.Errorf("got %s, want a full queue", cause)
	}
}

// TestSumOfQueues: what is kept for all sessions together is bounded, each has
// a little for itself, and what is acknowledged makes room.
func TestSumOfQueues(t *testing.T) {
	s := coretest.New(t, config+"smacks_max_queues = 65536\n", modules.All...)
	from := s.Login("nurse", "n")
	large := strings.Repeat("x", 20_000)
	// give sends n messages, and waits until they have been dealt with.
	give := func(to *coretest.Client, n int, body string) {
		t.Helper()
		for range n {
			from.Send(fmt.Sprintf("<message to='%s' id='m'><body>%s</body></message>", to.JID, body))
		}
		from.Send("<iq type='get' id='done' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
		for e := from.Next(); e.Attr("id") != "done"; {
			e = from.Next()
		}
	}
	first, second, third := s.Login("romeo", "1"), s.Login("juliet", "2"), s.Login("tybalt", "3")
	for _, c := range []*coretest.Client{first, second, third} {
		enable(t, c)
	}
	give(first, 6, large) // all that there is
	give(second, 3, large)
	for range 3 {
		stanza(t, second) // that much each has for itself
	}
	give(second, 2, large)
	if cause := second.Ended(); cause.First().Local() != "policy-violation" {
		t.Errorf("ended with %s, want policy-violation", cause)
	}
	give(third, 20, "small")
	for range 20 {
		stanza(t, third)
	}
	for range 6 {
		stanza(t, first)
	}
	first.Send("<a xmlns='urn:xmpp:sm:3' h='6'/><iq type='get' id='taken' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
	if e := stanza(t, first); e.Attr("id") != "taken" {
		t.Fatalf("got %s, want the answer", e)
	}
	give(third, 5, large)
	for range 5 {
		stanza(t, third)
	}
}
