// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/core/coretest"
)

// What handlers decide in the place of the server's rules holds, and what they
// put into a roster is shown and not stored.
func TestDecisions(t *testing.T) {
	s, _ := serve(t, `for _, name in ipairs { "carbons", "roster", "mam", "disco" } do table.insert(modules_enabled, name); end`, "decides", `
local asked = 0;
module:hook("carbons-should-copy", function (event)
	assert(event.session and event.stanza.attr.from);
	if event.stanza:get_child("note", "urn:example") then return true; end
	if event.stanza:get_child_text("body") == "secret" then event.reason = "secret"; return false; end
end);
module:hook("carbons-should-copy", function (event) asked = asked + 1; error("behind the server's own"); end, -2);
module:hook("archive-should-store", function (event)
	if event.stanza:get_child_text("body") == "secret" then return false; end
end);
module:hook("roster-load", function (event)
	if event.username ~= "romeo" or event.host ~= module.host then return; end
	event.roster["friar@example.org"] = { subscription = "both", name = "Friar", groups = { Church = true }, persist = false };
	local nurse = event.roster["nurse@example.net"];
	if nurse then nurse.name = "The " .. nurse.name; end
end);
`)
	romeo, other, juliet := s.Login("romeo", "orchard"), s.Login("romeo", "street"), s.Login("juliet", "balcony")
	exchange(t, other, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>", "id='c'")
	say := func(c *coretest.Client, payload string) {
		c.Send("<message type='chat' to='romeo@example.org/orchard'>" + payload + "</message>")
	}
	say(juliet, "<body>secret</body>")
	say(juliet, "<note xmlns='urn:example'/>")
	for _, want := range []string{"secret", "<note"} {
		if got := romeo.Next().String(); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := other.Next().String(); !strings.Contains(got, "<note") || !strings.Contains(got, "<received") {
		t.Errorf("copied: %s", got)
	}
	exchange(t, romeo, "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>", "<note", "<fin")
	exchange(t, romeo, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>", "<item jid='friar@example.org' name='Friar' subscription='both'><group>Church</group></item>")
	exchange(t, romeo, "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='nurse@example.net' name='Nurse'/></query></iq>", "Nurse", "id='s'")
}

// What a module expects and this server does not have is told once, with the
// module's name.
func TestAbsent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	s, _ := serve(t, `log = { { levels = { min = "info" }, to = "file", filename = "`+file+`" } }`, "expects", `
local st, sessions = require "util.stanza", require "core.sessionmanager";
module:hook("muc-occupant-groupchat", function () end); module:hook("muc-occupant-groupchat", function () end, 1);
local function never() st.no_such_stanza("x"); if st.maybe then st.maybe(); end; module:own(); return "module:quoted"; end -- module:commented()
function module:own() end
module:hook("an-event-of-its-own", function () end);
module:hook_global("s2s-check-certificate", function () end);
module:hook("message/host", function (event)
	local _, kind, condition = sessions.make_authenticated(event.origin, "romeo");
	pcall(sessions.make_authenticated, event.origin, "romeo");
	local _, missing = pcall(function () module:no_such_function(); end);
	event.origin.send(st.message({ from = module.host }, kind .. " " .. condition .. " " .. missing));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<message to='example.org'><body>x</body></message>", "cancel not-allowed ")
	if err := s.Env.Manager.Reload(t.Context(), "example.org", "expects"); err != nil {
		t.Fatal(err)
	}
	romeo.Send("<message to='example.org'><body>x</body></message>")
	got := romeo.Next().String()
	if !strings.Contains(got, "mod_expects.lua:11") {
		t.Errorf("got %s", got)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for text, n := range map[string]int{
		"muc-occupant-groupchat": 1, "s2s-check-certificate": 1, "an-event-of-its-own": 0, "core.sessionmanager.make_authenticated": 1,
		"module:no_such_function": 1, "util.stanza.no_such_stanza": 1, "util.stanza.maybe": 0, "module:own": 0, "module:quoted": 0, "module:commented": 0,
	} {
		if c := strings.Count(string(b), text); c != n {
			t.Errorf("%s is told %d times, want %d: %s", text, c, n, b)
		}
	}
	if !strings.Contains(string(b), "mod_expects") {
		t.Errorf("the module is not named: %s", b)
	}
}
