// SPDX-License-Identifier: Apache-2.0

package offline_test

import (
	"fmt"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
)

const config = "modules_enabled = { \"ping\", \"mam\" }\n"

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

// ids are the ids of messages.
func ids(list []element.Element) string {
	var all []string
	for _, e := range list {
		if e.Local() == "message" {
			all = append(all, e.Attr("id"))
		}
	}
	return strings.Join(all, " ")
}

// TestKept has what is worth keeping, for each word of store_empty_body: by
// type, by content and by hints (XEP-0160 section 3, XEP-0334).
func TestKept(t *testing.T) {
	const active = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
	hint := func(name string) string { return "<" + name + " xmlns='urn:xmpp:hints'/>" }
	cases := []struct{ name, typ, content, kept string }{
		{"body", "chat", "<body>hi</body>", "unless_chat_state always never"},
		{"body of no type", "", "<body>hi</body>", "unless_chat_state always never"},
		{"body of an unknown type", "song", "<body>hi</body>", "unless_chat_state always never"},
		{"headline", "headline", "<body>hi</body>", ""},
		{"error", "error", "<body>hi</body>", ""},
		{"body with a state", "chat", "<body>hi</body>" + active, "unless_chat_state always never"},
		{"state", "chat", active, "always"},
		{"state in a thread", "chat", active + "<thread>t</thread>", "always"},
		{"state and a receipt", "chat", active + "<received xmlns='urn:xmpp:receipts' id='1'/>", "unless_chat_state always"},
		{"receipt", "chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", "unless_chat_state always"},
		{"nothing", "chat", "", "unless_chat_state always"},
		{"no-store", "chat", "<body>hi</body>" + hint("no-store"), ""},
		{"no-permanent-store", "chat", "<body>hi</body>" + hint("no-permanent-store"), ""},
		{"no-copy", "chat", "<body>hi</body>" + hint("no-copy"), "unless_chat_state always never"},
		{"store", "chat", active + hint("store"), "unless_chat_state always never"},
		{"store and no-store", "chat", hint("store") + hint("no-store"), ""},
		{"body of another namespace", "chat", "<body xmlns='urn:example'>hi</body>" + active, "unless_chat_state always"},
	}
	for _, word := range []string{"unless_chat_state", "always", "never"} {
		t.Run(word, func(t *testing.T) {
			s := coretest.New(t, fmt.Sprintf("modules_enabled = { \"ping\" }\nstore_empty_body = %q\n", word), modules.All...)
			s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
			romeo := s.Login("romeo", "orchard")
			var want []string
			for i, c := range cases {
				typ := ""
				if c.typ != "" {
					typ = " type='" + c.typ + "'"
				}
				romeo.Send(fmt.Sprintf("<message id='%d' to='juliet@example.org'%s>%s</message>", i, typ, c.content))
				if strings.Contains(" "+c.kept+" ", " "+word+" ") {
					want = append(want, fmt.Sprint(i))
				}
			}
			romeo.Quiet() // nobody is told
			juliet := s.Login("juliet", "balcony")
			juliet.Send("<presence/>")
			if got := ids(collect(juliet)); got != strings.Join(want, " ") {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// TestMany delivers more than is read at a time, in order, and none twice.
func TestMany(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"ping\" }\noffline_max_messages = 0\n", modules.All...)
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	romeo := s.Login("romeo", "orchard")
	var want []string
	for i := range 1203 {
		want = append(want, fmt.Sprint(i))
		romeo.Send(fmt.Sprintf("<message id='%d' to='juliet@example.org'><body>hi</body></message>", i))
	}
	romeo.Quiet()
	first, second := s.Login("juliet", "a"), s.Login("juliet", "b")
	first.Send("<presence/>")
	if got := ids(collect(first)); got != strings.Join(want, " ") {
		t.Errorf("got %s", got)
	}
	second.Send("<presence/>")
	if got := ids(collect(second)); got != "" {
		t.Errorf("the second resource gets %s", got)
	}
}

// TestNotTaken has a client that does not read get more than its outbox holds:
// what it did not take is there for the next.
func TestNotTaken(t *testing.T) {
	const all = 100
	s := coretest.New(t, "modules_enabled = { \"ping\" }\nc2s_max_outbox = \"512 KiB\"\n", modules.All...)
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	romeo := s.Login("romeo", "orchard")
	body := strings.Repeat("x", 10_000)
	for i := range all {
		romeo.Send(fmt.Sprintf("<message id='%d' to='juliet@example.org'><body>%s</body></message>", i, body))
	}
	romeo.Quiet()
	lane := s.Host(coretest.Domain).Lane("juliet")
	coretest.Eventually(t, "all is kept", func() bool { // and delivered at once, then
		free := lane.TryEnter()
		if free {
			lane.Leave()
		}
		return free
	})
	first := s.Login("juliet", "a")
	first.Send("<presence/>")
	coretest.Eventually(t, "the first resource is gone", func() bool { return !s.Host(coretest.Domain).Connected("juliet") })
	second := s.Login("juliet", "b")
	second.Send("<presence/>")
	got := strings.Fields(ids(collect(second)))
	if len(got) == 0 || len(got) == all {
		t.Fatalf("%d messages are left", len(got))
	}
	for i, id := range got {
		if id != fmt.Sprint(all-len(got)+i) {
			t.Fatalf("got %s at %d of %d", id, i, len(got))
		}
	}
}

// TestArchive has a client that reads its archive get nothing twice, one that
// does not get all, and one whose archive has expired lose nothing.
func TestArchive(t *testing.T) {
	const query = "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>"
	cases := []struct{ name, before, want string }{
		{"does not know archives", "", "a b"},
		{"reads its archive", query, ""},
		{"only counts", "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set></query></iq>", "a b"},
		{"asks for its preferences", "<iq type='get' id='q'><prefs xmlns='urn:xmpp:mam:2'/></iq>", "a b"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := coretest.New(t, config, modules.All...)
			s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
			romeo := s.Login("romeo", "orchard")
			romeo.Send("<message id='a' to='juliet@example.org'><body>hi</body></message><message id='b' to='juliet@example.org'><body>hi</body></message>")
			romeo.Quiet()
			juliet := s.Login("juliet", "balcony")
			juliet.Send(c.before)
			collect(juliet)
			s.Reconfigure(config + "offline_max_messages = 10\nmax_archive_query_results = 7\n") // with live state
			juliet.Send("<presence/>")
			if got := ids(collect(juliet)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			other := s.Login("juliet", "other")
			other.Send("<presence/>")
			if got := ids(collect(other)); got != "" {
				t.Errorf("another resource gets %q", got)
			}
		})
	}
}

// TestUnarchived has a client that reads its archive get what is not there.
func TestUnarchived(t *testing.T) {
	s := coretest.New(t, config+"default_archive_policy = false\n", modules.All...)
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<message id='a' to='juliet@example.org'><body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.org' id='forged'/></message>")
	romeo.Quiet()
	s.Reconfigure(config)
	romeo.Send("<message id='b' to='juliet@example.org'><body>hi</body></message>")
	romeo.Quiet()
	juliet := s.Login("juliet", "balcony")
	juliet.Send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")
	collect(juliet)
	juliet.Send("<presence/>")
	if got := ids(collect(juliet)); got != "a" {
		t.Errorf("got %q, want a", got)
	}
}

// TestDeleted has nothing left for an account that is made again.
func TestDeleted(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"ping\" }\n", modules.All...)
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<message id='a' to='juliet@example.org'><body>hi</body></message>")
	romeo.Quiet()
	if err := s.Env.Storage.Purge(t.Context(), coretest.Domain, "juliet"); err != nil {
		t.Fatal(err)
	}
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	juliet := s.Login("juliet", "balcony")
	juliet.Send("<presence/>")
	if got := ids(collect(juliet)); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestForgedStampIsTakenOff has a client claim that we had kept its message
// long ago.
func TestForgedStampIsTakenOff(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "offline", "ping" }`, modules.All...)
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<message to='juliet@example.org' type='chat' id='m'><body>x</body><delay xmlns='urn:xmpp:delay' from='example.org' stamp='1595-01-01T00:00:00Z'/></message>")
	romeo.Quiet()
	juliet := s.Login("juliet", "balcony")
	juliet.Send("<presence/>")
	for {
		e := juliet.Next()
		if e.Local() != "message" {
			continue
		}
		if stamp := e.Child("urn:xmpp:delay", "delay").Attr("stamp"); stamp == "" || stamp[:4] == "1595" {
			t.Errorf("the stamp is %q, want ours", stamp)
		}
		return
	}
}
