// SPDX-License-Identifier: Apache-2.0

package mam_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules"
	"tercet/modules/mam"
)

const nsSID = "urn:xmpp:sid:0"

// collect returns what has come to a client until now.
func collect(c *coretest.Client) (list []element.Element) {
	c.Send("<iq type='get' id='until-now'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		e := c.Next()
		if e.Attr("id") == "until-now" {
			return list
		}
		list = append(list, e)
	}
}

// archived are the ids of the messages in an account's archive.
func archived(t testing.TB, c *coretest.Client) string {
	t.Helper()
	return strings.Join(ask(t, c, "").ids, " ")
}

// TestKept has messages of all types, contents and hints, in the archives of
// who sends and who gets them.
func TestKept(t *testing.T) {
	const (
		active = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
		body   = "<body>hi</body>"
	)
	hint := func(name string) string { return "<" + name + " xmlns='urn:xmpp:hints'/>" }
	cases := []struct {
		name, typ, content string
		sent, got          bool
	}{
		{"chat", "chat", body, true, true},
		{"normal", "normal", body, true, true},
		{"headline", "headline", body, false, false},
		{"groupchat", "groupchat", body, false, false},
		{"error", "error", body, false, true},
		{"unknown", "song", body, true, true},
		{"state", "chat", active, false, false},
		{"body and state", "chat", body + active, true, true},
		{"nothing", "chat", "", false, false},
		{"thread", "chat", "<thread>t</thread>", false, false},
		{"subject", "normal", "<subject>s</subject>", true, true},
		{"receipt", "chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", true, true},
		{"marker", "chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true, true},
		{"reaction", "chat", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>" + hint("store"), true, true},
		{"store", "chat", active + hint("store"), true, true},
		{"no-store", "chat", body + hint("no-store"), false, false},
		{"no-permanent-store", "chat", body + hint("no-permanent-store"), false, false},
		{"store and no-store", "chat", body + hint("store") + hint("no-store"), false, false},
		{"no-copy", "chat", body + hint("no-copy"), true, true},
		{"forged carbon", "chat", body + "<received xmlns='urn:xmpp:carbons:2'/>", false, false},
	}
	s := coretest.New(t, config, modules.All...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	var sent, got []string
	for _, c := range cases {
		id := strings.ReplaceAll(c.name, " ", "_")
		romeo.Send(fmt.Sprintf("<message id='%s' to='juliet@example.org/balcony' type='%s'>%s</message>", id, c.typ, c.content))
		e := juliet.Next()
		if has := e.Child(nsSID, "stanza-id").Attr("by") == "juliet@example.org"; has != c.got {
			t.Errorf("%s: delivered as %s", c.name, e)
		}
		if c.sent {
			sent = append(sent, id)
		}
		if c.got {
			got = append(got, id)
		}
	}
	if has, want := archived(t, romeo), strings.Join(sent, " "); has != want {
		t.Errorf("the sender has\n%s, want\n%s", has, want)
	}
	if has, want := archived(t, juliet), strings.Join(got, " "); has != want {
		t.Errorf("the recipient has\n%s, want\n%s", has, want)
	}
}

// TestPolicy has each policy, of the host and of the account.
func TestPolicy(t *testing.T) {
	set := func(prefs string) string {
		return "<iq type='set' id='p'><prefs xmlns='" + nsMAM + "' default=" + prefs + "</prefs></iq>"
	}
	jids := func(list, j string) string { return "<" + list + "><jid>" + j + "</jid></" + list + ">" }
	cases := []struct{ name, option, prefs, want string }{
		{"default", "", "", "friend stranger"},
		{"true", "default_archive_policy = true", "", "friend stranger"},
		{"always", "default_archive_policy = \"always\"", "", "friend stranger"},
		{"false", "default_archive_policy = false", "", ""},
		{"never", "default_archive_policy = \"never\"", "", ""},
		{"roster", "default_archive_policy = \"roster\"", "", "friend"},
		{"account: always", "default_archive_policy = false", set("'always'>"), "friend stranger"},
		{"account: never", "", set("'never'>"), ""},
		{"account: roster", "", set("'roster'>"), "friend"},
		{"account: never but one", "", set("'never'>" + jids("always", "stranger@example.org")), "stranger"},
		{"account: always but one", "", set("'always'>" + jids("never", "stranger@example.org")), "friend"},
		{"account: never a resource", "", set("'always'>" + jids("never", "stranger@example.org/home")), "friend"},
		{"account: a resource of never", "", set("'never'>" + jids("never", "friend@example.org") + jids("always", "friend@example.org/home")), "friend"},
		{"smart", "mam_smart_enable = true", "", ""},
		{"smart, prefs", "mam_smart_enable = true", "<iq type='get' id='p'><prefs xmlns='" + nsMAM + "'/></iq>", "friend stranger"},
		{"smart, set", "mam_smart_enable = true", set("'roster'>"), "friend"},
		{"smart, query", "mam_smart_enable = true", "<iq type='set' id='p'><query xmlns='" + nsMAM + "'/></iq>", "friend stranger"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := coretest.New(t, config+c.option+"\n", modules.All...)
			romeo, friend, stranger := s.Login("romeo", "orchard"), s.Login("friend", "home"), s.Login("stranger", "home")
			romeo.Send("<presence/><presence type='subscribe' to='friend@example.org'/>")
			collect(romeo)
			friend.Send("<presence/><presence type='subscribed' to='romeo@example.org'/>")
			collect(friend)
			romeo.Send(c.prefs)
			collect(romeo)
			friend.Send("<message id='friend' to='romeo@example.org'><body>hi</body></message>")
			collect(friend)
			stranger.Send("<message id='stranger' to='romeo@example.org'><body>hi</body></message>")
			collect(stranger)
			collect(romeo)
			if got := archived(t, romeo); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestIgnored leaves elements out of what is kept, not of what is delivered.
func TestIgnored(t *testing.T) {
	s := coretest.New(t, config+"dont_archive_namespaces = { \"urn:xmpp:jingle-message:0\", \"urn:xmpp:hints\" }\n", modules.All...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	const call = "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>"
	romeo.Send("<message id='a' to='juliet@example.org/balcony'>" + call + "</message>" +
		"<message id='b' to='juliet@example.org/balcony'><body>hi</body>" + call + "</message>")
	for range 2 {
		if e := juliet.Next(); e.Child("urn:xmpp:jingle-message:0", "propose").IsZero() {
			t.Errorf("delivered as %s", e)
		}
	}
	juliet.Send("<iq type='set' id='q'><query xmlns='" + nsMAM + "'/></iq>")
	list := collect(juliet)
	if len(list) != 2 || !strings.Contains(list[0].String(), "id='b'") || strings.Contains(list[0].String(), "propose") {
		t.Errorf("the archive has %s", list)
	}
}

// TestIDs has the archive's id on carbon copies, on the sender's own as on the
// recipient's, and never the sender's at the recipient.
func TestIDs(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	const forged = "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.org' id='forged'/><stanza-id xmlns='urn:xmpp:sid:0' by='Romeo@example.org' id='forged'/>"
	romeo, desk := s.Login("romeo", "orchard"), s.Login("romeo", "desk")
	juliet, phone := s.Login("juliet", "balcony"), s.Login("juliet", "phone")
	for _, c := range []*coretest.Client{desk, phone} {
		c.Send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
		collect(c)
	}
	romeo.Send("<message id='a' to='juliet@example.org/balcony' type='chat'><body>hi</body>" + forged + "</message>")
	romeo.Quiet()
	direct := juliet.Next()
	carbon := func(c *coretest.Client) element.Element {
		return c.Next().First().First().Child(element.NSClient, "message")
	}
	for name, c := range map[string]struct {
		e  element.Element
		by string
	}{
		"delivered": {direct, "juliet@example.org"}, "received": {carbon(phone), "juliet@example.org"}, "sent": {carbon(desk), "romeo@example.org"},
	} {
		n := 0
		for x := range c.e.Children() {
			if x.Is(nsSID, "stanza-id") {
				if name == "sent" && x.Attr("by") == "juliet@example.org" {
					continue // it is juliet's server that takes it off
				}
				n++
				if x.Attr("by") != c.by || x.Attr("id") == "forged" {
					t.Errorf("%s: %s", name, c.e)
				}
			}
		}
		if n != 1 {
			t.Errorf("%s: %d ids in %s", name, n, c.e)
		}
	}
	if got := ask(t, juliet, form("ids", direct.Child(nsSID, "stanza-id").Attr("id"))).String(); got != "a." {
		t.Errorf("by its id: got %q", got)
	}
}

// TestToSelf keeps a message to the own account once, with its address.
func TestToSelf(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<message id='a'><body>note</body></message>")
	romeo.Quiet()
	romeo.Send("<iq type='set' id='q'><query xmlns='" + nsMAM + "'/></iq>")
	list := collect(romeo)
	if len(list) != 2 || list[0].First().First().Child(element.NSClient, "message").Attr("to") != "romeo@example.org" {
		t.Errorf("got %s", list)
	}
}

// TestNobody keeps nothing for accounts that do not exist, and bounces.
func TestNobody(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<message id='a' to='nobody@example.org'><body>hi</body></message>")
	if list := collect(romeo); len(list) != 1 || list[0].Attr("type") != "error" {
		t.Errorf("got %s", list)
	}
	for owner := range shelf(t, s).Owners(t.Context()) {
		if owner != "romeo" {
			t.Errorf("%s has an archive", owner)
		}
	}
}

// TestOfflineStore has the archive keep messages where no other store does.
func TestOfflineStore(t *testing.T) {
	s := coretest.New(t, config+"modules_disabled = { \"offline\" }\n", modules.All...)
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<message id='a' to='juliet@example.org'><body>hi</body></message>")
	romeo.Quiet() // no error
	romeo.Send("<message id='b' to='juliet@example.org'><body>hi</body><no-store xmlns='urn:xmpp:hints'/></message>")
	if list := collect(romeo); len(list) != 1 || list[0].Attr("id") != "b" || list[0].Attr("type") != "error" {
		t.Errorf("got %s", list)
	}
	if got := archived(t, s.Login("juliet", "balcony")); got != "a" {
		t.Errorf("got %q, want a", got)
	}
}

// TestExpiredOffline has the offline store deliver what the archive has lost.
func TestExpiredOffline(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<message id='a' to='juliet@example.org'><body>hi</body></message>")
	romeo.Quiet()
	if _, err := shelf(t, s).Expire(t.Context(), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	romeo.Send("<message id='b' to='juliet@example.org'><body>hi</body></message>")
	romeo.Quiet()
	juliet := s.Login("juliet", "balcony")
	if got := archived(t, juliet); got != "b" {
		t.Fatalf("the archive has %q", got)
	}
	juliet.Send("<presence/>")
	var got []string
	for _, e := range collect(juliet) {
		if e.Local() == "message" {
			got = append(got, e.Attr("id"))
		}
	}
	if strings.Join(got, " ") != "a" {
		t.Errorf("got %q, want a", got)
	}
}

// TestContract has a module decide, and hear of what is kept.
func TestContract(t *testing.T) {
	stored := make(chan string, 8)
	judge := module.Define("judge", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		mam.ShouldStore.Handle(s, 0, func(_ context.Context, ev *mam.StoreEvent) ext.Verdict {
			ev.Store = ev.Stanza.ID == "yes"
			return ext.Next
		})
		mam.Stored.Handle(s, 0, func(_ context.Context, ev *mam.StoredEvent) ext.Verdict {
			stored <- ev.Account.String() + " " + ev.Stanza.ID
			return ext.Next
		})
		return nil
	})
	s := coretest.New(t, "modules_enabled = { \"ping\", \"mam\", \"judge\" }\n", append([]module.Definition{judge}, modules.All...)...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	romeo.Send("<message id='no' to='juliet@example.org/balcony'><body>hi</body></message><message id='yes' type='headline' to='juliet@example.org/balcony'/>")
	romeo.Quiet()
	if got := archived(t, romeo) + "/" + archived(t, juliet); !strings.HasSuffix(got, "yes") || strings.Contains(got, "no") {
		t.Errorf("got %q", got)
	}
	if a, b := <-stored, <-stored; a != "romeo@example.org yes" || b != "juliet@example.org yes" {
		t.Errorf("heard %q, %q", a, b)
	}
}
