// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"strings"
	"testing"

	glua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
	"tercet/sdk"
)

// lacking compares what an editor is told of a library with the library.
const lacking = `
local text, name = ...
local missing = {}
local function compare(stub, real, path)
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
return table.concat(missing, " ")`

// What the stubs of sdk/lua promise is there. Those of libraries that need a
// server are only read.
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
		if !strings.HasPrefix(file, "util/") {
			continue
		}
		compared++
		name := strings.ReplaceAll(strings.TrimSuffix(file, ".lua"), "/", ".")
		missing := ""
		err := u.Do(t.Context(), &universe.Task{Name: name}, func(l *glua.LState) {
			fn, err := l.LoadString(lacking)
			if err != nil {
				t.Error(err)
				return
			}
			l.Push(fn)
			l.Push(glua.LString(text))
			l.Push(glua.LString(name))
			l.Call(2, 1)
			missing = l.ToString(-1)
			l.Pop(1)
		})
		if err != nil || missing != "" {
			t.Errorf("%s: lacks %q, %v", name, missing, err)
		}
	}
	if compared < 10 {
		t.Errorf("only %d stubs were compared", compared)
	}
}
