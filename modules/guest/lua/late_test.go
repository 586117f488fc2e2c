// SPDX-License-Identifier: Apache-2.0

package lua_test

import "testing"

// A request is answered later, when its handler has returned and the client
// sends nothing more: by the session, and by what stands for another origin.
func TestAnsweredLater(t *testing.T) {
	s, _ := serve(t, "", "later", `
local st = require "util.stanza";
module:hook("iq-get/host/urn:example:later:x", function (event)
	local reply = st.reply(event.stanza):tag("x", { xmlns = "urn:example:later" });
	module:add_timer(0.02, function () event.origin.send(reply); end);
	return true;
end);
module:hook("iq-get/bare/urn:example:later:port", function (event)
	event.origin.send(st.reply(event.stanza):tag("x", { xmlns = "urn:example:later" }):text(tostring(event.origin.conn:clientport() == event.origin.conn:port())));
	return true;
end);
module:hook("message/host", function (event)
	module:send_iq(st.iq({ type = "get", id = "own", from = module.host, to = module.host }):tag("x", { xmlns = "urn:example:later" })):next(function (answer)
		module:send(st.message({ from = module.host, to = event.stanza.attr.from }, "came: " .. answer.stanza.attr.id));
	end);
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<iq type='get' id='l' to='example.org'><x xmlns='urn:example:later'/></iq>", "<x xmlns='urn:example:later'/>")
	exchange(t, romeo, "<message to='example.org'><body>?</body></message>", "came: own")
	exchange(t, romeo, "<iq type='get' id='p'><port xmlns='urn:example:later'/></iq>", "true")
}
