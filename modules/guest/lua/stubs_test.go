// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"slices"
	"strings"
	"testing"

	glua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
	"tercet/sdk"
)

// inner are the libraries that an editor is not told of: those that Prosody's own
// modules and command line use, old names, and those that other libraries are
// made of.
var inner = []string{
	"bit", "bit32", "core.features", "ltn12", "lxp", "lxp.lom", "net.http.errors", "socket", "socket.core", "ssl", "ssl.x509", "tercet.paseto",
	"util.bit53", "util.bitcompat", "util.compat", "util.crand", "util.import", "util.mathcompat", "util.pluginloader", "util.sasl.anonymous",
	"util.sasl.external", "util.sasl.oauthbearer", "util.sasl.plain", "util.sasl.scram", "util.session", "util.sslconfig",
}

// lacking compares what an editor is told of a library with the library: what is
// not there, and which functions are there that it is not told of.
const lacking = `
local text, name = ...
local missing, untold = {}, {}
local function compare(stub, real, path)
	if type(stub) == "function" then
		return type(real) == "function" or table.insert(missing, path)
	end
	for k, v in pairs(type(real) == "table" and real or {}) do
		if type(k) == "string" and type(v) == "function" and stub[k] == nil and not k:match("^_") then
			untold[#untold + 1] = path .. "." .. k
		end
	end
	for k, v in pairs(stub) do
		local at = path .. "." .. tostring(k)
		if type(real) ~= "table" or real[k] == nil then
			missing[#missing + 1] = at
		elseif type(v) == "table" then
			compare(v, real[k], at)
		end
	end
end
compare(assert(loadstring(text, "@" .. name))(), require(name), name)
return table.concat(missing, " "), table.concat(untold, " ")`

// What the stubs of sdk/lua promise is there, and what is there they tell of.
// Those of libraries that need a server are only read.
func TestStubs(t *testing.T) {
	u := universe.New(universe.Options{Loaders: lib.Loaders(), Limit: -1})
	defer u.Close()
	compared := 0
	for file, text := range sdk.Files("lua") {
		if _, err := lua51.Compile(file, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !strings.HasPrefix(string(text), "---@meta\n") {
			t.Errorf("%s does not begin with ---@meta", file)
		}
		name := strings.ReplaceAll(strings.TrimSuffix(file, ".lua"), "/", ".")
		if _, here := lib.Loaders()[name]; !here {
			continue // TestPromised
		}
		compared++
		missing, untold := "", ""
		err := u.Do(t.Context(), &universe.Task{Name: name}, func(l *glua.LState) {
			fn, err := l.LoadString(lacking)
			if err != nil {
				t.Error(err)
				return
			}
			l.Push(fn)
			l.Push(glua.LString(text))
			l.Push(glua.LString(name))
			l.Call(2, 2)
			missing, untold = l.ToString(-2), l.ToString(-1)
			l.Pop(2)
		})
		if err != nil || missing != "" {
			t.Errorf("%s: lacks %q, %v", name, missing, err)
		}
		if untold != "" {
			t.Errorf("an editor is not told of %s", untold)
		}
	}
	if compared < 50 {
		t.Errorf("only %d stubs were compared", compared)
	}
	for name := range lib.Loaders() {
		if _, told := sdk.Files("lua")[strings.ReplaceAll(name, ".", "/")+".lua"]; told == slices.Contains(inner, name) {
			t.Errorf("an editor is told of %s: %v", name, told)
		}
	}
}
