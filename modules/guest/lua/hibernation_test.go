// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"strings"
	"testing"

	"tercet/core/coretest"
)

const sleepers = `
local st, watchdog = require "util.stanza", require "util.watchdog";
local seen = {};
local function note(...)
	local words = {};
	for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))); end
	seen[#seen + 1] = table.concat(words, ":");
end
local function ids(queue)
	local all = {};
	for i, stanza in ipairs(queue) do
		all[i] = (stanza.attr.id or stanza.name) .. (stanza.noted and "+" or "");
		stanza.noted = true;
	end
	return table.concat(all, ",");
end
module:hook("smacks-hibernation-start", function (event)
	local session = event.origin;
	note("start", session.username, ids(event.queue), type(session.hibernating), session.hibernating_watchdog.timeout);
	local old = session.hibernating_watchdog;
	if session.username == "patient" then
		old:cancel();
		session.hibernating_watchdog = watchdog.new(3600, old.callback);
	elseif session.username == "hasty" then
		old.callback();
	end
end);
module:hook("smacks-hibernation-stanza-queued", function (event)
	note("queued", event.origin.username, ids { event.stanza });
end);
module:hook("smacks-hibernation-end", function (event)
	note("end", event.resumed.username, ids(event.queue), event.resumed.hibernating, event.resumed.hibernating_watchdog);
end);
module:hook("smacks-ack-delayed", function (event) note("delayed", event.origin.username, ids(event.queue)); end);
module:hook("delivery/failure", function (event)
	note("failed", event.session.username, event.stanza.attr.id);
	if event.stanza.attr.id == "taken" then return true; end
end);
module:hook("archive-message-added", function (event)
	note("archived", event.for_user, event.stanza.attr.id, type(event.id));
end);
module:hook("csi-client-inactive", function (event) note(event.origin.state); end);
module:hook("csi-client-active", function (event) note(event.origin.state); end);
module:hook("iq-get/host/urn:example:seen:seen", function (event)
	event.origin.send(st.reply(event.stanza):text_tag("seen", table.concat(seen, " "), { xmlns = "urn:example:seen" }));
	return true;
end);
`

// told asks the module what it has seen until that is so.
func told(t *testing.T, c *coretest.Client, want string) {
	t.Helper()
	var got string
	coretest.Eventually(t, "the module to see "+want, func() bool {
		c.Send("<iq type='get' id='s' to='example.org'><seen xmlns='urn:example:seen'/></iq>")
		if now := c.Next().First().Text(); now != got {
			got = now
			t.Log("the module has seen", got)
		}
		return got == want
	})
}

func message(to, id string) string {
	return fmt.Sprintf("<message type='chat' to='%s@example.org/phone' id='%s'><body>%[2]s</body></message>", to, id)
}

// sleeper logs in, enables stream management, and returns the id of that.
func sleeper(t *testing.T, s *coretest.Server, user string) (c *coretest.Client, id string) {
	t.Helper()
	c = s.Login(user, "phone")
	c.Send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	return c, c.Next().Attr("id")
}

func awake(s *coretest.Server, user string) (sessions int, stream bool) {
	all := s.Host(coretest.Domain).Sessions.Resources(user)
	return len(all), len(all) > 0 && all[0].Stream() != nil
}

func breaks(t *testing.T, s *coretest.Server, c *coretest.Client, user string) {
	t.Helper()
	_ = c.Conn.Close() // the connection breaks
	coretest.Eventually(t, "the break", func() bool { _, on := awake(s, user); return !on })
}

// TestHibernation: modules are told of what a session has not acknowledged, of
// each stanza by the same object.
func TestHibernation(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "smacks") table.insert(modules_enabled, "csi") smacks_max_ack_delay = 1 smacks_max_unacked_stanzas = 0`, "sleepers", sleepers)
	romeo := s.Login("romeo", "orchard")
	juliet, id := sleeper(t, s, "juliet")
	juliet.Send("<inactive xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>")
	told(t, romeo, "inactive active")
	romeo.Send(message("juliet", "1"))
	want := "inactive active delayed:juliet:1"
	told(t, romeo, want)
	breaks(t, s, juliet, "juliet")
	want += " start:juliet:1+:number:600"
	told(t, romeo, want)
	romeo.Send(message("juliet", "2"))
	want += " queued:juliet:2"
	told(t, romeo, want)

	back := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	back.Plain("juliet", coretest.Password("juliet"))
	back.Send("<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='1'/>")
	if got := back.Next(); got.Local() != "resumed" {
		t.Fatalf("got %s, want resumed", got)
	}
	want += " end:juliet:2+:nil:nil"
	told(t, romeo, want)
	breaks(t, s, back, "juliet")
	told(t, romeo, want+" start:juliet:2+:number:600")
}

// TestWatchdog: a module has a session wait for longer, or no more.
func TestWatchdog(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "smacks") smacks_hibernation_time = 1`, "sleepers", sleepers)
	for _, user := range []string{"patient", "usual"} {
		c, _ := sleeper(t, s, user)
		breaks(t, s, c, user)
	}
	coretest.Eventually(t, "the end of the usual time", func() bool { n, _ := awake(s, "usual"); return n == 0 })
	if n, _ := awake(s, "patient"); n != 1 {
		t.Error("the session did not wait for as long as the module wants")
	}

	s, _ = serve(t, `table.insert(modules_enabled, "smacks")`, "sleepers", sleepers)
	romeo := s.Login("romeo", "orchard")
	hasty, _ := sleeper(t, s, "hasty")
	romeo.Send(message("hasty", "taken") + message("hasty", "lost"))
	romeo.Quiet()
	breaks(t, s, hasty, "hasty")
	coretest.Eventually(t, "the end of the session", func() bool { n, _ := awake(s, "hasty"); return n == 0 })
	told(t, romeo, "start:hasty:taken,lost:number:600 failed:hasty:taken failed:hasty:lost")
}

// TestArchived: modules are told of what is archived, for whom.
func TestArchived(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "mam")`, "sleepers", sleepers)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "phone")
	romeo.Send(message("juliet", "1"))
	if got := juliet.Next().String(); !strings.Contains(got, "stanza-id") {
		t.Errorf("got %s, want the archive's id in it", got)
	}
	told(t, romeo, "archived:romeo:1:string archived:juliet:1:string")
}
