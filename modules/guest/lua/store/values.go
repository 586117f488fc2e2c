// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"errors"
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// encoder writes values of Lua.
type encoder struct {
	b     []byte
	path  []*lua.LTable // those that are being written
	pairs []luaPair     // of all of these
}

type luaPair struct{ key, value lua.LValue }

// encode returns the bytes of a table; nil if it is empty. Metatables are not
// stored, as Prosody does not.
func encode(t *lua.LTable) ([]byte, error) {
	e := encoder{b: make([]byte, 1, 128)}
	if err := e.table(t); err != nil {
		return nil, err
	}
	return seal(e.b)
}

// encodeKey returns the bytes of a key of a table.
func encodeKey(k lua.LValue) ([]byte, error) {
	var e encoder
	err := e.key(k)
	return e.b, err
}

// encodeInner returns the bytes of a value in a table; nil for nil.
func encodeInner(v lua.LValue) ([]byte, error) {
	if v == lua.LNil {
		return nil, nil
	}
	var e encoder
	err := e.value(v)
	return e.b, err
}

func (e *encoder) value(v lua.LValue) error {
	switch v := v.(type) {
	case lua.LBool:
		e.b = appendBool(e.b, bool(v))
	case lua.LNumber:
		e.b = appendNumber(e.b, float64(v))
	case lua.LString:
		if len(v) > maxSize {
			return errTooLarge
		}
		e.b = appendString(e.b, string(v))
	case *lua.LTable:
		return e.table(v)
	default:
		return errors.New("a " + v.Type().String() + " cannot be stored")
	}
	return nil
}

func (e *encoder) key(k lua.LValue) error {
	switch k := k.(type) {
	case lua.LBool, lua.LString:
		return e.value(k)
	case lua.LNumber:
		if math.IsNaN(float64(k)) {
			return errors.New("a key cannot be NaN")
		}
		e.b = appendNumber(e.b, float64(k)+0) // which makes 0 of -0
		return nil
	}
	return errors.New("a key that is a " + k.Type().String() + " cannot be stored")
}

func (e *encoder) table(t *lua.LTable) error {
	switch {
	case slices.Contains(e.path, t):
		return errors.New("a table that holds itself cannot be stored")
	case len(e.path) == maxDepth:
		return errTooDeep
	}
	e.path = append(e.path, t)
	first := len(e.pairs)
	t.ForEach(func(k, v lua.LValue) { e.pairs = append(e.pairs, luaPair{k, v}) })
	slices.SortFunc(e.pairs[first:], func(a, b luaPair) int { return compareKeys(a.key, b.key) })
	var at int
	e.b, at = openTable(e.b)
	for i := first; i < len(e.pairs); i++ {
		if err := e.key(e.pairs[i].key); err != nil {
			return err
		}
		if err := e.value(e.pairs[i].value); err != nil {
			return err
		}
		if len(e.b) > maxSize {
			return errTooLarge
		}
	}
	closeTable(e.b, at)
	clear(e.pairs[first:])
	e.pairs = e.pairs[:first]
	e.path = e.path[:len(e.path)-1]
	return nil
}

// compareKeys orders keys as their bytes are ordered; those of other types are
// refused later.
func compareKeys(a, b lua.LValue) int {
	switch x := a.(type) {
	case lua.LString:
		if y, ok := b.(lua.LString); ok {
			return cmp.Compare(x, y)
		}
	case lua.LNumber:
		if y, ok := b.(lua.LNumber); ok {
			return cmp.Compare(x, y)
		}
	case lua.LBool:
		if y, ok := b.(lua.LBool); ok && x != y {
			if x {
				return 1
			}
			return -1
		}
	}
	return cmp.Compare(typeRank(a), typeRank(b))
}

func typeRank(v lua.LValue) int {
	switch v.(type) {
	case lua.LBool:
		return 0
	case lua.LNumber:
		return 1
	case lua.LString:
		return 2
	}
	return 3
}

// decode returns the value that encode wrote.
func decode(l *lua.LState, b []byte) (lua.LValue, error) {
	b, err := content(b)
	if err != nil {
		return lua.LNil, err
	}
	return decodeInner(l, b)
}

// decodeInner returns the value that encodeInner wrote.
func decodeInner(l *lua.LState, b []byte) (lua.LValue, error) {
	if b == nil {
		return lua.LNil, nil
	}
	t, rest, err := next(b)
	if err == nil && len(rest) > 0 {
		err = errCorrupt
	}
	if err != nil {
		return lua.LNil, err
	}
	return luaValue(l, t, 0)
}

// luaValue makes a value of Lua.
func luaValue(l *lua.LState, t token, depth int) (lua.LValue, error) {
	switch t.tag {
	case tagFalse:
		return lua.LFalse, nil
	case tagTrue:
		return lua.LTrue, nil
	case tagInt, tagFloat:
		return lua.LNumber(t.num), nil
	case tagString:
		return lua.LString(t.text), nil
	}
	if depth == maxDepth {
		return lua.LNil, errTooDeep
	}
	out := l.CreateTable(sizes(t.text))
	var last token
	for rest := t.text; len(rest) > 0; {
		k, v, behind, err := nextPair(rest, last)
		if err != nil {
			return lua.LNil, err
		}
		key, err := luaValue(l, k, depth)
		if err != nil {
			return lua.LNil, err
		}
		value, err := luaValue(l, v, depth+1)
		if err != nil {
			return lua.LNil, err
		}
		if gap := int(k.num) - out.Len(); k.tag == tagInt && gap > 1 && k.num < float64(lua.MaxArrayIndex) {
			universe.Of(l).Meter().Alloc(l, gap*slotSize) // gopher-lua fills it with nil
		}
		out.RawSet(key, value)
		last, rest = k, behind
	}
	return out, nil
}

// sizes returns how many keys of a table are integers, and how many are not.
// What cannot be read is found later.
func sizes(inside []byte) (ints, others int) {
	for rest := inside; len(rest) > 0; {
		k, _, behind, err := nextPair(rest, token{})
		if err != nil {
			break
		}
		if rest = behind; k.tag == tagInt {
			ints++
		} else {
			others++
		}
	}
	return ints, others
}

// fields is room for a few: for 0 gopher-lua makes room for 32.
const fields = 4

// slotSize is what an index of a table takes in memory, in bytes.
const slotSize = 16
