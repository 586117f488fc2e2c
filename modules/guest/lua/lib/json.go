// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"math"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxNested is how deep values of JSON may be nested.
const maxNested = 500

// openJSON is util.json. A null in an object or array is json.null, so that it
// is seen.
func openJSON(l *lua.LState) int {
	l.Push(l.GetGlobal("require"))
	l.Push(lua.LString("util.array"))
	l.Call(1, 0)
	null := l.NewTable()
	meta := l.NewTable()
	meta.RawSetString("__tostring", l.NewFunction(func(l *lua.LState) int { return one(l, lua.LString("null")) }))
	null.Metatable = meta
	decode := func(l *lua.LState) int {
		d := decoder{l: l, s: l.CheckString(1), null: null}
		v, err := d.document()
		if err != nil {
			return failed(l, err.Error())
		}
		return one(l, v)
	}
	encode := func(ordered bool) lua.LGFunction {
		return func(l *lua.LState) int {
			e := encoder{l: l, null: null, ordered: ordered}
			e.value(l.Get(1), 0)
			return one(l, lua.LString(e.buf))
		}
	}
	t := tableOf(l, map[string]lua.LGFunction{
		"decode":         decode,
		"encode":         encode(false),
		"encode_ordered": encode(true),
		"encode_array": func(l *lua.LState) int {
			e := encoder{l: l, null: null}
			e.array(l.CheckTable(1), 0)
			return one(l, lua.LString(e.buf))
		},
		"test": func(l *lua.LState) int {
			s := l.CheckString(1)
			v, err := (&decoder{l: l, s: s, null: null}).document()
			if err != nil {
				return one(l, lua.LFalse)
			}
			e := encoder{l: l, null: null}
			e.value(v, 0)
			return one(l, lua.LBool(string(e.buf) == s))
		},
	})
	t.RawSetString("null", null)
	return one(l, t)
}

// arrayMeta returns the metatable of util.array.
func arrayMeta(l *lua.LState) lua.LValue {
	registry, _ := l.Get(lua.RegistryIndex).(*lua.LTable)
	return registry.RawGetString("tercet.util.array")
}

// encoder writes values as JSON.
type encoder struct {
	l       *lua.LState
	buf     []byte
	null    *lua.LTable
	ordered bool
}

func (e *encoder) value(v lua.LValue, depth int) {
	if depth > maxNested {
		e.l.RaiseError("json: nested too deep")
	}
	switch v := v.(type) {
	case lua.LBool:
		e.buf = strconv.AppendBool(e.buf, bool(v))
	case lua.LNumber:
		e.buf = appendNumber(e.buf, float64(v))
	case lua.LString:
		e.buf = appendJSONString(e.buf, string(v))
	case *lua.LTable:
		e.table(v, depth)
	default:
		e.buf = append(e.buf, "null"...)
	}
}

// appendNumber writes whole numbers in full and others as C's %.14g. What JSON
// can not say is null.
func appendNumber(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f), math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return strconv.AppendInt(dst, int64(f), 10)
	}
	s := strconv.FormatFloat(f, 'g', 14, 64)
	mantissa, exponent, ok := strings.Cut(s, "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	dst = append(dst, mantissa...)
	if ok {
		dst = append(append(dst, 'e'), exponent...)
	}
	return dst
}

func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < ' ' {
				const hex = "0123456789abcdef"
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
				continue
			}
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

func (e *encoder) table(t *lua.LTable, depth int) {
	if t == e.null {
		e.buf = append(e.buf, "null"...)
		return
	}
	if t.Metatable == arrayMeta(e.l) {
		e.array(t, depth)
		return
	}
	e.plain(t, depth)
}

// plain writes a table: as array if it has nothing but one, otherwise as
// object, in which "__array" is the array part and "__hash" has keys that are
// no strings, each followed by its value.
func (e *encoder) plain(t *lua.LTable, depth int) {
	n := border(t)
	var keys, others []lua.LValue
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		switch k := k.(type) {
		case lua.LString:
			if k == "__array" || k == "__hash" {
				others = append(others, k)
			} else {
				keys = append(keys, k)
			}
		case lua.LNumber:
			if i := whole(float64(k)); i < 1 || i > n || lua.LNumber(i) != k {
				others = append(others, k)
			}
		default:
			others = append(others, k)
		}
	}
	if n > 0 && len(keys)+len(others) == 0 {
		e.array(t, depth)
		return
	}
	if e.ordered {
		slices.SortFunc(keys, func(a, b lua.LValue) int { return strings.Compare(a.String(), b.String()) })
	}
	e.buf = append(e.buf, '{')
	for _, k := range keys {
		e.buf = append(appendJSONString(e.buf, k.String()), ':')
		e.value(t.RawGet(k), depth+1)
		e.buf = append(e.buf, ',')
	}
	if len(others) > 0 {
		e.buf = append(e.buf, `"__hash":[`...)
		for _, k := range others {
			e.value(k, depth+1)
			e.buf = append(e.buf, ',')
			e.value(t.RawGet(k), depth+1)
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf[:len(e.buf)-1], "],"...)
	}
	if n > 0 {
		e.buf = append(e.buf, `"__array":`...)
		e.array(t, depth)
		e.buf = append(e.buf, ',')
	}
	if e.buf[len(e.buf)-1] == ',' {
		e.buf = e.buf[:len(e.buf)-1]
	}
	e.buf = append(e.buf, '}')
}

// border is how many items t has up to the first hole.
func border(t *lua.LTable) int {
	n := 0
	for t.RawGetInt(n+1) != lua.LNil {
		n++
	}
	return n
}

func (e *encoder) array(t *lua.LTable, depth int) {
	if depth > maxNested {
		e.l.RaiseError("json: nested too deep")
	}
	e.buf = append(e.buf, '[')
	for i := range border(t) {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.value(t.RawGetInt(i+1), depth+1)
	}
	e.buf = append(e.buf, ']')
}
