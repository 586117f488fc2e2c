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
	"tercet/sdk"
)

// objects is how a module comes by what sdk/lua/tercet.lua describes.
var objects = map[string]string{
	"module": "module", "stanza": "st.stanza('x')", "session": "event.origin", "events": "prosody.events",
	"keyval": "module:open_store('a')", "map": "module:open_store('b', 'map')", "archive": "module:open_store('c', 'archive')",
	"promise": "require 'util.promise'.new(function () end)",
}

var method = regexp.MustCompile(`(?m)^function (\w+)[.:](\w+)\(`)

// What an editor is told of the server's side, a module finds; and what check
// takes for a library can be required.
func TestPromised(t *testing.T) {
	var code strings.Builder
	code.WriteString(`local st = require "util.stanza"
local missing = {}
local function want(what, object, name)
	if object == nil or object[name] == nil then
		missing[#missing + 1] = what .. "." .. name
	end
end
module:hook("iq-get/host/urn:example:promised:x", function (event)
`)
	names := 0
	for file, text := range sdk.Files("lua") {
		library := strings.ReplaceAll(strings.TrimSuffix(file, ".lua"), "/", ".")
		if strings.HasPrefix(library, "util.") {
			continue // TestStubs
		}
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
			fmt.Fprintf(&code, "\twant(%q, %s, %q)\n", library+" "+m[1], object, m[2])
		}
	}
	for _, library := range lua.Served {
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
