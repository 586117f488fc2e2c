// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"runtime"
	"strings"
	"testing"

	"tercet/modules/guest/lua"
)

// What modules keep is seen as Lua's memory, and gone when they are.
func TestHeld(t *testing.T) {
	s, _ := serve(t, "lua_handler_timeout = 10", "keeps", `
local kept = {};
module:hook("message/host", function (event)
	if event.stanza:get_child_text("body") == "keep" then
		for i = 1, 40 do kept[i] = ("x"):rep(1024 * 1024 - i); end
	else
		kept = {};
	end
	event.origin.send(require "util.stanza".message({ from = module.host }, "done"));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	held := func(word string) int64 {
		if word != "" {
			exchange(t, romeo, "<message to='example.org'><body>"+word+"</body></message>", "done")
		}
		runtime.GC() // what has been allocated before is in the samples after the second
		runtime.GC()
		return lua.Held() >> 20
	}
	before := held("")
	full := held("keep")
	after := held("drop")
	t.Logf("%d MiB, %d MiB, %d MiB", before, full, after)
	if full < before+30 || full > before+60 || after > before+10 {
		t.Errorf("%d MiB, %d MiB with 40 more, %d MiB without them", before, full, after)
	}
}

// The waits for Lua's lock are a histogram in the metrics, and all of Lua's
// memory is there.
func TestMetrics(t *testing.T) {
	s, _ := serve(t, "", "none", "")
	found := make(map[string]float64)
	for sample := range s.Env.Metrics.All() {
		if strings.HasPrefix(sample.Name, "tercet_lua_lock_wait_seconds") || sample.Name == "tercet_module_memory_bytes" {
			found[sample.Name+" "+sample.Labels] = sample.Value
		}
	}
	count := found["tercet_lua_lock_wait_seconds_count "]
	if count < 1 || found[`tercet_lua_lock_wait_seconds_bucket le="+Inf"`] != count {
		t.Errorf("got %v", found)
	}
	if _, ok := found[`tercet_module_memory_bytes module="lua"`]; !ok {
		t.Errorf("got %v", found)
	}
}
