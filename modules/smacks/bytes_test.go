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
