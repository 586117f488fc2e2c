// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"os"
	"testing"

	"tercet/core/coretest"
)

// every has tasks that are due, one that is not, and tells what was done.
const every = `
local st, async = require "util.stanza", require "util.async";
local times = module:open_store("cron", "map");
local started = os.time();
function module.save() return { started = started }; end
function module.restore(saved) started = saved.started; end
for id, last in pairs { ["every/look_around"] = 1, ["every/daily"] = started - 86390, ["every/weekly"] = started } do
	if not module.reloading then times:set(nil, id, last); end
end
local done = {};
local function task(word)
	return function (self, time)
		local wait, go = async.waiter();
		module:add_timer(0.01, go);
		wait();
		table.insert(done, word .. " " .. self.when .. " " .. tostring(time >= started));
	end;
end
module:hourly("Look around", task "looked");
module:daily(task "daily");
module:weekly(task "weekly");
module:hook("iq-get/host/urn:example:every:done", function (event)
	local kept = {};
	for _, id in ipairs { "look_around", "daily", "weekly" } do
		local last = times:get(nil, "every/" .. id);
		table.insert(kept, tostring(last and last >= started));
	end
	event.origin.send(st.reply(event.stanza):text_tag("done", table.concat(done, ", ") .. "; " .. table.concat(kept, " "), { xmlns = "urn:example:every" }));
	return true;
end);
`

// fails is a task that comes before the others and keeps none of them from
// being run.
const fails = `module:open_store("cron", "map"):set(nil, "every/fails", 1);
module:hourly("Fails", function () error("no"); end);`

// TestCron: tasks are run when they are due, also by Prosody's own mod_cron, and
// not again after a reload.
func TestCron(t *testing.T) {
	prosodys, err := os.ReadFile(debian + "/mod_cron.lua")
	for _, tt := range []struct {
		name    string
		sources []string
		skip    bool
	}{
		{"ours", []string{"every", fails + every}, false},
		{"prosody", []string{"every", every, "cron", string(prosodys)}, err != nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.skip {
				t.Skip("Debian's package prosody is not installed")
			}
			t.Parallel()
			s, _ := serve(t, "", tt.sources...)
			romeo := s.Login("romeo", "orchard")
			ask := func() string {
				romeo.Send("<iq type='get' id='e' to='example.org'><done xmlns='urn:example:every'/></iq>")
				return romeo.Next().First().Text()
			}
			want := "looked hourly true, daily daily true; true true true"
			coretest.Eventually(t, "two tasks are run", func() bool { return ask() == want })
			if err := s.Env.Manager.Reload(t.Context(), "example.org", "every"); err != nil {
				t.Fatal(err)
			}
			if got := ask(); got != "; true true true" {
				t.Errorf("after a reload: %s", got)
			}
		})
	}
}

// A module that nobody has heard of needs no file of mod_cron; a task that is
// never due is told.
func TestCronUnknownPeriod(t *testing.T) {
	s, _ := serve(t, "", "odd", `
local st = require "util.stanza";
local said = {};
require "util.logger".add_simple_sink(function (_, level, text) if level == "error" then table.insert(said, text); end end);
module:cron { name = "Now and then"; when = "sometimes"; run = function () end };
module:hook("iq-get/host/urn:example:odd:said", function (event)
	event.origin.send(st.reply(event.stanza):text_tag("said", table.concat(said, "\n"), { xmlns = "urn:example:odd" }));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<iq type='get' id='o' to='example.org'><said xmlns='urn:example:odd'/></iq>", "Task odd/now_and_then is never run: it is to be run sometimes")
}
