// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"tercet/core/storage"
)

// Values of Lua as bytes. The first byte is the version; no text that native
// modules store begins with it. Behind it stands one value: a tag and what
// belongs to it. Integers are varints, other numbers 8 bytes, strings have
// their length before them, tables the length of their keys and values, so
// that they can be passed over. Keys are sorted (booleans, numbers, strings),
// and each value has one form only: equal values are equal bytes.
const version = 0x01

const (
	tagFalse = iota + 1
	tagTrue
	tagInt
	tagFloat
	tagString
	tagTable
)

const (
	// maxDepth is how deep tables nest, as in Prosody.
	maxDepth = 127
	// maxSize is the longest value in bytes.
	maxSize = storage.MaxValue
	// maxInt is the greatest number up to which all integers are numbers of Lua.
	maxInt = 1 << 53
)

// Errors of the codec.
var (
	errForeign  = errors.New("the store is kept by the server in another format")
	errCorrupt  = errors.New("the stored value cannot be read")
	errTooDeep  = fmt.Errorf("tables nest deeper than %d", maxDepth)
	errTooLarge = fmt.Errorf("a value is longer than %d bytes", maxSize)
)

// token is a value, of a table only its inside.
type token struct {
	tag  byte
	num  float64
	text []byte // of a string; the inside of a table
}

// content returns what is behind the version.
func content(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != version {
		return nil, errForeign
	}
	return b[1:], nil
}

// next reads one value.
func next(b []byte) (t token, rest []byte, err error) {
	if len(b) == 0 {
		return t, nil, errCorrupt
	}
	t.tag, b = b[0], b[1:]
	switch t.tag {
	case tagFalse, tagTrue:
		return t, b, nil
	case tagInt:
		i, n := binary.Varint(b)
		if n <= 0 || i > maxInt || i < -maxInt || n > 1 && b[n-1] == 0 { // 0 at the end: not the shortest form
			return t, nil, errCorrupt
		}
		t.num = float64(i)
		return t, b[n:], nil
	case tagFloat:
		return nextFloat(t, b)
	case tagString:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > maxSize || n > 1 && b[n-1] == 0 || int(size) > len(b)-n {
			return t, nil, errCorrupt
		}
		b = b[n:]
		t.text = b[:size:size]
		return t, b[size:], nil
	case tagTable:
		if len(b) < 4 {
			return t, nil, errCorrupt
		}
		size := binary.BigEndian.Uint32(b)
		if b = b[4:]; uint64(size) > uint64(len(b)) {
			return t, nil, errCorrupt
		}
		t.text = b[:size:size]
		return t, b[size:], nil
	}
	return t, nil, errCorrupt
}

func nextFloat(t token, b []byte) (token, []byte, error) {
	if len(b) < 8 {
		return t, nil, errCorrupt
	}
	bits := binary.BigEndian.Uint64(b)
	t.num = math.Float64frombits(bits)
	if isInt(t.num) || math.IsNaN(t.num) && bits != math.Float64bits(math.NaN()) {
		return t, nil, errCorrupt
	}
	return t, b[8:], nil
}

// isInt reports whether a number is written as an integer: -0 is not.
func isInt(f float64) bool {
	return f == math.Trunc(f) && math.Abs(f) <= maxInt && (f != 0 || !math.Signbit(f))
}

// key reports whether a token can be a key.
func (t token) key() bool {
	return t.tag != tagTable && (t.tag != tagFloat || !math.IsNaN(t.num) && t.num != 0)
}

// rank orders the types of keys.
func (t token) rank() int {
	switch t.tag {
	case tagFalse, tagTrue:
		return int(t.tag)
	case tagInt, tagFloat:
		return tagInt
	}
	return tagString
}

// compare orders keys.
func (t token) compare(o token) int {
	return cmp.Or(cmp.Compare(t.rank(), o.rank()), cmp.Compare(t.num, o.num), bytes.Compare(t.text, o.text))
}

// pair is a key of a table and its value, both as bytes; a nil value says that
// the key is to go.
type pair struct{ key, value []byte }

