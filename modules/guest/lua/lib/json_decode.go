// SPDX-License-Identifier: Apache-2.0

package lib

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

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
	return rune(v), err == nil
}
