// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/ext"
)

// A module in Lua costs what its handlers, timers and commands take, each call
// counted once, and what goes wrong in them is counted.
func TestMeter(t *testing.T) {
	s, _ := serve(t, "lua_handler_timeout = 10\nlog = { { levels = { \"error\" }, to = \"nowhere\" } }", "costly", `
local function work(n) local s = 0; for i = 1, n do s = s + i; end return s; end
module:hook("message/host", function (event)
	local body = event.stanza:get_child_text("body");
	if body == "timers" then
		module:add_timer(0, function () work(1000); end);
		module:add_timer(0, function () error("on purpose"); end);
		return true;
	elseif body == "fail" then
		error("on purpose");
	end
	work(100000);
	event.origin.send(require "util.stanza".message({ from = module.host }, "done"));
	return true;
end);
module:depends("adhoc");
local adhoc = module:require "adhoc";
module:provides("adhoc", adhoc.new("Work", "work", function () work(1000); return { status = "completed", info = "worked" }; end, "any"));
`)
	defer s.Env.Manager.Watch()()
	romeo := s.Login("romeo", "orchard")
	meter := s.Env.Manager.Meters()["costly"]
	for range 5 {
		exchange(t, romeo, "<message to='example.org'><body>work</body></message>", "done")
	}
	romeo.Quiet() // the last handler has returned
	if u := meter.Watched(); u.Events != 5 || u.Time < 500*time.Microsecond || u.Errors != 0 {
		t.Errorf("after 5 messages: %+v", u)
	}
	exchange(t, romeo, "<iq type='set' id='c' to='example.org'><command xmlns='http://jabber.org/protocol/commands' node='work'/></iq>", "worked")
	romeo.Quiet()
	if u := meter.Watched(); u.Events != 6 || u.Errors != 0 {
		t.Errorf("after a command: %+v", u)
	}
	romeo.Send("<message to='example.org'><body>timers</body></message>")
	var u ext.Usage
	coretest.Eventually(t, "the timers have run", func() bool { u = meter.Watched(); return u.Events == 9 })
	if u.Errors != 1 {
		t.Errorf("after timers of which one fails: %+v", u)
	}
	exchange(t, romeo, "<message to='example.org'><body>fail</body></message>", "service-unavailable")
	if u := meter.Watched(); u.Events != 10 || u.Errors != 2 {
		t.Errorf("after a failure: %+v", u)
	}
	counted := 0.0
	for sample := range s.Env.Metrics.All() {
		if sample.Name == "tercet_module_errors_total" && strings.Contains(sample.Labels, `"costly"`) {
			counted = sample.Value
		}
	}
	if counted != 2 {
		t.Errorf("the metrics have %v errors, want 2", counted)
	}
}
