// SPDX-License-Identifier: Apache-2.0

package lua51

import (
	"math"
	"math/bits"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// bit32Arg is a number as bit32 takes it: modulo 2^32.
func bit32Arg(l *lua.LState, n int) uint32 {
	f := math.Mod(math.Floor(float64(l.CheckNumber(n))), 1<<32)
	if math.IsNaN(f) {
		return 0
	}
	return uint32(int64(f)) //nolint:gosec // it is meant
}

func pushBits(l *lua.LState, v uint32) int {
	l.Push(lua.LNumber(v))
	return 1
}

// Bit32 is the bit32 library of Lua 5.2.
func Bit32() map[string]lua.LGFunction {
	fold := func(start uint32, op func(a, b uint32) uint32) lua.LGFunction {
		return func(l *lua.LState) int {
			v := start
			for i := 1; i <= l.GetTop(); i++ {
				v = op(v, bit32Arg(l, i))
			}
			return pushBits(l, v)
		}
	}
	and := fold(math.MaxUint32, func(a, b uint32) uint32 { return a & b })
	shift := func(way int) lua.LGFunction {
		return func(l *lua.LState) int { return pushBits(l, shifted(bit32Arg(l, 1), way*Integer(l, 2, 0))) }
	}
	rotate := func(way int) lua.LGFunction {
		return func(l *lua.LState) int {
			return pushBits(l, bits.RotateLeft32(bit32Arg(l, 1), way*(Integer(l, 2, 0)%32)))
		}
	}
	return map[string]lua.LGFunction{
		"arshift": bitArithmeticShift,
		"band":    and,
		"bnot":    func(l *lua.LState) int { return pushBits(l, ^bit32Arg(l, 1)) },
		"bor":     fold(0, func(a, b uint32) uint32 { return a | b }),
		"btest": func(l *lua.LState) int {
			and(l)
			l.Push(lua.LBool(l.Get(-1) != lua.LNumber(0)))
			return 1
		},
		"bxor":    fold(0, func(a, b uint32) uint32 { return a ^ b }),
		"extract": bitExtract,
		"lrotate": rotate(1),
		"lshift":  shift(1),
		"replace": bitReplace,
		"rrotate": rotate(-1),
		"rshift":  shift(-1),
	}
}

// shifted shifts left, or right if n is negative; all bits may go.
func shifted(v uint32, n int) uint32 {
	if n < 0 {
		return v >> min(-n, 32)
	}
	return v << min(n, 32)
}

func bitArithmeticShift(l *lua.LState) int {
	v, n := bit32Arg(l, 1), Integer(l, 2, 0)
	if n < 0 {
		return pushBits(l, shifted(v, -n))
	}
	return pushBits(l, uint32(int32(v)>>min(n, 31))) //nolint:gosec // the sign is meant
}

// field is which bits extract and replace mean.
func field(l *lua.LState, n int) (at int, mask uint32) {
	at, width := Integer(l, n, 0), Integer(l, n+1, 1)
	if at < 0 {
		l.ArgError(n, "field cannot be negative")
	}
	if width < 1 {
		l.ArgError(n+1, "width must be positive")
	}
	if at+width > 32 {
		l.RaiseError("trying to access non-existent bits")
	}
	return at, uint32(1<<width - 1)
}

func bitExtract(l *lua.LState) int {
	at, mask := field(l, 2)
	return pushBits(l, bit32Arg(l, 1)>>at&mask)
}

func bitReplace(l *lua.LState) int {
	at, mask := field(l, 3)
	return pushBits(l, bit32Arg(l, 1)&^(mask<<at)|(bit32Arg(l, 2)&mask)<<at)
}

// UTF8CharPattern is utf8.charpattern: it matches one character of valid UTF-8.
const UTF8CharPattern = "[%z\x01-\x7f\xc2-\xf4][\x80-\xbf]*"

// UTF8 is the part of Lua 5.3's utf8 library that programs for Prosody use.
func (b *Library) UTF8() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"char":      b.utf8Char,
		"codepoint": b.utf8CodePoint,
		"len":       b.utf8Len,
	}
}

func (b *Library) utf8Char(l *lua.LState) int {
	var out []byte
	for i := 1; i <= l.GetTop(); i++ {
		n := Integer(l, i, -1)
		if n < 0 || n > utf8.MaxRune {
			l.ArgError(i, "value out of range")
		}
		out = utf8.AppendRune(out, rune(n)) //nolint:gosec // checked above
	}
	l.Push(lua.LString(out))
	return 1
}

// span is the range of bytes, from 0, that arguments n and n+1 name.
func span(l *lua.LState, s string, n, from, to int) (start, end int) {
	from, to = Integer(l, n, from), Integer(l, n+1, to)
	if from < 0 {
		from += len(s) + 1
	}
	if to < 0 {
		to += len(s) + 1
	}
	return from - 1, to
}

func (b *Library) utf8CodePoint(l *lua.LState) int {
	s := Arg(l, 1)
	first := Integer(l, 2, 1)
	start, end := span(l, s, 2, 1, first)
	if start < 0 {
		l.ArgError(2, "out of range")
	}
	if end > len(s) {
		l.ArgError(3, "out of range")
	}
	n := 0
	for i := start; i < end; n++ {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size < 2 {
			l.RaiseError("invalid UTF-8 code")
		}
		if n >= MaxUnpack {
			l.RaiseError("string slice too long")
		}
		l.Push(lua.LNumber(r))
		i += size
	}
	return n
}

func (b *Library) utf8Len(l *lua.LState) int {
	s := Arg(l, 1)
	start, end := span(l, s, 2, 1, -1)
	if start < 0 || start > len(s) {
		l.ArgError(2, "initial position out of string")
	}
	if end > len(s) {
		l.ArgError(3, "final position out of string")
	}
	b.meter.Step(l, max(end-start, 0)>>3)
	n := 0
	for i := start; i < end; n++ {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size < 2 {
			l.Push(lua.LNil)
			l.Push(lua.LNumber(i + 1))
			return 2
		}
		i += size
	}
	l.Push(lua.LNumber(n))
	return 1
}
