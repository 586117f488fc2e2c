// SPDX-License-Identifier: Apache-2.0

package roster_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/modules"
	"tercet/modules/roster"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

const ns = "jabber:iq:roster"

func TestFeature(t *testing.T) {
	s := coretest.New(t, "", modules.All...)
	s.AddUser(coretest.Domain, "romeo", "secret")
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	f := c.Plain("romeo", "secret")
	if f.Child("urn:xmpp:features:rosterver", "ver").IsZero() || f.Child("urn:xmpp:features:pre-approval", "sub").IsZero() {
		t.Errorf("features lack versions or pre-approval: %s", f)
	}
}

// TestLimits holds what no golden stream can show: what is too long.
func TestLimits(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	c := s.Login("romeo", "orchard")
	groups := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<group>g%d</group>", i)
		}
		return b.String()
	}
	for _, tt := range []struct{ name, item, want string }{
		{"name", "<item jid='a@example.org' name='" + strings.Repeat("n", 1024) + "'/>", "not-acceptable"},
		{"longest name", "<item jid='a@example.org' name='" + strings.Repeat("n", 1023) + "'/>", ""},
		{"group", "<item jid='a@example.org'><group>" + strings.Repeat("g", 1024) + "</group></item>", "not-acceptable"},
		{"groups", "<item jid='a@example.org'>" + groups(101) + "</item>", "not-acceptable"},
		{"most groups", "<item jid='a@example.org'>" + groups(100) + "</item>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.Send("<iq type='set' id='x'><query xmlns='" + ns + "'>" + tt.item + "</query></iq>")
			e := c.Next()
			got := ""
			if cause := e.Child("jabber:client", "error"); !cause.IsZero() {
				got = cause.First().Local()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// fill gives an account contacts by the service.
func fill(tb testing.TB, s *coretest.Server, user string, n int, item roster.Item) {
	tb.Helper()
	rosters := coretest.Service(s, coretest.Domain, roster.Service)
	for i := range n {
		j := jid.MustParse(fmt.Sprintf("contact%d@example.org", i))
		if err := rosters.Edit(tb.Context(), user, j, func(roster.Item) (roster.Item, bool) { return item, true }); err != nil {
			tb.Fatal(err)
		}
	}
}

// TestLarge fetches a roster as large as one may be by default, in one answer.
func TestLarge(t *testing.T) {
	const most = 10_000
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	d, err := s.Env.Storage.Open("memory")
	if err != nil {
		t.Fatal(err)
	}
	store, err := d.Map(coretest.Domain, "roster")
	if err != nil {
		t.Fatal(err)
	}
	items := make(map[string][]byte, most)
	for i := range most {
		items[fmt.Sprintf("contact%d@example.org", i)] = []byte(`{"name":"Contact","groups":["All"],"to":true,"from":true}`)
	}
	if err := store.Set(t.Context(), "romeo", items); err != nil {
		t.Fatal(err)
	}
	rosters := coretest.Service(s, coretest.Domain, roster.Service)
	err = rosters.Edit(t.Context(), "romeo", jid.MustParse("one@more.example"), func(i roster.Item) (roster.Item, bool) { return i, true })
	if err == nil {
		t.Error("there is room for one more than roster_max_items")
	}
	c := s.Login("romeo", "orchard")
	start := time.Now()
	c.Send("<iq type='get' id='x'><query xmlns='" + ns + "'/></iq>")
	n := 0
	for range c.Next().First().Children() {
		n++
	}
	if n != most {
		t.Errorf("got %d items, want %d", n, most)
	}
	t.Logf("%d items in %s", n, time.Since(start))
}

// TestOrder has many resources change one roster and checks that each is told
// of the changes in their order, so that all end with the same roster.
func TestOrder(t *testing.T) {
	const clients, rounds = 5, 40
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	var all []*coretest.Client
	for n := range clients {
		c := s.Login("romeo", fmt.Sprintf("r%d", n))
		c.Send("<iq type='get' id='get'><query xmlns='" + ns + "'/></iq>")
		c.Next()
		all = append(all, c)
	}
	last := make([]map[string]string, clients)
	var sent, read sync.WaitGroup
	for n, c := range all {
		last[n] = map[string]string{}
		sent.Go(func() {
			for k := range rounds {
				c.Send(fmt.Sprintf("<iq type='set' id='s'><query xmlns='%s'><item jid='c%d@example.org' name='%d-%d'/></query></iq>", ns, k%7, n, k))
			}
		})
		read.Go(func() {
			version := ""
			for pushes := 0; pushes < clients*rounds; {
				e, err := c.Try(10 * time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				if e.Attr("type") != "set" {
					continue
				}
				pushes++
				q := e.First()
				if v := q.Attr("ver"); v <= version {
					t.Errorf("version %s came after %s", v, version)
				} else {
					version = v
				}
				last[n][q.First().Attr("jid")] = q.First().Attr("name")
			}
		})
	}
	sent.Wait()
	read.Wait()
	r, err := coretest.Service(s, coretest.Domain, roster.Service).Roster(t.Context(), "romeo")
	if err != nil {
		t.Fatal(err)
	}
	for n := range all {
		for j, name := range last[n] {
			if want := r.Items[jid.MustParse(j)].Name; name != want {
				t.Errorf("client %d ends with %s named %q, stored is %q", n, j, name, want)
			}
		}
	}
}

// TestDeleted: with an account goes its roster, and it goes out of those of its
// contacts; one of the same name begins anew.
func TestDeleted(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "ping" }`, modules.All...)
	s.AddUser(coretest.Domain, "romeo", "x")
	s.AddUser(coretest.Domain, "juliet", "x")
	romeo, juliet := jid.MustParse("romeo@example.org"), jid.MustParse("juliet@example.org")
	rosters := coretest.Service(s, coretest.Domain, roster.Service)
	both := func(i roster.Item) (roster.Item, bool) {
		i.To, i.From = true, true
		return i, true
	}
	for user, contact := range map[string]jid.JID{"romeo": juliet, "juliet": romeo} {
		if err := rosters.Edit(t.Context(), user, contact, both); err != nil {
			t.Fatal(err)
		}
	}
	before, err := rosters.Roster(t.Context(), "romeo")
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := s.Env.Accounts(s.Host(coretest.Domain))
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.Remove(t.Context(), "romeo", module.Actor{Source: "test"}, nil); err != nil {
		t.Fatal(err)
	}
	after, err := rosters.Roster(t.Context(), "romeo")
	if err != nil || len(after.Items) > 0 || after.Version == before.Version {
		t.Errorf("the roster of a deleted account: %+v %v", after, err)
	}
	coretest.Eventually(t, "juliet's roster follows", func() bool {
		r, err := rosters.Roster(t.Context(), "juliet")
		return err == nil && r.Items[romeo].Subscription() == "none"
	})
}

func BenchmarkGet(b *testing.B) {
	for _, n := range [...]int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := coretest.New(b, "", modules.All...)
			fill(b, s, "romeo", n, roster.Item{Name: "Contact", Groups: []string{"All"}, To: true, From: true})
			c := s.Login("romeo", "orchard")
			for b.Loop() {
				c.Send("<iq type='get' id='x'><query xmlns='" + ns + "'/></iq>")
				c.Next()
			}
		})
	}
}

func BenchmarkEdit(b *testing.B) {
	s := coretest.New(b, "", modules.All...)
	fill(b, s, "romeo", 1000, roster.Item{Name: "Contact", Groups: []string{"All"}, To: true, From: true})
	rosters := coretest.Service(s, coretest.Domain, roster.Service)
	j := jid.MustParse("contact7@example.org")
	for b.Loop() {
		if err := rosters.Edit(b.Context(), "romeo", j, func(i roster.Item) (roster.Item, bool) {
			i.Ask = !i.Ask
			return i, true
		}); err != nil {
			b.Fatal(err)
		}
	}
}
