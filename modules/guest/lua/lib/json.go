// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

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

// decoder reads JSON.
type decoder struct {
	l    *lua.LState
	s    string
	at   int
	null *lua.LTable
}

var (
	errJSONValue   = errors.New("value expected")
	errJSONGarbage = errors.New("garbage at eof")
	errJSONDeep    = errors.New("nested too deep")
	errJSONColon   = errors.New("colon expected")
	errJSONKey     = errors.New("key expected")
	errJSONArray   = errors.New("array eof")
	errJSONObject  = errors.New("object eof")
	errJSONString  = errors.New("string eof")
	errJSONEscape  = errors.New("invalid escape")
	errJSONNumber  = errors.New("number parse failed")
)

func (d *decoder) document() (lua.LValue, error) {
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if d.space(); d.at < len(d.s) {
		return nil, errJSONGarbage
	}
	return v, nil
}

func (d *decoder) space() {
	for d.at < len(d.s) && strings.IndexByte(" \t\r\n", d.s[d.at]) >= 0 {
		d.at++
	}
}

// next skips white space and returns the byte behind it, 0 at the end.
func (d *decoder) next() byte {
	d.space()
	if d.at == len(d.s) {
		return 0
	}
	return d.s[d.at]
}

func (d *decoder) value(depth int) (lua.LValue, error) {
	if depth > maxNested {
		return nil, errJSONDeep
	}
	switch c := d.next(); {
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.array(depth)
	case c == '"':
		s, err := d.string()
		return lua.LString(s), err
	case c == '-', c >= '0' && c <= '9':
		return d.number()
	}
	for word, v := range map[string]lua.LValue{"true": lua.LTrue, "false": lua.LFalse, "null": d.null} {
		if strings.HasPrefix(d.s[d.at:], word) {
			d.at += len(word)
			return v, nil
		}
		if d.at < len(d.s) && d.s[d.at] == word[0] {
			return nil, errors.New(word + " parse failed")
		}
	}
	return nil, errJSONValue
}

func (d *decoder) number() (lua.LValue, error) {
	from := d.at
	for d.at < len(d.s) && strings.IndexByte("+-.eE0123456789", d.s[d.at]) >= 0 {
		d.at++
	}
	f, err := strconv.ParseFloat(d.s[from:d.at], 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, errJSONNumber
	}
	return lua.LNumber(f), nil
}

func (d *decoder) array(depth int) (lua.LValue, error) {
	t := d.l.CreateTable(0, 0)
	if meta := arrayMeta(d.l); meta != lua.LNil {
		t.Metatable = meta
	}
	d.at++
	if d.next() == ']' {
		d.at++
		return t, nil
	}
	for n := 1; ; n++ {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		t.RawSetInt(n, v)
		switch d.next() {
		case ',':
			d.at++
		case ']':
			d.at++
			return t, nil
		default:
			return nil, errJSONArray
		}
	}
}

func (d *decoder) object(depth int) (lua.LValue, error) {
	t := d.l.CreateTable(0, 0)
	d.at++
	for {
		if d.next() == '}' { // behind a comma: Prosody takes it
			d.at++
			unfold(t)
			return t, nil
		}
		if d.next() != '"' {
			return nil, errJSONKey
		}
		key, err := d.string()
		if err != nil {
			return nil, err
		}
		if d.next() != ':' {
			return nil, errJSONColon
		}
		d.at++
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		t.RawSetString(key, v)
		switch d.next() {
		case ',':
			d.at++
		case '}':
			d.at++
			unfold(t)
			return t, nil
		default:
			return nil, errJSONObject
		}
	}
}

// unfold undoes what encoder.plain does with keys that are no strings.
func unfold(t *lua.LTable) {
	if hash, ok := t.RawGetString("__hash").(*lua.LTable); ok {
		t.RawSetString("__hash", lua.LNil)
		for i := 1; i < hash.Len(); i += 2 {
			if k := hash.RawGetInt(i); k != lua.LNil && k != lua.LNumber(math.NaN()) {
				t.RawSet(k, hash.RawGetInt(i+1))
			}
		}
	}
	if array, ok := t.RawGetString("__array").(*lua.LTable); ok {
		t.RawSetString("__array", lua.LNil)
		for i := range array.Len() {
			t.RawSetInt(i+1, array.RawGetInt(i+1))
		}
	}
}

func (d *decoder) string() (string, error) {
	d.at++
	end := strings.IndexAny(d.s[d.at:], `"\`)
	if end < 0 {
		return "", errJSONString
	}
	if d.s[d.at+end] == '"' {
		s := d.s[d.at : d.at+end]
		d.at += end + 1
		return s, nil
	}
	var out []byte
	for d.at < len(d.s) {
		c := d.s[d.at]
		d.at++
		switch {
		case c == '"':
			return string(out), nil
		case c != '\\':
			out = append(out, c)
		default:
			var err error
			if out, err = d.escape(out); err != nil {
				return "", err
			}
		}
	}
	return "", errJSONString
}

// escape reads what follows a backslash. An escape that JSON does not know
// stays as it is.
func (d *decoder) escape(out []byte) ([]byte, error) {
	if d.at == len(d.s) {
		return nil, errJSONString
	}
	c := d.s[d.at]
	d.at++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return append(out, "\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return append(out, '\\', c), nil
	}
	r, ok := d.hex()
	if !ok {
		return nil, errJSONEscape
	}
	if utf16.IsSurrogate(r) {
		if !strings.HasPrefix(d.s[d.at:], `\u`) {
			return nil, errJSONEscape
		}
		d.at += 2
		low, ok := d.hex()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return nil, errJSONEscape
		}
	}
	return utf8.AppendRune(out, r), nil
}

func (d *decoder) hex() (rune, bool) {
	if len(d.s)-d.at < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(d.s[d.at:d.at+4], 16, 16)
	d.at += 4
	return rune(v), err == nil //nolint:gosec // sixteen bits fit
}
