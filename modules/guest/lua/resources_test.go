// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// What the server knows of resources, modules find where Prosody has it.
func TestResources(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "carbons")`, "looks", `
local st = require "util.stanza";
module:hook("message/host", function (event)
	local session = event.origin;
	local names = {};
	for jid in pairs(session.directed or {}) do names[#names + 1] = jid; end
	local directed = table.concat(names, " ") .. " " .. tostring(session.directed and session.directed["juliet@example.org"]) .. " "
		.. tostring(session.directed and session.directed["nurse@example.org"]);
	local top, resources = bare_sessions[session.username .. "@" .. module.host].top_resources, {};
	for _, s in ipairs(top or {}) do resources[#resources + 1] = s.resource; end
	table.sort(resources);
	event.origin.send(st.message({ from = module.host }, directed .. "; " .. tostring(session.want_carbons) .. "; " .. (top and table.concat(resources, " ") or "none")));
	return true;
end);
`)
	romeo, other := s.Login("romeo", "orchard"), s.Login("romeo", "street")
	s.AddUser(coretest.Domain, "juliet", "x")
	look := "<message to='example.org'><body>?</body></message>"
	exchange(t, romeo, look, "> nil nil; nil; none<")
	exchange(t, romeo, "<presence to='juliet@example.org'/><iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>", "id='c'")
	exchange(t, romeo, look, ">juliet@example.org true nil; urn:xmpp:carbons:2; none<")
	exchange(t, romeo, "<presence to='juliet@example.org' type='unavailable'/><presence><priority>-1</priority></presence>", "<presence")
	exchange(t, romeo, look, "> nil nil; urn:xmpp:carbons:2; none<")
	exchange(t, other, "<presence/>", "<presence")
	for _, want := range []string{"street", "orchard street"} {
		for romeo.Send(look); ; {
			if e := romeo.Next(); e.Local() == "message" {
				if !strings.Contains(e.String(), "; "+want+"<") {
					t.Errorf("got %s, want %s", e, want)
				}
				break
			}
		}
		if want == "street" {
			romeo.Send("<presence/>")
		}
	}
}

// mod_block_strangers of Debian lets those answer whom its user has sent
// presence to.
func TestBlockStrangers(t *testing.T) {
	if _, err := os.Stat(debian + "/mod_block_strangers"); err != nil {
		t.Skip(err)
	}
	s := coretest.New(t, fmt.Sprintf("modules_enabled = { %q, \"roster\", \"presence\", \"ping\" }", "block_strangers"), modules.All...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	say := "<message type='chat' id='%s' to='romeo@example.org/orchard'><body>%s</body></message>"
	juliet.Send(fmt.Sprintf(say, "a", "stranger")) // is dropped
	juliet.Quiet()
	romeo.Send("<presence to='juliet@example.org'/>")
	romeo.Quiet()
	juliet.Send(fmt.Sprintf(say, "b", "friend"))
	if e := romeo.Next(); !strings.Contains(e.String(), "friend") {
		t.Errorf("got %s", e)
	}
}
