// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// optString returns string argument n, and whether it is there and not nil.
func optString(l *lua.LState, n int) (string, bool) {
	if l.Get(n) == lua.LNil {
		return "", false
	}
	return l.CheckString(n), true
}

// optInt returns number argument n cut to an int, or what is said if it is nil.
func optInt(l *lua.LState, n, otherwise int) int {
	if l.Get(n) == lua.LNil {
		return otherwise
	}
	return checkInt(l, n)
}

// checkInt returns number argument n cut to an int within 53 bits.
func checkInt(l *lua.LState, n int) int {
	return whole(float64(l.CheckNumber(n)))
}

// whole cuts f to an int.
func whole(f float64) int {
	const most = 1 << 53
	switch {
	case math.IsNaN(f):
		return 0
	case f > most:
		return most
	case f < -most:
		return -most
	}
	return int(f)
}

// checkFlag reports whether argument n is true in the sense of Lua.
func checkFlag(l *lua.LState, n int) bool { return lua.LVAsBool(l.Get(n)) }

// str returns v as a string if it is one.
func str(v lua.LValue) (string, bool) {
	s, ok := v.(lua.LString)
	return string(s), ok
}

// stringy is str that also takes numbers, as Lua's string functions do.
func stringy(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return v.String(), true
	}
	return "", false
}

// failed pushes nil and a reason, Lua's way to report an error.
func failed(l *lua.LState, reason string) int {
	l.Push(lua.LNil)
	l.Push(lua.LString(reason))
	return 2
}

// one pushes v and returns 1.
func one(l *lua.LState, v lua.LValue) int {
	l.Push(v)
	return 1
}