// nextPair reads a key and its value. The key must be behind last, if that is
// not zero.
func nextPair(b []byte, last token) (k, v token, rest []byte, err error) {
	k, b, err = next(b)
	if err == nil && (!k.key() || last.tag != 0 && last.compare(k) >= 0) {
		err = errCorrupt
	}
	if err != nil {
		return k, v, nil, err
	}
	v, rest, err = next(b)
	return k, v, rest, err
}

// find returns the value under a key of a table, nil if there is none.
func find(value, key []byte) ([]byte, error) {
	inside, err := inside(value)
	if err != nil {
		return nil, err
	}
	want, _, err := next(key)
	if err != nil {
		return nil, err
	}
	var k token
	for rest := inside; len(rest) > 0; {
		before := rest
		if k, _, rest, err = nextPair(rest, k); err != nil {
			return nil, err
		}
		switch c := k.compare(want); {
		case c > 0:
			return nil, nil
		case c == 0:
			return before[len(key) : len(before)-len(rest)], nil
		}
	}
	return nil, nil
}

// inside returns the keys and values of a stored table.
func inside(value []byte) ([]byte, error) {
	b, err := content(value)
	if err != nil {
		return nil, err
	}
	t, rest, err := next(b)
	if err != nil {
		return nil, err
	}
	if t.tag != tagTable || len(rest) > 0 {
		return nil, errCorrupt
	}
	return t.text, nil
}

// merge returns the table with changes, which are in the order of their keys;
// nil if nothing is left. A nil value stands for the empty table.
func merge(value []byte, changes []pair) ([]byte, error) {
	var rest []byte
	size := 0
	if value != nil {
		var err error
		if rest, err = inside(value); err != nil {
			return nil, err
		}
	}
	for _, c := range changes {
		size += len(c.key) + len(c.value)
	}
	out := make([]byte, headSize, headSize+len(rest)+size)
	var k token
	for len(rest) > 0 {
		before := rest
		var err error
		if k, _, rest, err = nextPair(rest, k); err != nil {
			return nil, err
		}
		gone := false
		for len(changes) > 0 && !gone {
			key, _, err := next(changes[0].key)
			if err != nil {
				return nil, err
			}
			c := key.compare(k)
			if c > 0 {
				break
			}
			gone = c == 0
			out = changes[0].appendTo(out)
			changes = changes[1:]
		}
		if !gone {
			out = append(out, before[:len(before)-len(rest)]...)
		}
	}
	for _, c := range changes {
		out = c.appendTo(out)
	}
	return seal(out)
}

func (p pair) appendTo(b []byte) []byte {
	if p.value == nil {
		return b
	}
	return append(append(b, p.key...), p.value...)
}

// headSize is what stands before the inside of a stored table.
const headSize = 1 + 1 + 4

// seal writes what belongs before the inside of a table, for which there is
// room; nil for an empty one, which Prosody does not store either.
func seal(b []byte) ([]byte, error) {
	switch {
	case len(b) == headSize:
		return nil, nil
	case len(b) > maxSize:
		return nil, errTooLarge
	}
	b[0], b[1] = version, tagTable
	binary.BigEndian.PutUint32(b[2:], uint32(len(b)-headSize)) //nolint:gosec // not longer than maxSize
	return b, nil
}

func appendNumber(b []byte, f float64) []byte {
	if isInt(f) {
		return binary.AppendVarint(append(b, tagInt), int64(f))
	}
	if math.IsNaN(f) {
		f = math.NaN()
	}
	return binary.BigEndian.AppendUint64(append(b, tagFloat), math.Float64bits(f))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, tagTrue)
	}
	return append(b, tagFalse)
}

func appendString[S string | []byte](b []byte, s S) []byte {
	b = binary.AppendUvarint(append(b, tagString), uint64(len(s)))
	return append(b, s...)
}

// openTable begins a table; closeTable, with what it returned, ends it.
func openTable(b []byte) ([]byte, int) {
	b = append(b, tagTable, 0, 0, 0, 0)
	return b, len(b)
}

func closeTable(b []byte, at int) {
	binary.BigEndian.PutUint32(b[at-4:], uint32(min(len(b)-at, math.MaxUint32))) //nolint:gosec // too long ones are refused
}
