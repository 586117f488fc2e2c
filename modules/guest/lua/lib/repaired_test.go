// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"math"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// free is a meter that lets everything pass.
type free struct{}

func (free) Alloc(*lua.LState, int) {}
func (free) Step(*lua.LState, int)  {}

// openRepaired gives a state the repaired standard library.
func openRepaired(l *lua.LState) {
	repaired := lua51.New(free{})
	globals, _ := l.Get(lua.GlobalsIndex).(*lua.LTable)
	lua51.Set(l, globals, repaired.Base())
	for name, funcs := range map[string]map[string]lua.LGFunction{
		"string": repaired.String(), "table": repaired.Table(), "math": repaired.Math(), "os": repaired.OS(),
	} {
		t, ok := globals.RawGetString(name).(*lua.LTable)
		if !ok {
			t = l.NewTable()
			globals.RawSetString(name, t)
		}
		lua51.Set(l, t, funcs)
	}
	math51, _ := globals.RawGetString("math").(*lua.LTable)
	math51.RawSetString("huge", lua.LNumber(math.Inf(1)))
}
