// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
	"tercet/modules/roster"
)

// TestMutual has accounts do to each other whatever they like, all at once.
// Stanzas that cross may leave two rosters apart; but once all have subscribed
// to each other and approved, all are, and once all have cancelled, none is.
func TestMutual(t *testing.T) {
	const users, rounds = 6, 30
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	clients := make([]*coretest.Client, users)
	for n := range clients {
		clients[n] = s.Login(fmt.Sprintf("user%d", n), "r")
	}
	everybody(clients, func(n int, c *coretest.Client) {
		for k := range rounds {
			to := fmt.Sprintf("user%d@example.org", (n+1+k%(users-1))%users)
			for _, typ := range [...]string{"subscribe", "subscribed", types[(n*7+k*3)%4]} {
				c.Send("<presence to='" + to + "' type='" + typ + "'/>")
			}
			if k%5 == 0 {
				c.Send("<presence/><iq type='set' id='x'><query xmlns='jabber:iq:roster'><item jid='" + to + "' subscription='remove'/></query></iq>")
			}
		}
	})
	for _, end := range [...]struct {
		types [2]string
		want  string
	}{{[2]string{"subscribe", "subscribed"}, "both"}, {[2]string{"unsubscribe", "unsubscribed"}, "none"}} {
		settled(t, s, users)
		everybody(clients, func(_ int, c *coretest.Client) {
			for other := range users {
				for _, typ := range end.types {
					c.Send(fmt.Sprintf("<presence to='user%d@example.org' type='%s'/>", other, typ))
				}
			}
		})
		all(t, s, users, end.want)
	}
}

// settled waits until nothing that was sent waits in the lanes of the accounts
// or is at work there.
func settled(t *testing.T, s *coretest.Server, users int) {
	t.Helper()
	h := s.Host(coretest.Domain)
	coretest.Eventually(t, "the lanes are free", func() bool {
		for n := range users {
			l := h.Lane(fmt.Sprintf("user%d", n))
			if !l.TryEnter() {
				return false
			}
			defer l.Leave()
		}
		return true
	})
}

// everybody runs fn for all clients at once, and reads what they get.
func everybody(clients []*coretest.Client, fn func(n int, c *coretest.Client)) {
	var wg sync.WaitGroup
	for n, c := range clients {
		wg.Go(func() {
			fn(n, c)
			c.Send("<iq type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>")
			for {
				if e, err := c.Try(10 * time.Second); err != nil || e.Attr("id") == "last" {
					return
				}
			}
		})
	}
	wg.Wait()
}

// all waits until all accounts have the same subscription with each other.
func all(t *testing.T, s *coretest.Server, users int, want string) {
	t.Helper()
	rosters := coretest.Service(s, coretest.Domain, roster.Service)
	coretest.Eventually(t, "all subscriptions are "+want, func() bool {
		for a := range users {
			r, err := rosters.Roster(t.Context(), fmt.Sprintf("user%d", a))
			if err != nil {
				t.Fatal(err)
			}
			for b := range users {
				i := r.Items[jid.MustParse(fmt.Sprintf("user%d@example.org", b))]
				if a != b && (i.Subscription() != want || i.Ask || i.Pending != nil) {
					return false
				}
			}
		}
		return true
	})
}

// TestInterrupted ends the server between the two halves of a subscription: the
// other half happens at the next start.
func TestInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lua := fmt.Sprintf("modules_enabled = { %%q, \"ping\" }\ndata_path = %q\nstorage = \"sqlite\"\n", dir)
	wall := module.Define("wall", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		route.In[stanza.Presence][route.Bare].Handle(s, 1000, func(_ context.Context, ev *route.Event) ext.Verdict {
			return ext.Verdict(strings.HasPrefix(ev.Stanza.Type, "un"))
		})
		return nil
	})
	mods := append([]module.Definition{wall}, modules.All...)
	romeo, juliet := jid.MustParse("romeo@example.org"), jid.MustParse("juliet@example.org")
	t.Run("first", func(t *testing.T) {
		s := coretest.New(t, fmt.Sprintf(lua, "wall"), mods...)
		s.AddUser(coretest.Domain, "juliet", "x")
		c := s.Login("romeo", "orchard")
		rosters := coretest.Service(s, coretest.Domain, roster.Service)
		for user, contact := range map[string]jid.JID{"romeo": juliet, "juliet": romeo} {
			if err := rosters.Edit(t.Context(), user, contact, func(i roster.Item) (roster.Item, bool) {
				i.To, i.From = true, true
				return i, true
			}); err != nil {
				t.Fatal(err)
			}
		}
		c.Send("<presence type='unsubscribe' to='juliet@example.org'/><presence type='unsubscribed' to='juliet@example.org'/>")
		c.Quiet()
		r, err := rosters.Roster(t.Context(), "juliet")
		if err != nil || r.Items[romeo].Subscription() != "both" {
			t.Fatalf("the wall does not stand: %+v %v", r, err)
		}
	})
	t.Run("second", func(t *testing.T) {
		s := coretest.New(t, fmt.Sprintf(lua, "ping"), mods...)
		rosters := coretest.Service(s, coretest.Domain, roster.Service)
		coretest.Eventually(t, "juliet's roster follows", func() bool {
			r, err := rosters.Roster(t.Context(), "juliet")
			return err == nil && r.Items[romeo].Subscription() == "none"
		})
		coretest.Eventually(t, "nothing is owed any more", func() bool {
			for range coretest.Service(s, coretest.Domain, roster.Subscriptions).Owed(t.Context()) {
				return false
			}
			return true
		})
	})
}
