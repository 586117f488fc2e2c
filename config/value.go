// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the Lua type of a value.
type Kind uint8

// The kinds of values. A Function is kept only so that messages can say so.
const (
	Nil Kind = iota
	Bool
	Number
	String
	Table
	Function
)

// String returns the kind as a noun with its article.
func (k Kind) String() string {
	return [...]string{"nothing", "a boolean", "a number", "a string", "a table", "a function"}[k]
}

// Value is one value of the config with the place it was written at. The zero
// Value is Nil.
type Value struct {
	Pos  Pos
	kind Kind
	num  float64
	str  string
	tab  *table
}

type table struct {
	list   []Value
	fields []Pair
}

// Pair is a key of a table that is not part of its list, and the value there.
// A number as key is written in decimal.
type Pair struct {
	Key   string
	Value Value
}

// Of makes a value of a bool, number, string, or of slices, maps and Values of
// such; anything else becomes a Function. Keys of maps are sorted.
func Of(pos Pos, v any) Value {
	if v, ok := v.(Value); ok {
		return v
	}
	out := Value{Pos: pos}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Invalid:
	case reflect.Bool:
		out.kind = Bool
		if rv.Bool() {
			out.num = 1
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		out.kind, out.num = Number, float64(rv.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		out.kind, out.num = Number, float64(rv.Uint())
	case reflect.Float32, reflect.Float64:
		out.kind, out.num = Number, rv.Float()
	case reflect.String:
		out.kind, out.str = String, rv.String()
	case reflect.Slice, reflect.Array:
		out.kind, out.tab = Table, &table{}
		for i := range rv.Len() {
			if item := Of(pos, rv.Index(i).Interface()); !item.IsZero() {
				out.tab.list = append(out.tab.list, item)
			}
		}
	case reflect.Map:
		out.kind, out.tab = Table, &table{}
		for _, k := range rv.MapKeys() {
			out.tab.fields = append(out.tab.fields, Pair{fmt.Sprint(k), Of(pos, rv.MapIndex(k).Interface())})
		}
		slices.SortFunc(out.tab.fields, func(a, b Pair) int { return strings.Compare(a.Key, b.Key) })
	default:
		out.kind = Function
	}
	return out
}

// TableOf makes a table of a list and of further keys, in the order given.
func TableOf(pos Pos, list []Value, fields []Pair) Value {
	return Value{Pos: pos, kind: Table, tab: &table{list, fields}}
}

// Kind returns the Lua type of v.
func (v Value) Kind() Kind { return v.kind }

// IsZero reports whether v is Nil.
func (v Value) IsZero() bool { return v.kind == Nil }

// Bool returns v if it is a boolean, else false.
func (v Value) Bool() bool { return v.kind == Bool && v.num != 0 }

// Number returns v if it is a number, else 0.
func (v Value) Number() float64 {
	if v.kind != Number {
		return 0
	}
	return v.num
}

// Str returns v if it is a string, else "".
func (v Value) Str() string { return v.str }

// List returns the array part of a table; nils in it are skipped.
func (v Value) List() []Value {
	if v.tab == nil {
		return nil
	}
	return v.tab.list
}

// Fields returns the keys of a table that are not in List, in the order in
// which they were set.
func (v Value) Fields() []Pair {
	if v.tab == nil {
		return nil
	}
	return v.tab.fields
}

// Get returns the value at key, one of Fields.
func (v Value) Get(key string) (Value, bool) {
	for _, p := range v.Fields() {
		if p.Key == key {
			return p.Value, true
		}
	}
	return Value{}, false
}

// maxShown is how many bytes of a value a message shows.
const maxShown = 60

// String returns v in Lua's notation, shortened for messages. Whoever prints it
// has to know that it is no secret.
func (v Value) String() string {
	s := string(v.appendLua(nil, maxShown))
	if len(s) <= maxShown {
		return s
	}
	switch v.kind {
	case Table:
		if n := len(v.List()); n > 0 {
			return "a list of " + strconv.Itoa(n)
		}
		return "a table of " + strconv.Itoa(len(v.Fields()))
	case String:
		cut := maxShown - len("...\"")
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		return s[:cut] + "...\""
	default:
		return s
	}
}

func (v Value) appendLua(b []byte, room int) []byte {
	switch v.kind {
	case Nil:
		return append(b, "nil"...)
	case Bool:
		return strconv.AppendBool(b, v.num != 0)
	case Number:
		return append(b, formatNumber(v.num)...)
	case String:
		return appendQuoted(b, v.str, room)
	case Function:
		return append(b, "a function"...)
	case Table:
	}
	if len(v.tab.list)+len(v.tab.fields) == 0 {
		return append(b, "{}"...)
	}
	b = append(b, "{ "...)
	sep := ""
	for _, e := range v.tab.list {
		if b = e.appendLua(append(b, sep...), room); len(b) > room {
			return b
		}
		sep = ", "
	}
	for _, p := range v.tab.fields {
		b = append(append(append(b, sep...), luaKey(p.Key)...), " = "...)
		if b = p.Value.appendLua(b, room); len(b) > room {
			return b
		}
		sep = ", "
	}
	return append(b, " }"...)
}

// appendQuoted writes s as a Lua string of at most about room bytes; control
// characters and bytes that are no UTF-8 are escaped, so that a message stays
// one printable line.
func appendQuoted(b []byte, s string, room int) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == utf8.RuneError || !unicode.IsPrint(r):
			b = append(b, '?')
		default:
			b = utf8.AppendRune(b, r)
		}
		if len(b) > 2*room {
			break
		}
	}
	return append(b, '"')
}

func luaKey(key string) string {
	for i, r := range key {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9' {
			continue
		}
		if _, err := strconv.ParseFloat(key, 64); err == nil {
			return "[" + key + "]"
		}
		return string(append(appendQuoted([]byte{'['}, key, maxShown), ']'))
	}
	return key
}

func formatNumber(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}
