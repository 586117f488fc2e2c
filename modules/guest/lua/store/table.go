// SPDX-License-Identifier: Apache-2.0

package store

import "slices"

// table is a table of Lua outside of Lua, for views: keys are strings,
// booleans and float64, values these and tables.
type table map[any]any

// bytes returns the table as encode does: nil if it is empty.
func (t table) bytes() ([]byte, error) {
	b := t.appendTo([]byte{version})
	if len(b) == headSize {
		return nil, nil
	}
	return seal(b)
}

func (t table) appendTo(b []byte) []byte {
	var at int
	b, at = openTable(b)
	keys := make([]pair, 0, len(t))
	for k, v := range t {
		keys = append(keys, pair{appendAny(nil, k), appendAny(nil, v)})
	}
	slices.SortFunc(keys, comparePairs)
	for _, p := range keys {
		b = p.appendTo(b)
	}
	closeTable(b, at)
	return b
}

// comparePairs orders pairs by their keys.
func comparePairs(a, b pair) int {
	x, _, _ := next(a.key) // was written by us
	y, _, _ := next(b.key)
	return x.compare(y)
}

func appendAny(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case float64:
		return appendNumber(b, v)
	case bool:
		return appendBool(b, v)
	case table:
		return v.appendTo(b)
	case rawValue:
		return append(b, v...)
	}
	return appendBool(b, false)
}

// rawValue is a value in a table that is written already.
type rawValue []byte

// readTable reads what table.bytes or encode wrote; nil stands for the empty
// table.
func readTable(b []byte) (table, error) {
	if b == nil {
		return table{}, nil
	}
	in, err := inside(b)
	if err != nil {
		return nil, err
	}
	v, err := readAny(token{tag: tagTable, text: in}, 0)
	t, _ := v.(table)
	return t, err
}

func readAny(t token, depth int) (any, error) {
	switch t.tag {
	case tagFalse, tagTrue:
		return t.tag == tagTrue, nil
	case tagInt, tagFloat:
		return t.num, nil
	case tagString:
		return string(t.text), nil
	}
	if depth == maxDepth {
		return nil, errTooDeep
	}
	out := table{}
	var k, v token
	var err error
	for rest := t.text; len(rest) > 0; {
		if k, v, rest, err = nextPair(rest, k); err != nil {
			return nil, err
		}
		key, err := readAny(k, depth)
		if err != nil {
			return nil, err
		}
		if out[key], err = readAny(v, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}
