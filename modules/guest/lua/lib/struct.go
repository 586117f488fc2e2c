// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// layout reads a format of util.struct, letter by letter.
type layout struct {
	l      *lua.LState
	rest   string
	little bool
	align  int
}

// field is one value: its letter, its size, and how many bytes of padding
// come before it, at a given offset.
func (f *layout) field(at int) (letter byte, size, padding int, ok bool) {
	for f.rest != "" {
		letter = f.rest[0]
		f.rest = f.rest[1:]
		switch letter {
		case '>':
			f.little = false
			continue
		case '<':
			f.little = true
			continue
		case '!':
			if f.align = f.number(8); f.align&(f.align-1) != 0 || f.align == 0 {
				f.l.ArgError(1, "alignment is not a power of 2")
			}
			continue
		case ' ':
			continue
		}
		size = f.size(letter)
		if n := min(size, f.align); n > 1 && letter != 'c' {
			padding = (n - at&(n-1)) & (n - 1)
		}
		return letter, size, padding, true
	}
	return 0, 0, 0, false
}

func (f *layout) number(otherwise int) int {
	i := 0
	for i < len(f.rest) && i < 9 && f.rest[i] >= '0' && f.rest[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(f.rest[:i])
	if err != nil {
		return otherwise
	}
	f.rest = f.rest[i:]
	return n
}

func (f *layout) size(letter byte) int {
	switch letter {
	case 'b', 'B', 'x':
		return 1
	case 'h', 'H':
		return 2
	case 'l', 'L', 'T', 'd':
		return 8
	case 'f':
		return 4
	case 's':
		return 0
	case 'c':
		return f.number(1)
	case 'i', 'I':
		if n := f.number(4); n >= 1 && n <= 32 {
			return n
		}
		f.l.ArgError(1, "integral size out of range")
	}
	f.l.ArgError(1, fmt.Sprintf("invalid format option '%c'", letter))
	return 0
}

func openStruct(l *lua.LState) int {
	return one(l, tableOf(l, map[string]lua.LGFunction{"pack": structPack, "unpack": structUnpack, "size": structSize}))
}

func newLayout(l *lua.LState) *layout {
	return &layout{l: l, rest: l.CheckString(1), little: true, align: 1}
}

func structPack(l *lua.LState) int {
	f, n := newLayout(l), 1
	var out []byte
	for {
		letter, size, padding, ok := f.field(len(out))
		if !ok {
			return one(l, lua.LString(out))
		}
		if len(out)+size > maxToken {
			l.ArgError(1, "result too long")
		}
		out = append(out, make([]byte, padding)...)
		if letter == 'x' {
			out = append(out, 0)
			continue
		}
		n++
		switch letter {
		case 's':
			out = append(append(out, l.CheckString(n)...), 0)
		case 'c':
			s := l.CheckString(n)
			if size == 0 {
				size = len(s)
			}
			if len(s) < size {
				l.ArgError(n, "string too short")
			}
			out = append(out, s[:size]...)
		case 'f':
			out = f.append(out, uint64(math.Float32bits(float32(l.CheckNumber(n)))), 4, 0)
		case 'd':
			out = f.append(out, math.Float64bits(float64(l.CheckNumber(n))), 8, 0)
		default:
			v := float64(l.CheckNumber(n))
			fill := byte(0)
			if v < 0 {
				fill = 0xFF
			}
			out = f.append(out, twos(v), size, fill)
		}
	}
}

// twos is a number in two's complement.
func twos(f float64) uint64 {
	switch {
	case math.IsNaN(f), math.Abs(f) >= 1<<64:
		return 0
	case f < 0:
		return uint64(int64(f)) //nolint:gosec // two's complement
	}
	return uint64(f)
}

// append writes size bytes of v; those beyond the eighth are fill.
func (f *layout) append(out []byte, v uint64, size int, fill byte) []byte {
	for i := range size {
		at := i
		if !f.little {
			at = size - 1 - i
		}
		if at >= 8 {
			out = append(out, fill)
			continue
		}
		out = append(out, byte(v>>(8*at))) //nolint:gosec // cuts to the byte that is meant
	}
	return out
}

func structUnpack(l *lua.LState) int {
	f, data, at := newLayout(l), l.CheckString(2), optInt(l, 3, 1)-1
	if at < 0 {
		l.ArgError(3, "offset must be 1 or greater")
	}
	short := func(ok bool) {
		if !ok {
			l.ArgError(2, "data string too short")
		}
	}
	n := 0
	for {
		letter, size, padding, ok := f.field(at)
		if !ok {
			l.Push(lua.LNumber(at + 1))
			return n + 1
		}
		at += padding
		short(at+size <= len(data))
		if n++; n > 250 {
			l.ArgError(1, "too many results")
		}
		switch letter {
		case 'x':
			n--
		case 's':
			end := strings.IndexByte(data[at:], 0)
			if end < 0 {
				l.ArgError(2, "unfinished string in data")
			}
			l.Push(lua.LString(data[at : at+end]))
			size = end + 1
		case 'c':
			if size == 0 {
				last, ok := l.Get(-1).(lua.LNumber)
				if n < 2 || !ok {
					l.ArgError(1, "format 'c0' needs a previous size")
				}
				size = whole(float64(last))
				l.Pop(1)
				n--
				short(size >= 0 && at+size <= len(data))
			}
			l.Push(lua.LString(data[at : at+size]))
		default:
			l.Push(f.read(letter, data[at:at+size]))
		}
		at += size
	}
}

func (f *layout) read(letter byte, s string) lua.LNumber {
	var v uint64
	for i := range len(s) {
		at := i
		if f.little {
			at = len(s) - 1 - i
		}
		v = v<<8 | uint64(s[at])
	}
	switch letter {
	case 'f':
		return lua.LNumber(math.Float32frombits(uint32(v)))
	case 'd':
		return lua.LNumber(math.Float64frombits(v))
	case 'b', 'h', 'i', 'l':
		if n := len(s); n < 8 {
			return lua.LNumber(int64(v<<(64-8*n)) >> (64 - 8*n)) //nolint:gosec // two's complement
		}
		return lua.LNumber(int64(v))
	}
	return lua.LNumber(v)
}

func structSize(l *lua.LState) int {
	f, at := newLayout(l), 0
	for {
		letter, size, padding, ok := f.field(at)
		if !ok {
			return one(l, lua.LNumber(at))
		}
		if letter == 's' || letter == 'c' && size == 0 {
			l.ArgError(1, fmt.Sprintf("option '%c' has no fixed size", letter))
		}
		at += padding + size
	}
}
