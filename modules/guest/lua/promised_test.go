// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
	"tercet/modules/guest/lua"
	"tercet/modules/guest/lua/lib"
	"tercet/sdk"
)

// objects is how a module comes by what sdk/lua/tercet.lua describes.
var objects = map[string]string{
	"module": "module", "stanza": "st.stanza('x')", "session": "event.origin", "events": "prosody.events",
	"keyval": "module:open_store('a')", "map": "module:open_store('b', 'map')", "archive": "module:open_store('c', 'archive')",
	"promise": "require 'util.promise'.new(function () end)",
}

var method = regexp.MustCompile(`(?m)^function (\w+)[.:](\w+)\(`)

// unused are libraries of the server's own ports, certificates and streams, which
// answer that it does all that by itself.
var unused = []string{"core.certmanager", "core.moduleapi", "core.portmanager", "core.s2smanager"}

// set is a table of Lua with these names.
func set(names map[string]bool) string {
	var b strings.Builder
	for name := range names {
		fmt.Fprintf(&b, "[%q] = true, ", name)
	}
	return b.String()
}

// What an editor is told of the server's side, a module finds, and it is told of
// all that there is; and what check takes for a library can be required.
func TestPromised(t *testing.T) {
	var code strings.Builder
	code.WriteString(`local st = require "util.stanza"
local missing = {}
local function want(what, object, name)
	if object == nil or object[name] == nil then
		missing[#missing + 1] = what .. "." .. name
	end
end
local function told(what, library, names)
	for name, value in pairs(library) do
		if type(value) == "function" and not names[name] and not name:match("^_") then
			missing[#missing + 1] = "(an editor is not told of) " .. what .. "." .. name
		end
	end
end
module:hook("iq-get/host/urn:example:promised:x", function (event)
`)
	names := 0
	for file, text := range sdk.Files("lua") {
		library := strings.ReplaceAll(strings.TrimSuffix(file, ".lua"), "/", ".")
		if _, pure := lib.Loaders()[library]; pure {
			continue // TestStubs
		}
		told := make(map[string]bool)
		for _, m := range method.FindAllStringSubmatch(string(text), -1) {
			object := objects[m[1]]
			if library != "tercet" {
				object = fmt.Sprintf("require %q", library)
			}
			if object == "" {
				t.Errorf("%s: where is %s from?", file, m[1])
				continue
			}
			names++
			if library != "tercet" || m[1] == "module" {
				told[m[2]] = true
			}
			fmt.Fprintf(&code, "\twant(%q, %s, %q)\n", library+" "+m[1], object, m[2])
		}
		object := "getmetatable(module).__index"
		if library != "tercet" {
			object = fmt.Sprintf("require %q", library)
		}
		fmt.Fprintf(&code, "\ttold(%q, %s, { %s })\n", library, object, set(told))
	}
	for _, library := range lua.Served {
		if _, there := sdk.Files("lua")[strings.ReplaceAll(library, ".", "/")+".lua"]; !there && !slices.Contains(unused, library) {
			t.Errorf("an editor is not told of %s", library)
		}
		fmt.Fprintf(&code, "\tif not pcall(require, %q) then missing[#missing + 1] = %[1]q end\n", library)
	}
	code.WriteString(`	event.origin.send(st.reply(event.stanza):tag("x", { xmlns = "urn:example:promised" }):text(table.concat(missing, ", ")))
	return true
end)
`)
	if names < 80 || !slices.Contains(lua.Served, "core.usermanager") {
		t.Errorf("only %d names are looked for", names)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mod_promised.lua"), []byte(code.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := coretest.New(t, fmt.Sprintf("modules_enabled = { \"promised\" } plugin_paths = { %q }", dir), modules.All...)
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='p' to='example.org'><x xmlns='urn:example:promised'/></iq>")
	e := c.Next()
	if e.Attr("type") != "result" {
		t.Fatal(e)
	}
	if missing := e.First().Text(); missing != "" {
		t.Errorf("not there: %s", missing)
	}
}
