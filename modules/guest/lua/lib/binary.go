// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"fmt"
	"math"
	"math/bits"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// binaryLibraries is the libraries about bits and bytes.
func binaryLibraries() map[string]lua.LGFunction {
	compat := library(map[string]lua.LGFunction{
		"band":   bitFold(^uint32(0), func(a, b uint32) uint32 { return a & b }, unsigned32),
		"bor":    bitFold(0, func(a, b uint32) uint32 { return a | b }, unsigned32),
		"bxor":   bitFold(0, func(a, b uint32) uint32 { return a ^ b }, unsigned32),
		"lshift": bitShift(shiftLeft, unsigned32), "rshift": bitShift(func(v uint32, n int) uint32 { return shiftLeft(v, -n) }, unsigned32),
	})
	return map[string]lua.LGFunction{
		"bit":             openBit,
		"bit32":           openBit32,
		"util.bitcompat":  compat,
		"util.bit53":      compat,
		"util.struct":     openStruct,
		"util.ringbuffer": openRing,
		"util.strbitop": library(map[string]lua.LGFunction{
			"sand": stringBits(func(a, b byte) byte { return a & b }),
			"sor":  stringBits(func(a, b byte) byte { return a | b }),
			"sxor": stringBits(func(a, b byte) byte { return a ^ b }),
		}),
	}
}

// stringBits combines a string with another one that is repeated as often as
// needed.
func stringBits(op func(a, b byte) byte) lua.LGFunction {
	return func(l *lua.LState) int {
		a, b := l.CheckString(1), l.CheckString(2)
		out := []byte(a)
		for i := range out {
			if b != "" {
				out[i] = op(out[i], b[i%len(b)])
			}
		}
		return one(l, lua.LString(out))
	}
}

// checkBits returns number argument n modulo 2^32.
func checkBits(l *lua.LState, n int) uint32 {
	f := math.Floor(float64(l.CheckNumber(n)))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return uint32(int64(math.Mod(f, 1<<32))) //nolint:gosec // the low bits are meant
}

func signed32(v uint32) lua.LNumber   { return lua.LNumber(int32(v)) } //nolint:gosec // two's complement
func unsigned32(v uint32) lua.LNumber { return lua.LNumber(v) }

// bitFold combines all arguments.
func bitFold(start uint32, op func(a, b uint32) uint32, as func(uint32) lua.LNumber) lua.LGFunction {
	return func(l *lua.LState) int {
		v := start
		for i := range l.GetTop() {
			v = op(v, checkBits(l, i+1))
		}
		return one(l, as(v))
	}
}

func bitShift(op func(v uint32, n int) uint32, as func(uint32) lua.LNumber) lua.LGFunction {
	return func(l *lua.LState) int { return one(l, as(op(checkBits(l, 1), checkInt(l, 2)))) }
}

// shiftLeft shifts to the left, or to the right by a negative number.
func shiftLeft(v uint32, n int) uint32 {
	switch {
	case n >= 32 || n <= -32:
		return 0
	case n < 0:
		return v >> -n
	}
	return v << n
}

func shiftSigned(v uint32, n int) uint32 {
	if n < 0 {
		return shiftLeft(v, -n)
	}
	return uint32(int32(v) >> min(n, 31)) //nolint:gosec // the sign is meant to stay
}

// openBit is Lua BitOp: 32 bits, with a sign, shifts by the low five bits.
func openBit(l *lua.LState) int {
	low := func(op func(uint32, int) uint32) lua.LGFunction {
		return bitShift(func(v uint32, n int) uint32 { return op(v, n&31) }, signed32)
	}
	return one(l, tableOf(l, map[string]lua.LGFunction{
		"tobit":  func(l *lua.LState) int { return one(l, signed32(checkBits(l, 1))) },
		"tohex":  bitHex,
		"bnot":   func(l *lua.LState) int { return one(l, signed32(^checkBits(l, 1))) },
		"bswap":  func(l *lua.LState) int { return one(l, signed32(bits.ReverseBytes32(checkBits(l, 1)))) },
		"band":   bitFold(^uint32(0), func(a, b uint32) uint32 { return a & b }, signed32),
		"bor":    bitFold(0, func(a, b uint32) uint32 { return a | b }, signed32),
		"bxor":   bitFold(0, func(a, b uint32) uint32 { return a ^ b }, signed32),
		"lshift": low(shiftLeft), "rshift": low(func(v uint32, n int) uint32 { return v >> n }), "arshift": low(shiftSigned),
		"rol": low(bits.RotateLeft32), "ror": low(func(v uint32, n int) uint32 { return bits.RotateLeft32(v, -n) }),
	}))
}

func bitHex(l *lua.LState) int {
	v, n := checkBits(l, 1), optInt(l, 2, 8)
	upper := n < 0
	n = min(max(n, -n), 8)
	s := fmt.Sprintf("%08x", v)[8-n:]
	if upper {
		s = strings.ToUpper(s)
	}
	return one(l, lua.LString(s))
}

// openBit32 is the bit32 of Lua 5.2: 32 bits without a sign.
func openBit32(l *lua.LState) int {
	rotate := func(v uint32, n int) uint32 { return bits.RotateLeft32(v, n&31) }
	return one(l, tableOf(l, map[string]lua.LGFunction{
		"band": bitFold(^uint32(0), func(a, b uint32) uint32 { return a & b }, unsigned32),
		"bor":  bitFold(0, func(a, b uint32) uint32 { return a | b }, unsigned32),
		"bxor": bitFold(0, func(a, b uint32) uint32 { return a ^ b }, unsigned32),
		"bnot": func(l *lua.LState) int { return one(l, unsigned32(^checkBits(l, 1))) },
		"btest": func(l *lua.LState) int {
			v := ^uint32(0)
			for i := range l.GetTop() {
				v &= checkBits(l, i+1)
			}
			return one(l, lua.LBool(v != 0))
		},
		"lshift": bitShift(shiftLeft, unsigned32), "arshift": bitShift(shiftSigned, unsigned32),
		"rshift":  bitShift(func(v uint32, n int) uint32 { return shiftLeft(v, -n) }, unsigned32),
		"lrotate": bitShift(rotate, unsigned32), "rrotate": bitShift(func(v uint32, n int) uint32 { return rotate(v, -n) }, unsigned32),
		"extract": func(l *lua.LState) int {
			field, mask := bitField(l, 2, 3)
			return one(l, unsigned32(checkBits(l, 1)>>field&mask))
		},
		"replace": func(l *lua.LState) int {
			field, mask := bitField(l, 3, 4)
			return one(l, unsigned32(checkBits(l, 1)&^(mask<<field)|checkBits(l, 2)&mask<<field))
		},
	}))
}

func bitField(l *lua.LState, field, width int) (at int, mask uint32) {
	at = checkInt(l, field)
	n := optInt(l, width, 1)
	if at < 0 || n < 1 || at+n > 32 {
		l.ArgError(field, "trying to access non-existent bits")
	}
	return at, uint32(1<<n - 1)
}
