// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// ParseNumber reads a number as Lua 5.1 does: decimal, with or without an
// exponent, or whole in hexadecimal.
func ParseNumber(s string) (float64, bool) {
	sign := 1.0
	digits := s
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, digits = -1, rest
	}
	if len(digits) > 2 && (digits[:2] == "0x" || digits[:2] == "0X") {
		u, err := strconv.ParseUint(digits[2:], 16, 64)
		return sign * float64(u), err == nil
	}
	if digits == "" || !isDigit(digits[0]) && digits[0] != '.' && digits[0] != '+' || strings.ContainsAny(digits, "_xXpPiInN") {
		return 0, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return sign * f, true
}

func toNumber(l *lua.LState) int {
	base := Integer(l, 2, 10)
	n := lua.LNil
	switch v := l.CheckAny(1).(type) {
	case lua.LNumber:
		n = v
	case lua.LString:
		s := strings.TrimSpace(string(v))
		if base == 10 {
			if f, ok := ParseNumber(s); ok {
				n = lua.LNumber(f)
			}
			break
		}
		if base < 2 || base > 36 {
			l.ArgError(2, "base out of range")
		}
		sign := lua.LNumber(1)
		if rest, ok := strings.CutPrefix(s, "-"); ok {
			s, sign = rest, -1
		}
		if base == 16 {
			s = strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
		}
		if u, err := strconv.ParseUint(s, base, 64); err == nil {
			n = sign * lua.LNumber(u)
		}
	}
	l.Push(n)
	return 1
}

// Math is the part of the math library that would touch the random numbers of
// the whole process, and what 5.3 added.
func (b *Library) Math() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"random":     b.mathRandom,
		"randomseed": b.mathRandomSeed,
		"type":       mathType,
		"tointeger":  mathToInteger,
	}
}

func (b *Library) mathRandom(l *lua.LState) int {
	low, high := 1, Integer(l, 1, 0)
	switch l.GetTop() {
	case 0:
		l.Push(lua.LNumber(b.random.Float64()))
		return 1
	case 1:
	default:
		low, high = high, Integer(l, 2, 0)
	}
	if low > high {
		l.ArgError(l.GetTop(), "interval is empty")
	}
	l.Push(lua.LNumber(low + b.random.IntN(high-low+1)))
	return 1
}

func (b *Library) mathRandomSeed(l *lua.LState) int {
	b.random = rand.New(rand.NewPCG(uint64(Integer(l, 1, 0)), 0)) //nolint:gosec // Lua's math.random promises no secrecy
	return 0
}

func mathType(l *lua.LState) int {
	n, ok := l.CheckAny(1).(lua.LNumber)
	switch {
	case !ok:
		l.Push(lua.LNil)
	case whole(n):
		l.Push(lua.LString("integer"))
	default:
		l.Push(lua.LString("float"))
	}
	return 1
}

func mathToInteger(l *lua.LState) int {
	n, ok := l.CheckAny(1).(lua.LNumber)
	if !ok || !whole(n) {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(n)
	return 1
}

func whole(n lua.LNumber) bool {
	return float64(n) == math.Trunc(float64(n)) && !math.IsInf(float64(n), 0)
}
