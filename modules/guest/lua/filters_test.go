// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"strings"
	"testing"

	"tercet/core/coretest"
)

const filters = `
local filters, st = require "util.filters", require "util.stanza";
local held;
local function filter(stanza, session)
	if stanza.name == "presence" and not stanza.released then held = st.clone(stanza); return nil; end
	if stanza.name ~= "message" then return stanza; end
	local body = stanza:get_child_text("body");
	if body == "drop" then return nil;
	elseif body == "error" then error("oh no");
	elseif body == "change" then return st.message({ from = stanza.attr.from, to = stanza.attr.to }, "changed");
	elseif body == "broken" then return st.stanza("none");
	end
	if held then
		local presence = held;
		held, presence.released = nil, true;
		session.send(presence);
	end
	return stanza;
end
module:hook("iq-set/host/urn:example:filter:on", function (event)
	filters.add_filter(event.origin, "stanzas/out", filter);
	event.origin.send(st.reply(event.stanza));
	return true;
end);
module:hook("iq-set/host/urn:example:filter:off", function (event)
	filters.remove_filter(event.origin, "stanzas/out", filter);
	event.origin.send(held);
	held = nil;
	event.origin.send(st.stanza("nonza", { xmlns = "urn:example:filter" }));
	event.origin.send(st.reply(event.stanza));
	return true;
end);
module:hook("message/host", function (event)
	local to = "juliet@example.org/balcony";
	for i = 1, 3 do
		module:send(st.message({ from = module.host, to = to }, "routed " .. i));
		prosody.full_sessions[to].send(st.message({ from = module.host, to = to }, "sent " .. i));
	end
	return true;
end);
`

func filter(c *coretest.Client, how string) {
	c.Send("<iq type='set' id='f' to='example.org'><" + how + " xmlns='urn:example:filter'/></iq>")
}

func say(body string) string {
	return "<message type='chat' to='juliet@example.org/balcony'><body>" + body + "</body></message>"
}

// TestFilters: what a filter sends comes ahead of the stanza that it looks at;
// what a module sends comes behind what was on its way.
func TestFilters(t *testing.T) {
	s, dir := serve(t, "", "filters", filters)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	filter(juliet, "on")
	next := func(want ...string) {
		t.Helper()
		for _, w := range want {
			if got := juliet.Next().String(); !strings.Contains(got, w) {
				t.Fatalf("got %s, want %s in it", got, w)
			}
		}
	}
	next("type='result'")
	presence := func(show string) {
		romeo.Send("<presence to='juliet@example.org/balcony'><show>" + show + "</show></presence>")
	}
	presence("away")
	juliet.Quiet()
	presence("dnd")
	romeo.Send(say("hello"))
	next(">dnd<", ">hello<")
	for _, body := range []string{"drop", "error", "change", "broken", "last"} {
		romeo.Send(say(body))
	}
	next(">error<", ">changed<", ">broken<", ">last<")
	romeo.Send("<message to='example.org'><body>go</body></message>")
	next("routed 1", "sent 1", "routed 2", "sent 2", "routed 3", "sent 3")
	presence("xa")
	romeo.Quiet()
	filter(juliet, "off")
	next(">xa<", "nonza", "type='result'")
	romeo.Send(say("drop"))
	next(">drop<")

	filter(juliet, "on")
	next("type='result'")
	s.Reconfigure("modules_enabled = { }")
	coretest.Eventually(t, "all to pass when Lua has gone", func() bool { // which takes until nobody uses it
		romeo.Send(say("drop") + say("behind"))
		dropped := strings.Contains(juliet.Next().String(), ">behind<")
		if !dropped {
			next(">behind<")
		}
		return !dropped
	})
	s.Reconfigure(fmt.Sprintf("modules_enabled = { \"filters\" }\nplugin_paths = { %q }\nbundled_plugin_paths = { }", dir))
	filter(juliet, "on")
	next("type='result'")
	romeo.Send(say("drop") + say("seen"))
	next(">seen<")
}
