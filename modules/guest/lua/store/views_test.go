// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/coretest"
	"tercet/core/jid"
	"tercet/modules"
	"tercet/modules/guest/lua/store"
	"tercet/modules/guest/lua/universe"
	"tercet/modules/mam"
	"tercet/modules/roster"
)

// live is a whole server, and a universe with its stores.
type live struct {
	*coretest.Server
	lua *server
}

func newLive(t *testing.T, config string) *live {
	t.Helper()
	s := &live{Server: coretest.New(t, config, modules.All...)}
	d, err := s.Env.Storage.Open("memory")
	if err != nil {
		t.Fatal(err)
	}
	s.lua = newServer(t, d, store.Options{
		Roster: func(string) roster.Contacts { return coretest.Service(s.Server, coretest.Domain, roster.Service) },
		Prefs:  func(string) mam.Keeper { return coretest.Service(s.Server, coretest.Domain, mam.Preferences) },
	})
	s.lua.run(t, false, "check.lua", scripts(t, "check.lua")["check"])
	return s
}

// ask sends a request and returns the answer.
func ask(c *coretest.Client, xml string) string {
	c.Send(xml)
	return c.Next().String()
}

func contains(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("got %s, want %s in it", got, part)
		}
	}
}

// TestWithModules: what clients store with native modules, Lua sees as
// Prosody's, and the other way round.
func TestWithModules(t *testing.T) {
	s := newLive(t, `modules_enabled = { "ping", "vcard", "private", "roster", "mam", "offline", "blocklist" }`)
	c := s.Login("romeo", "orchard")
	run := func(source string) {
		t.Helper()
		s.lua.run(t, true, "test", `local st = require "util.stanza"; `+source)
	}

	ask(c, "<iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>Romeo</FN></vCard></iq>")
	run(`is(st.deserialize(open("vcard"):get("romeo")):get_child_text("FN"), "Romeo")
		assert(open("vcard"):set("romeo", st.preserialize(st.stanza("vCard", { xmlns = "vcard-temp" }):text_tag("FN", "Montague"))))`)
	contains(t, ask(c, "<iq type='get' id='2'><vCard xmlns='vcard-temp'/></iq>"), "<FN>Montague</FN>")

	ask(c, "<iq type='set' id='3'><query xmlns='jabber:iq:private'><a xmlns='urn:a'>one</a></query></iq>")
	run(`is(st.deserialize(open("private", "map"):get("romeo", "a:urn:a")):get_text(), "one")
		assert(open("private", "map"):set("romeo", "b:urn:b", { name = "b", attr = { xmlns = "urn:b" }, "two" }))`)
	contains(t, ask(c, "<iq type='get' id='4'><query xmlns='jabber:iq:private'><b xmlns='urn:b'/></query></iq>"), "two</b>")

	ask(c, "<iq type='set' id='5'><block xmlns='urn:xmpp:blocking'><item jid='tybalt@example.org'/></block></iq>")
	run(`is(open("blocklist"):get("romeo"), { [false] = {}, ["tybalt@example.org"] = true })
		fails("not-supported", open("blocklist").set, nil, "romeo", {})
		assert(open("blocklist"):set(nil, { ["evil.example"] = true }));
		is(open("blocklist"):get(nil), { ["evil.example"] = true }); is(open("blocklist", "map"):get(nil, "evil.example"), true);
		assert(open("blocklist", "map"):set(nil, "evil.example", nil)); is(open("blocklist"):get(nil), nil)
		for user in open("blocklist"):users() do is(user, "romeo") end`)

	ask(c, "<iq type='set' id='6'><prefs xmlns='urn:xmpp:mam:2' default='roster'><never><jid>tybalt@example.org</jid></never></prefs></iq>")
	run(`is(open("archive_prefs"):get("romeo"), { [false] = "roster", ["tybalt@example.org"] = false })
		assert(open("archive_prefs", "map"):set("romeo", "nurse@example.org", true))
		fails("unsupported-datatype", open("archive_prefs").set, nil, "romeo", { [false] = "sometimes" })`)
	contains(t, ask(c, "<iq type='get' id='7'><prefs xmlns='urn:xmpp:mam:2'/></iq>"), "default='roster'", "<always><jid>nurse@example.org</jid></always>", "<never><jid>tybalt@example.org</jid></never>")
	run(`assert(open("archive_prefs"):set("romeo", { [false] = false }))`)
	contains(t, ask(c, "<iq type='get' id='8'><prefs xmlns='urn:xmpp:mam:2'/></iq>"), "default='never'", "<always/><never/>")
	run(`assert(open("archive_prefs"):set("romeo", nil)); is(open("archive_prefs"):get("romeo"), nil)`)
	contains(t, ask(c, "<iq type='get' id='9'><prefs xmlns='urn:xmpp:mam:2'/></iq>"), "default='always'")

	run(`local account = open("accounts"):get("romeo")
		assert(account.created > 1e9);
		for k in pairs(account) do assert(k == "created" or k == "updated", k) end
		is(open("accounts"):get(nil), nil)
		for user in open("accounts"):users() do is(user, "romeo") end`)
}

