// SPDX-License-Identifier: Apache-2.0

// Package lua51 makes gopher-lua 1.1.2 behave as Lua 5.1 does where it strays
// from it, and bounds what the original leaves unbounded: it holds the standard
// library (string, table, math, os.date and so on) in functions that keep to
// the manual, the part of later versions that programs for Prosody use (utf8,
// bit32, table.pack, math.type), and a compiler around the faults of
// gopher-lua's own.
//
// It opens nothing by itself: who runs Lua puts the functions of a [Library]
// where they belong.
package lua51

import (
	"math/rand/v2"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// A Meter is told by the functions of a Library what they are about to do, and
// raises an error on the state if that is too much.
type Meter interface {
	// Alloc is told of n bytes that are about to be allocated.
	Alloc(l *lua.LState, n int)
	// Step is told of n more steps of a loop in Go.
	Step(l *lua.LState, n int)
}

// Library is the standard library of one universe of Lua. Its functions may be
// used by one goroutine at a time, as Lua itself.
type Library struct {
	meter  Meter
	spare  *matcher
	random *rand.Rand
	start  time.Time
}

// New returns a library that reports to m.
func New(m Meter) *Library {
	return &Library{
		meter:  m,
		random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), //nolint:gosec // Lua's math.random promises no secrecy
		start:  time.Now(),
	}
}

// maxIndex is up to which index tables are arrays. gopher-lua fills the gap
// below an index with nils, and would fill a gigabyte for t[67000000] = 1.
var maxIndex = func() int {
	lua.MaxArrayIndex = 1 << 22
	return lua.MaxArrayIndex
}()

// Set puts functions into a table.
func Set(l *lua.LState, t *lua.LTable, funcs map[string]lua.LGFunction) {
	for name, fn := range funcs {
		t.RawSetString(name, l.NewFunction(fn))
	}
}
