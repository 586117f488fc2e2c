// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"os"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

const replacing = `
local st = require "util.stanza";
module:hook("pre-message/host", function (event)
	local session, what = event.origin, event.stanza:get_child_text("body");
	if what == "replace" then
		local send = session.send;
		session.kept_send = send;
		session.send = function (stanza)
			local body = st.is_stanza(stanza) and stanza:get_child_text("body");
			if body == "drop" then return true;
			elseif body == "error" then error("on purpose");
			elseif body == "after" then send(stanza); error("on purpose");
			elseif body == "loop" then while true do end
			elseif body then
				stanza = st.clone(stanza);
				stanza:maptags(function (tag) if tag.name == "body" then return nil; end return tag; end);
				stanza:text_tag("body", "seen: " .. body);
			end
			return send(stanza);
		end;
	elseif what == "give back" then
		session.send = session.kept_send;
	elseif what == "say" then
		session.send(st.message({ from = module.host }, "from Lua"));
	elseif what == "string" then
		session.send("<message from='" .. module.host .. "'><body>a string</body></message>");
	elseif what == "raw" then
		session.rawsend(st.message({ from = module.host }, "raw"));
	end
	return true;
end);
`

// What the server sends goes through the function that a module has put in the
// place of session.send, in order with what modules send by it.
func TestSendReplaced(t *testing.T) {
	s, _ := serve(t, `lua_handler_timeout = 0.05`, "replacing", replacing)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	wants := func(bodies ...string) {
		t.Helper()
		for _, want := range bodies {
			e := romeo.Next()
			if body := e.Child("jabber:client", "body").Text(); body != want {
				t.Fatalf("got %q, want %q: %s", body, want, e)
			}
		}
	}
	// tell has a module do something, and wants these messages before the answer
	// to what is asked behind it.
	tell := func(what string, bodies ...string) {
		t.Helper()
		romeo.Send("<message to='example.org'><body>" + what + "</body></message>" + ping)
		wants(bodies...)
		if e := romeo.Next(); e.Attr("id") != "p" {
			t.Fatalf("%s: got %s", what, e)
		}
	}
	say := func(all ...string) {
		for _, body := range all {
			juliet.Send("<message type='chat' to='romeo@example.org/orchard'><body>" + body + "</body></message>")
		}
	}
	say("a")
	wants("a")
	tell("replace")
	say("b", "drop", "c", "error", "d", "after", "e", "loop", "f")
	wants("seen: b", "seen: c", "error", "seen: d", "after", "seen: e", "loop", "seen: f")
	tell("say", "seen: from Lua")
	tell("string", "a string")
	tell("raw", "raw")
	tell("give back")
	say("g")
	wants("g")
	romeo.Quiet()
}

// mod_csi_battery_saver of Debian holds back what an inactive client need not
// see, by a session.send of its own.
func TestBatterySaver(t *testing.T) {
	if _, err := os.Stat("/usr/lib/prosody/modules/mod_csi_battery_saver"); err != nil {
		t.Skip(err)
	}
	s := coretest.New(t, `modules_enabled = { "csi", "csi_battery_saver", "ping", "presence", "roster" }`, modules.All...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	romeo.Send("<inactive xmlns='urn:xmpp:csi:0'/>")
	romeo.Quiet()
	state := "<message type='chat' to='romeo@example.org/orchard'><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
	juliet.Send(state)
	juliet.Quiet()
	juliet.Send(strings.Replace(state, "<active", "<body>wake up</body><active", 1))
	for _, want := range []string{"<active", "wake up"} { // the buffer goes out with what is important
		if got := romeo.Next().String(); !strings.Contains(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}
