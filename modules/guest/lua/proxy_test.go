// SPDX-License-Identifier: Apache-2.0

package lua_test

import "testing"

// TestPairs: pairs walks what a table says by __pairs, and what the server
// shows as tables.
func TestPairs(t *testing.T) {
	s, _ := serve(t, "", "walk", `
local st = require "util.stanza";
local cached = require "util.cache".new(2):table();
for i, key in ipairs { "a", "b", "c" } do cached[key] = i; end
local own = setmetatable({ hidden = true }, { __pairs = function (t) return function (_, last) if not last then return "shown", t.hidden; end end, t, nil; end });
local function walk(t)
	local all = {};
	for k, v in pairs(t) do all[#all + 1] = k .. "=" .. (type(v) == "table" and "table" or tostring(v)); end
	table.sort(all);
	return table.concat(all, " ");
end
module:hook("iq-get/host/urn:example:walk:walk", function (event)
	local host = prosody.hosts[module.host];
	event.origin.send(st.reply(event.stanza):text_tag("walk",
		table.concat({ walk(cached), walk(own), walk(setmetatable({ plain = 1 }, {})), walk(host.sessions), walk(host.sessions.romeo.sessions) }, ";"), { xmlns = "urn:example:walk" }));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<iq type='get' id='w' to='example.org'><walk xmlns='urn:example:walk'/></iq>",
		">b=2 c=3;shown=true;plain=1;romeo=table;orchard=table<")
}
