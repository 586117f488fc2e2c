// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"fmt"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/jid"
	"tercet/modules"
	"tercet/modules/roster"
)

// befriend subscribes an account and n others to each other.
func befriend(tb testing.TB, s *coretest.Server, user string, n int) {
	tb.Helper()
	rosters := coretest.Service(s, coretest.Domain, roster.Service)
	both := func(i roster.Item) (roster.Item, bool) {
		i.To, i.From = true, true
		return i, true
	}
	self := jid.MustParse(user + "@example.org")
	for i := range n {
		contact := jid.MustParse(fmt.Sprintf("contact%d@example.org", i))
		if err := rosters.Edit(tb.Context(), user, contact, both); err != nil {
			tb.Fatal(err)
		}
		if err := rosters.Edit(tb.Context(), contact.Local(), self, both); err != nil {
			tb.Fatal(err)
		}
	}
}

// TestManyContacts: all contacts see each change and the end of it.
func TestManyContacts(t *testing.T) {
	const contacts = 40
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	befriend(t, s, "romeo", contacts)
	var all []*coretest.Client
	for i := range contacts {
		c := s.Login(fmt.Sprintf("contact%d", i), "r")
		c.Send("<presence/>")
		c.Next()
		c.Next() // romeo is not there
		all = append(all, c)
	}
	c := s.Login("romeo", "orchard")
	start := time.Now()
	c.Send("<presence/>")
	for range contacts + 1 {
		c.Next()
	}
	t.Logf("initial presence and %d probes: %s", contacts, time.Since(start))
	c.Send("<presence><show>away</show></presence></stream:stream>")
	for _, other := range all {
		for n, want := range [...]string{"", "", "unavailable"} {
			if e := other.Next(); e.Local() != "presence" || e.Attr("type") != want {
				t.Fatalf("%s got as number %d: %s", other.JID, n, e)
			}
		}
	}
}

// BenchmarkBroadcast is one presence to its contacts, of whom none is there, or
// all are.
func BenchmarkBroadcast(b *testing.B) {
	for _, online := range [...]int{0, 100} {
		b.Run(fmt.Sprintf("100 contacts, %d there", online), func(b *testing.B) {
			s := coretest.New(b, "", modules.All...)
			befriend(b, s, "romeo", 100)
			for i := range online {
				c := s.Login(fmt.Sprintf("contact%d", i), "r")
				c.Send("<presence/>")
				c.Next()
				go func() {
					for {
						if _, err := c.Try(time.Minute); err != nil {
							return
						}
					}
				}()
			}
			c := s.Login("romeo", "orchard")
			c.Send("<presence/>")
			for {
				if e := c.Next(); e.Attr("from") == "romeo@example.org/orchard" {
					break
				}
			}
			c.Send("<iq type='get' id='last' to='example.org'><query xmlns='jabber:iq:roster'/></iq>")
			for e := c.Next(); e.Attr("id") != "last"; {
				e = c.Next()
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Send("<presence><show>away</show><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://example.org/client' ver='q07IKJEyjvHSyhy//CH0CxmKi8w='/></presence>")
				c.Next()
			}
		})
	}
}
