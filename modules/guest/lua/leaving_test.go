// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"strings"
	"testing"
)

// TestLeaving: route/remote is fired for what goes to other servers, by clients
// and by modules, which may fire it themselves. It says from where to where;
// true takes a stanza, false has it refused, nil leaves it to the server.
func TestLeaving(t *testing.T) {
	s, _ := serve(t, "", "border", `
local st = require "util.stanza";
module:hook("route/remote", function (event)
	local body = event.stanza:get_child_text("body");
	if body == "take" then
		event.origin.send(st.message({ from = module.host }, "taken from " .. event.from_host .. " to " .. event.to_host .. ", " .. event.stanza.attr.from));
		return true;
	elseif body == "refuse" then
		return false;
	elseif body == "change" then
		event.stanza.attr.to = "nurse@example.org";
		event.stanza.attr.id = "changed";
	end
end, 1000);
module:hook("message/host", function (event)
	module:send(st.message({ from = module.host, to = "far.example" }, "take"));
	local taken = module:fire_event("route/remote", { origin = hosts[module.host], stanza = st.message({ from = module.host, to = "far.example" }, "fired"), from_host = module.host, to_host = "far.example" });
	event.origin.send(st.message({ from = module.host }, "asked " .. tostring(taken)));
	return true;
end);
local host_sends = 0;
module:hook("route/remote", function (event)
	if event.origin == hosts[module.host] then host_sends = host_sends + 1; return true; end
end, 2000);
module:hook("iq-get/host/urn:example:border:sent", function (event)
	event.origin.send(st.reply(event.stanza):text_tag("sent", tostring(host_sends), { xmlns = "urn:example:border" }));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	say := func(id, body string) string {
		return "<message type='chat' id='" + id + "' to='juliet@far.example'><body>" + body + "</body></message>"
	}
	exchange(t, romeo, say("m1", "take"), "taken from example.org to far.example, romeo@example.org/orchard")
	exchange(t, romeo, say("m2", "refuse"), "Communication with remote domains is not enabled")
	exchange(t, romeo, say("m3", "else"), "<remote-server-not-found")
	romeo.Send(say("m4", "change"))
	if got := romeo.Next().String(); !strings.Contains(got, "id='changed'") {
		t.Errorf("got %s", got)
	}
	exchange(t, romeo, "<message to='example.org'><body>go</body></message>", "asked true")
	exchange(t, romeo, "<iq type='get' id='b' to='example.org'><sent xmlns='urn:example:border'/></iq>", ">2<")
	// What stays meets it not.
	exchange(t, romeo, "<message type='chat' id='m5' to='romeo@example.org/orchard'><body>take</body></message>", "id='m5'")
}
