// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"os"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

// Handlers that are attached through the object of a host's events are told of
// what the server does, and are gone when they are taken away, whichever way.
func TestHookObjects(t *testing.T) {
	s, _ := serve(t, "", "objects", `
local st = require "util.stanza";
local events, seen = hosts[module.host].events, {};
local function note(name) return function (event) if event.stanza:get_child_text("body") == "x" then seen[#seen + 1] = name; end end end
local a, b, c, d = note "a", note "b", note "c", note "d";
module:hook("message/host", a, 10);
module:hook_object_event(events, "message/host", b, 9);
module:hook("message/host", c, 8);
module:hook_object_event(events, "message/host", d, 7);
local e = note "e";
events.add_handler("message/host", e, 6);
module:hook("message/host", function (event)
	local body = event.stanza:get_child_text("body");
	if body == "take away" then
		module:unhook_object_event(events, "message/host", a);
		module:unhook("message/host", b);
		module:unhook("message/host", c);
		events.remove_handler("message/host", e);
	end
	event.origin.send(st.message({ from = module.host }, table.concat(seen)));
	seen = {};
	return true;
end, 1);
`)
	romeo := s.Login("romeo", "orchard")
	say := func(body string) string { return "<message to='example.org'><body>" + body + "</body></message>" }
	exchange(t, romeo, say("x"), ">abcde<")
	exchange(t, romeo, say("take away"), "<body/>")
	exchange(t, romeo, say("x"), ">d<")
}

// mod_firewall of Debian forgets the rules of a script that it has read again.
func TestFirewallReloads(t *testing.T) {
	if _, err := os.Stat(debian + "/mod_firewall"); err != nil {
		t.Skip(err)
	}
	script := t.TempDir() + "/rules.pfw"
	rule := func(text string) {
		t.Helper()
		if err := os.WriteFile(script, []byte("::preroute\n\nKIND: message\nTO: example.org\nBOUNCE=policy-violation ("+text+")\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rule("first")
	config := "modules_enabled = { \"firewall\", \"ping\" } firewall_scripts = { \"" + script + "\" }\n"
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	say := "<message to='example.org' id='m'><body>x</body></message>"
	exchange(t, romeo, say, "first")
	rule("the second one")
	later := time.Now().Add(time.Minute) // it looks at seconds
	if err := os.Chtimes(script, later, later); err != nil {
		t.Fatal(err)
	}
	s.Reconfigure(config + "-- again\n")
	exchange(t, romeo, say, "the second one")
	romeo.Quiet()
}
