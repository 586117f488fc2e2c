// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/module"
)

// Served are the libraries that need the live server.
var Served = served

// Held is about how many bytes of the heap are Lua's.
var Held = held

// SetLoadLimit changes how long a module may take to load, until the test ends.
func SetLoadLimit(t testing.TB, d time.Duration) {
	before := loadLimit
	loadLimit = d
	t.Cleanup(func() { loadLimit = before })
}

// AddPanic adds a library to a server: a function that panics.
func AddPanic(env *module.Env) {
	current(env).u.Register("tercet.panics", func(l *lua.LState) int {
		l.Push(l.NewFunction(func(*lua.LState) int { panic("no more ideas") }))
		return 1
	})
}
