// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"bytes"
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// ring is a buffer of bytes with a bound. What was read goes away; the memory
// is kept.
type ring struct {
	data []byte
	size int
}

// openRing is util.ringbuffer.
func openRing(l *lua.LState) int {
	meta := l.NewTable()
	meta.RawSetString("__index", tableOf(l, map[string]lua.LGFunction{
		"write": func(l *lua.LState) int {
			r, s := checkRing(l), l.CheckString(2)
			if len(r.data)+len(s) > r.size {
				return one(l, lua.LNil)
			}
			r.data = append(r.data, s...)
			return one(l, lua.LNumber(len(s)))
		},
		"read":      ringRead,
		"readuntil": ringReadUntil,
		"discard": func(l *lua.LState) int {
			r, n := checkRing(l), checkInt(l, 2)
			if n < 0 || n > len(r.data) {
				return one(l, lua.LFalse)
			}
			r.drop(n)
			return one(l, lua.LTrue)
		},
		"find": func(l *lua.LState) int {
			r := checkRing(l)
			i := bytes.Index(r.data, []byte(l.CheckString(2)))
			if i < 0 {
				return one(l, lua.LNil)
			}
			return one(l, lua.LNumber(i+1))
		},
		"sub": func(l *lua.LState) int {
			r := checkRing(l)
			return one(l, lua.LString(r.slice(checkInt(l, 2), optInt(l, 3, -1))))
		},
		"byte": func(l *lua.LState) int {
			r, from := checkRing(l), optInt(l, 2, 1)
			some := r.slice(from, optInt(l, 3, from))
			if len(some) > 8000 {
				l.RaiseError("string slice too long")
			}
			for _, c := range some {
				l.Push(lua.LNumber(c))
			}
			return len(some)
		},
		"length": ringLength,
		"size":   func(l *lua.LState) int { return one(l, lua.LNumber(checkRing(l).size)) },
		"free":   func(l *lua.LState) int { r := checkRing(l); return one(l, lua.LNumber(r.size-len(r.data))) },
	}))
	meta.RawSetString("__len", l.NewFunction(ringLength))
	meta.RawSetString("__tostring", l.NewFunction(func(l *lua.LState) int {
		r := checkRing(l)
		return one(l, lua.LString(fmt.Sprintf("ringbuffer: %p %d/%d", r, len(r.data), r.size)))
	}))
	meta.RawSetString("__name", lua.LString("ringbuffer"))
	return one(l, tableOf(l, map[string]lua.LGFunction{
		"new": func(l *lua.LState) int {
			size := optInt(l, 1, 4096)
			if size < 1 || size > 1<<30 {
				l.ArgError(1, "positive integer expected")
			}
			u := l.NewUserData()
			u.Value, u.Metatable = &ring{size: size}, meta
			return one(l, u)
		},
	}))
}

func checkRing(l *lua.LState) *ring {
	if r, ok := l.CheckUserData(1).Value.(*ring); ok {
		return r
	}
	l.ArgError(1, "ringbuffer expected")
	return nil
}

func (r *ring) drop(n int) { r.data = append(r.data[:0], r.data[n:]...) }

// slice returns bytes by their places, as string.sub does.
func (r *ring) slice(from, to int) []byte {
	n := len(r.data)
	if from < 0 {
		from = max(n+from+1, 1)
	}
	if to < 0 {
		to = n + to + 1
	}
	from, to = max(from, 1), min(to, n)
	if from > to {
		return nil
	}
	return r.data[from-1 : to]
}

// ringRead takes n bytes, or with a third argument of true looks at them.
func ringRead(l *lua.LState) int {
	r, n, peek := checkRing(l), checkInt(l, 2), checkFlag(l, 3)
	if n < 0 {
		l.ArgError(2, "positive integer expected")
	}
	if n > len(r.data) {
		return one(l, lua.LNil)
	}
	s := lua.LString(r.data[:n])
	if !peek {
		r.drop(n)
	}
	return one(l, s)
}

// ringReadUntil takes bytes up to and with a string.
func ringReadUntil(l *lua.LState) int {
	r, end := checkRing(l), l.CheckString(2)
	i := bytes.Index(r.data, []byte(end))
	if i < 0 {
		return one(l, lua.LNil)
	}
	s := lua.LString(r.data[:i+len(end)])
	r.drop(i + len(end))
	return one(l, s)
}

func ringLength(l *lua.LState) int { return one(l, lua.LNumber(len(checkRing(l).data))) }