func TestArchives(t *testing.T) {
	s := newLive(t, `modules_enabled = { "ping", "mam", "offline" }`)
	s.AddUser(coretest.Domain, "nurse", "secret")
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	juliet.Send("<message to='romeo@example.org/orchard' type='chat'><body>hello</body></message>")
	contains(t, romeo.Next().String(), "hello")
	juliet.Send("<message to='nurse@example.org' type='chat'><body>later</body></message>")
	juliet.Quiet()
	s.lua.run(t, true, "test", `
		local st = require "util.stanza";
		local archive, offline = open("archive", "archive"), open("offline", "archive");
		local n = 0;
		for _, stanza, when, with in archive:find("romeo", { with = "juliet@example.org", total = true }) do
			n = n + 1;
			is(stanza:get_child_text("body"), "hello"); is(with, "juliet@example.org"); assert(when > 1.7e9);
		end
		is(n, 1);
		is(select(2, archive:find("romeo", { with = "nurse@example.org", total = true })), 0);
		assert(archive:append("romeo", nil, st.message({ from = "juliet@example.org/balcony", to = "romeo@example.org" }, "from Lua"), 1700000000, "juliet@example.org"));
		for _, stanza in offline:find("nurse") do is(stanza:get_child_text("body"), "later") end
		is(select(2, offline:find("nurse", { total = true })), 1);
		is(#require "util.datamanager".list_load("nurse", "example.org", "offline"), 1);`)
	romeo.Send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")
	contains(t, romeo.Next().String(), "hello")
	contains(t, romeo.Next().String(), "from Lua", "2023-11-14T22:13:20")
}

// TestRoster: clients are told of what Lua changes.
func TestRoster(t *testing.T) {
	s := newLive(t, `modules_enabled = { "ping", "roster" }`)
	c := s.Login("romeo", "orchard")
	ask(c, "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>")
	c.Send("<iq type='set' id='2'><query xmlns='jabber:iq:roster'><item jid='nurse@example.org' name='Nurse'><group>House</group></item></query></iq>")
	c.Next()
	c.Next()
	s.lua.run(t, true, "test", `
		local store = open("roster", "map");
		is(store:get("romeo", "nurse@example.org"), { subscription = "none", name = "Nurse", groups = { House = true } });
		assert(store:set_keys("romeo", { [false] = { pending = {} }, ["juliet@example.org"] = { subscription = "both", name = "J", groups = {} } }));`)
	contains(t, c.Next().String(), "juliet@example.org", "both")
	s.lua.run(t, false, "test", `
		local all = open("roster"):get("romeo");
		all["nurse@example.org"] = nil;
		assert(open("roster"):set("romeo", all));
		is(open("roster"):get("romeo")["juliet@example.org"].name, "J");`)
	contains(t, c.Next().String(), "nurse@example.org", "remove")
	c.Quiet()
	list, err := coretest.Service(s.Server, coretest.Domain, roster.Service).Roster(t.Context(), "romeo")
	if err != nil || len(list.Items) != 1 || !list.Items[jid.MustParse("juliet@example.org")].From {
		t.Errorf("%v %v", list, err)
	}
}

// entering is rosters that run Lua when they are read, as the handlers of
// roster-load do.
type entering struct {
	u     *universe.Universe
	times *int
}

func (e entering) Roster(ctx context.Context, _ string) (*roster.Roster, error) {
	err := e.u.Do(ctx, &universe.Task{Name: "roster-load"}, func(*lua.LState) { *e.times++ })
	return &roster.Roster{Version: "1", Items: map[jid.JID]roster.Item{}}, err
}

func (e entering) Edit(ctx context.Context, user string, j jid.JID, fn func(roster.Item) (roster.Item, bool)) error {
	fn(roster.Item{JID: j})
	_, err := e.Roster(ctx, user)
	return err
}

func TestRosterEnters(t *testing.T) {
	var s *server
	times := 0
	s = newServer(t, drivers["memory"](t), store.Options{Roster: func(string) roster.Contacts { return entering{s.Universe, &times} }})
	for _, waits := range []bool{false, true} {
		s.run(t, waits, "test", `
			assert(open("roster"):get("romeo")[false].version == 1);
			assert(open("roster", "map"):set("romeo", "juliet@example.org", { subscription = "both", groups = {} }));`)
	}
	if times != 6 {
		t.Errorf("entered %d times, want 6", times)
	}
}

// TestNativeFormat holds how views write: native modules have to read it.
func TestNativeFormat(t *testing.T) {
	d := drivers["memory"](t)
	s := newServer(t, d, store.Options{Native: func(string, string) bool { return false }})
	s.run(t, false, "test", `
		local dm = require "util.datamanager";
		dm.store("romeo", "example.org", "blocklist", { ["b@example.org"] = true, ["a@example.org"] = true, [false] = {} });
		dm.store("romeo", "example.org", "archive_prefs", { [false] = true, ["a@b"] = false });
		dm.store("romeo", "example.org", "account_details", { registered = 0, email = "x" });
		dm.store("romeo", "example.org", "roster", { ["a@b"] = { subscription = "to", groups = { y = true, x = true } } });`)
	for name, want := range map[string]string{
		"blocklist":       `["a@example.org","b@example.org"]`,
		"archive_prefs":   `{"default":"always","never":{"a@b":true},"active":true}`,
		"account_details": `{"registered":"1970-01-01T00:00:00Z","fields":{"email":"x"}}`,
	} {
		kv, err := d.KeyValue("example.org", name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := kv.Get(t.Context(), "romeo"); err != nil || string(got) != want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, want)
		}
	}
	pairs, err := d.Map("example.org", "roster")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := pairs.Get(t.Context(), "romeo", "a@b"); err != nil || string(got) != `{"groups":["x","y"],"to":true}` {
		t.Errorf("%s (%v)", got, err)
	}
}

var _ roster.Contacts = entering{}
