// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func register(t *testing.T, c *coretest.Client, user, want string) {
	t.Helper()
	exchange(t, c, fmt.Sprintf("<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>%s</username><password>secret</password></query></iq>", user), want)
}

// TestGate: a module that depends on register_ibr decides who may register where
// the config does not open registration. What it notes, it finds again.
func TestGate(t *testing.T) {
	s, _ := serve(t, "", "gate", `
module:depends("register_ibr");
module:hook("user-registering", function (event)
	if event.username == "boom" then error("broken"); end
	if event.username:sub(1, 3) ~= "our" then
		event.allowed = false;
		event.reason = "Ours only";
		return;
	end
	event.session.invited_as = event.username;
	event.noted = true;
	event.allow_reset = "ours";
end);
module:hook("user-registering", function (event) assert(event.noted or event.username == "boom"); end, -1);
local heard = {};
module:hook("user-registered", function (event)
	assert(event.session.invited_as == event.username and event.source == "mod_register");
	table.insert(heard, "made " .. event.username);
end);
module:hook("user-password-reset", function (event)
	assert(event.session.invited_as == event.username and event.noted);
	table.insert(heard, "reset " .. event.username);
end);
module:hook("message/host", function (event)
	event.origin.send(require "util.stanza".message({ from = module.host }, table.concat(heard, ", ")));
	return true;
end);
`)
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	if features := c.Open(); !strings.Contains(features.String(), "iq-register") {
		t.Errorf("not offered: %s", features)
	}
	register(t, c, "tybalt", "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Ours only")
	register(t, c, "boom", "<internal-server-error")
	register(t, c, "ours", "type='result'")
	register(t, c, "ours", "type='result'")
	register(t, c, "ourselves", "type='result'")
	register(t, c, "ourselves", "<conflict")
	exchange(t, s.Login("romeo", "orchard"), "<message to='example.org'><body>go</body></message>", "made ours, reset ours, made ourselves")
}

// TestRegistering: a module in Lua that asks whether somebody may register has
// the answer of all, those of the server too.
func TestRegistering(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "register_limits") registration_blocklist = { "192.0.2.0/24" }`, "web", `
module:hook("user-registering", function (event) event.seen = (event.seen or 0) + 1; end);
module:hook("message/host", function (event)
	local wish = { username = "newcomer", host = module.host, ip = event.stanza:get_child_text("body"), allowed = true };
	module:fire_event("user-registering", wish);
	event.origin.send(require "util.stanza".message({ from = module.host }, ("%s %s %s %s"):format(wish.seen, wish.allowed, wish.reason, wish.error_condition)));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<message to='example.org'><body>198.51.100.1</body></message>", "1 true nil nil")
	exchange(t, romeo, "<message to='example.org'><body>192.0.2.1</body></message>", "1 false Your IP address is blocklisted forbidden")
}

// TestArchivePreferences: what a module keeps of an account's preferences is
// never older than what the archive has, and the archive goes by what a module
// stores.
func TestArchivePreferences(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "mam")`, "prefs", `
local store = module:open_store("archive_prefs");
module:hook("message/host", function (event)
	local user, word = event.origin.username, event.stanza:get_child_text("body");
	local account = prosody.hosts[module.host].sessions[user];
	account.times = (account.times or 0) + 1;
	if word == "never" then assert(store:set(user, { [false] = false, ["nurse@example.org"] = true })); end
	local prefs = account.archive_prefs or store:get(user);
	account.archive_prefs = prefs;
	event.origin.send(require "util.stanza".message({ from = module.host }, account.times .. " " .. tostring(prefs and prefs[false])));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	ask := func(word, want string) {
		t.Helper()
		exchange(t, romeo, "<message to='example.org'><body>"+word+"</body></message>", want)
	}
	ask("show", "1 nil")
	exchange(t, romeo, "<iq type='set' id='a'><prefs xmlns='urn:xmpp:mam:2' default='roster'/></iq>", "default='roster'")
	ask("show", "2 roster")
	ask("never", "3 false")
	exchange(t, romeo, "<iq type='get' id='b'><prefs xmlns='urn:xmpp:mam:2'/></iq>", "<prefs xmlns='urn:xmpp:mam:2' default='never'><always><jid>nurse@example.org</jid></always><never/></prefs>")
	exchange(t, romeo, "<iq type='set' id='c'><prefs xmlns='urn:xmpp:mam:2' default='always'/></iq>", "default='always'")
	ask("show", "4 true")
}

// TestForcedPart: what is forced is in Lua also where another module brings it.
func TestForcedPart(t *testing.T) {
	dir := plugins(t, map[string]string{"watchregistrations": `
module:hook("user-registered", function (event)
	module:send(require "util.stanza".message({ from = module.host, to = "romeo@" .. module.host }, "in Lua: " .. event.username));
end);
`})
	s := coretest.New(t, fmt.Sprintf(`modules_enabled = { "register" }
plugin_paths = { %q }
bundled_plugin_paths = { }
force_lua_modules = { "watchregistrations" }
allow_registration = true
admins = { "romeo@example.org" }
`, dir), modules.All...)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<presence/>", "<presence")
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Open()
	register(t, c, "newcomer", "type='result'")
	if got := romeo.Next().String(); !strings.Contains(got, "in Lua: newcomer") {
		t.Errorf("got %s", got)
	}
	romeo.Quiet()
}
