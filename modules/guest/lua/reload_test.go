// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// rewrite writes another version of a module.
func rewrite(t *testing.T, dir, name, code string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "mod_"+name+".lua"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
}

// After another config is in force, modules are told, and stores are where that
// config has them.
func TestConfigReloaded(t *testing.T) {
	s, dir := serve(t, "", "waits", `
local st = require "util.stanza";
local told, wrapped = {}, 0;
module:hook_global("config-reloaded", function (event)
	told[#told + 1] = module:get_option_string("greeting", "none") .. (event.config["*"].greeting == module:get_option_string("greeting") and "" or "?")
		.. (event.filename == prosody.config_file and "" or "?");
end);
module:wrap_global("config-reloaded", function (next, ...) wrapped = wrapped + 1; return next(...); end);
local notes = module:open_store("notes");
module:hook("message/host", function (event)
	local body, user = event.stanza:get_child_text("body"), event.origin.username;
	if body == "reload" then prosody.reload_config(); return true; end
	local had = notes:get(user) or { n = 0 };
	if body == "count" then assert(notes:set(user, { n = had.n + 1 })); end
	event.origin.send(st.message({ from = module.host }, table.concat(told, ",") .. " " .. wrapped .. " " .. had.n));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	say := func(body string) string { return "<message to='example.org'><body>" + body + "</body></message>" }
	config := func(more string) string {
		return fmt.Sprintf("modules_enabled = { \"waits\" }\nplugin_paths = { %q }\nbundled_plugin_paths = { }\n%s", dir, more)
	}
	exchange(t, romeo, say("count"), "> 0 0<")
	exchange(t, romeo, say("look"), "> 0 1<")
	s.Reconfigure(config(`greeting = "salve" storage = { notes = "sqlite" }`))
	exchange(t, romeo, say("count"), ">salve 1 0<")
	exchange(t, romeo, say("look"), ">salve 1 1<")
	s.Reconfigure(config(`greeting = "ave"`))
	exchange(t, romeo, say("look"), ">salve,ave 2 1<")
}
