// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"strings"
	"testing"
)

// Wrappers stand around the handlers of the server: they see what these make
// of an event, and may leave them out.
func TestWrapEvent(t *testing.T) {
	source := func(version int) string {
		return fmt.Sprintf(`
local st = require "util.stanza";
module:wrap_event("message/bare", function (next, name, event)
	local body = event.stanza:get_child_text("body");
	if body == "leave out" then
		event.origin.send(st.error_reply(event.stanza, "cancel", "not-allowed", name));
		return true;
	elseif body == "before" then error("on purpose");
	elseif body == "change" then
		event.stanza:text_tag("added", "yes", { xmlns = "urn:example" });
	end
	local result = next(name, event);
	event.origin.send(st.message({ from = module.host }, ("%d: %%s was %%s"):format(body, tostring(result))));
	if body == "after" then error("on purpose"); end
	return result;
end);
module:wrap_event("iq-get/host/urn:xmpp:ping:ping", function (next, name, event)
	if event.stanza.attr.id == "refused" then
		event.origin.send(st.error_reply(event.stanza, "cancel", "not-allowed"));
		return true;
	end
	return next(name, event);
end);
module:hook("host-disco-items-node", function (event)
	event.exists = true;
	event.reply:tag("item", { jid = module.host, name = "within" }):up();
end);
module:wrap_event("host-disco-items-node", function (next, name, event)
	next(name, event);
	event.reply:tag("item", { jid = module.host, name = event.reply.tags[1].tags[1] and "around" or "nothing" }):up();
end);
local seen = {};
module:wrap_event("example", function (next, name, event) seen[#seen + 1] = "("; local v = next(name, event); seen[#seen + 1] = ")"; return v; end);
module:hook("example", function (event) seen[#seen + 1] = event.n; return "done"; end);
module:hook("message/host", function (event)
	event.origin.send(st.message({ from = module.host }, module:fire_event("example", { n = "n" }) .. table.concat(seen)));
	return true;
end);
module:wrap_event(false, function (next, ...) return next(...); end);
module:wrap_event("route/remote", function (next, ...) return next(...); end);
`, version)
	}
	s, dir := serve(t, `table.insert(modules_enabled, "ping") table.insert(modules_enabled, "disco")`, "wraps", source(1))
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	exchange(t, juliet, "<presence/>", "<presence")
	say := func(body string) string {
		return "<message type='chat' id='m' to='juliet@example.org'><body>" + body + "</body></message>"
	}
	exchange(t, romeo, say("leave out"), "<not-allowed")
	exchange(t, romeo, say("change"), "1: change was true")
	if got := juliet.Next().String(); !strings.Contains(got, "<added") {
		t.Errorf("got %s", got)
	}
	romeo.Send(say("before") + say("after"))
	for _, want := range []string{"before", "after"} { // what fails does not keep the server from its work, and has it done once
		if got := juliet.Next().String(); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	exchange(t, romeo, ping, "1: after was true", "type='result'")
	exchange(t, romeo, strings.Replace(ping, "id='p'", "id='refused'", 1), "<not-allowed")
	exchange(t, romeo, "<iq type='get' id='i' to='example.org'><query xmlns='http://jabber.org/protocol/disco#items' node='urn:example:node'/></iq>",
		"<item jid='example.org' name='within'/><item jid='example.org' name='around'/>")
	exchange(t, romeo, "<message to='example.org'><body>x</body></message>", "done(n)")

	rewrite(t, dir, "wraps", source(2))
	if err := s.Env.Manager.Reload(t.Context(), "example.org", "wraps"); err != nil {
		t.Fatal(err)
	}
	exchange(t, romeo, say("again"), "2: again was true")
	if err := s.Env.Manager.Unload(t.Context(), "example.org", "wraps"); err != nil {
		t.Fatal(err)
	}
	exchange(t, romeo, say("gone")+ping, "type='result'")
	juliet.Next()
	if got := juliet.Next().String(); !strings.Contains(got, ">gone<") {
		t.Errorf("got %s", got)
	}
}
