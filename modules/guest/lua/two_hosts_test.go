// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"context"
	"strings"
	"testing"

	"tercet/core/coretest"
)

// TestTwoHostsApart: such a module ends on one host, or is loaded anew there,
// and goes on where it is elsewhere; at last it ends once.
func TestTwoHostsApart(t *testing.T) {
	s, _ := serve(t, "VirtualHost \"example.org\"\nVirtualHost \"example.net\"\n", "everywhere", `
module:set_global();
local st = require "util.stanza";
local ends = module:shared("/*/watch/ends");
local beats = 0;
module:add_timer(0.001, function () beats = beats + 1; return 0.001; end);
function module.add_host(module)
	module:hook("iq-get/host/urn:example:hosts:beats", function (event)
		event.origin.send(st.reply(event.stanza):text_tag("beats", tostring(beats), { xmlns = "urn:example:hosts" }));
		return true;
	end);
	function module.unload() table.insert(ends, module.host); end
end
function module.unload() table.insert(ends, module.host); end
`, "watch", `
local ends = module:shared("/*/watch/ends");
module:hook("iq-get/host/urn:example:hosts:ends", function (event)
	event.origin.send(require "util.stanza".reply(event.stanza):text_tag("ends", table.concat(ends, " ") .. ".", { xmlns = "urn:example:hosts" }));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	ask := func(host, what string) string {
		romeo.Send("<iq type='get' id='h' to='" + host + "'><" + what + " xmlns='urn:example:hosts'/></iq>")
		return romeo.Next().First().Text()
	}
	lives := func(host string) {
		t.Helper()
		was := ask(host, "beats")
		coretest.Eventually(t, "it goes on at "+host, func() bool { now := ask(host, "beats"); return now != was && now != "" })
	}
	m := s.Env.Manager
	for _, step := range []struct {
		change func(ctx context.Context, host, word string) error
		host   string
		alive  []string
		ends   string
	}{
		{m.Reload, "example.org", []string{"example.org", "example.net"}, "example.org."},
		{m.Reload, "example.net", []string{"example.org", "example.net"}, "example.org example.net *."},
		{m.Unload, "example.org", []string{"example.net"}, ""},
		{m.Load, "example.org", []string{"example.org", "example.net"}, ""},
		{m.Unload, "example.net", []string{"example.org"}, ""},
		{m.Unload, "example.org", nil, ""},
	} {
		if err := step.change(t.Context(), step.host, "everywhere"); err != nil {
			t.Fatal(err)
		}
		for _, host := range step.alive {
			lives(host)
		}
		if got := ask("example.org", "ends"); step.ends != "" && got != step.ends {
			t.Errorf("ended on %s, want %s", got, step.ends)
		}
	}
	coretest.Eventually(t, "it has ended everywhere", func() bool { // in the background
		got := ask("example.org", "ends")
		return strings.Count(got, "*") == 3 && strings.Count(got, "example.org") == 3 && strings.Count(got, "example.net") == 2
	})
}
