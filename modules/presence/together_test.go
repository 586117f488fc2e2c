// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"fmt"
	"sync"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// TestTogether: contacts that become available at the same time get each
// other's presence once, by the broadcast or in answer to their probe.
func TestTogether(t *testing.T) {
	const users, rounds = 20, 5
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	for n := range users {
		befriend(t, s, fmt.Sprintf("contact%d", n), n)
	}
	var clients []*coretest.Client
	for n := range users {
		clients = append(clients, s.Login(fmt.Sprintf("contact%d", n), "r"))
	}
	for round := range rounds {
		var sent, all sync.WaitGroup
		sent.Add(users)
		seen := make([]map[string]int, users)
		for n, c := range clients {
			seen[n] = make(map[string]int)
			all.Go(func() {
				c.Send("<presence><status>here</status></presence>")
				sent.Done()
				sent.Wait()
				for range users { // its own, too
					for e := c.Next(); ; e = c.Next() {
						if e.Local() == "presence" && e.Attr("type") == "" {
							seen[n][e.Attr("from")]++
							break
						}
					}
				}
			})
		}
		all.Wait()
		for n, c := range clients {
			c.Send("<presence type='unavailable'/>")
			c.Send("<iq type='get' id='last' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
			for e := c.Next(); e.Attr("id") != "last"; e = c.Next() {
				if e.Attr("type") == "" {
					seen[n][e.Attr("from")]++
				}
			}
			for k := range users {
				if from := fmt.Sprintf("contact%d@example.org/r", k); seen[n][from] != 1 {
					t.Errorf("round %d: %s got the presence of %s %d times", round, c.JID, from, seen[n][from])
				}
			}
		}
	}
}
