// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"math"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// inLua calls fn in a universe.
func inLua(tb testing.TB, fn func(u *universe.Universe, l *lua.LState)) {
	tb.Helper()
	u := universe.New(universe.Options{Limit: -1})
	defer u.Close()
	if err := u.Do(tb.Context(), &universe.Task{Name: "test"}, func(l *lua.LState) { fn(u, l) }); err != nil {
		tb.Fatal(err)
	}
}

// eval returns what an expression is.
func eval(tb testing.TB, u *universe.Universe, l *lua.LState, expression string) lua.LValue {
	tb.Helper()
	fn, err := u.Load(l, "test", []byte("return "+expression), nil)
	if err != nil {
		tb.Fatal(err)
	}
	l.Push(fn)
	l.Call(0, 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

func evalTable(tb testing.TB, u *universe.Universe, l *lua.LState, expression string) *lua.LTable {
	tb.Helper()
	t, ok := eval(tb, u, l, expression).(*lua.LTable)
	if !ok {
		tb.Fatalf("%s is no table", expression)
	}
	return t
}

// same compares values by what is in them.
func same(a, b lua.LValue) bool {
	x, ok := a.(*lua.LTable)
	if !ok {
		if n, ok := a.(lua.LNumber); ok {
			m, ok := b.(lua.LNumber)
			return ok && (math.Float64bits(float64(n)) == math.Float64bits(float64(m)) || math.IsNaN(float64(n)) && math.IsNaN(float64(m)))
		}
		return a == b
	}
	y, ok := b.(*lua.LTable)
	if !ok {
		return false
	}
	equal, n := true, 0
	x.ForEach(func(k, v lua.LValue) {
		n++
		equal = equal && same(v, y.RawGet(k))
	})
	y.ForEach(func(lua.LValue, lua.LValue) { n-- })
	return equal && n == 0
}

func TestRoundTrip(t *testing.T) {
	for _, expression := range []string{
		`{ 1, 2, 3 }`, `{ a = 1, b = "x", c = true, d = false }`, `{ [false] = { version = 3, pending = {} }, ["a@b"] = { groups = { x = true } } }`,
		`{ [true] = 1, [false] = 0, [1] = "one", [-1] = "minus", [0.5] = "half", [""] = "empty" }`,
		`{ 9007199254740992, -9007199254740992, 9007199254740994, 2^63, 0.1, 1/0, -1/0, 0/0, -0, 1e300, 123456789.123456 }`,
		`{ "\0\1\255", "é", ("x"):rep(100000) }`, `{ {}, { {} }, { { { 1 } } } }`, `{ [3] = "c", [5] = "e", [1000000] = "far" }`,
		`setmetatable({ 1 }, { __index = { 2 } })`, `(function () local t = {} for i = 1, 3000 do t["k" .. i], t[i] = i, -i end return t end)()`,
	} {
		inLua(t, func(u *universe.Universe, l *lua.LState) {
			v := evalTable(t, u, l, expression)
			b, err := encode(v)
			if err != nil {
				t.Fatalf("%.60s: %v", expression, err)
			}
			back, err := decode(l, b)
			if err != nil || !same(v, back) {
				t.Errorf("%.60s: comes back as another value (%v)", expression, err)
			}
			again, err := encode(back.(*lua.LTable))
			if err != nil || !bytes.Equal(b, again) {
				t.Errorf("%.60s: has two forms (%v)", expression, err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{`{ print }`, "a function cannot be stored"},
		{`{ [print] = 1 }`, "a key that is a function cannot be stored"},
		{`{ [{}] = 1 }`, "a key that is a table cannot be stored"},
		{`{ x = { coroutine.create(print) } }`, "a thread cannot be stored"},
		{`(function () local t = {} t.a = { b = t } return t end)()`, "holds itself"},
		{`(function () local t = {} for i = 1, 200 do t = { t } end return t end)()`, "nest deeper than 127"},
		{`{ ("x"):rep(9000000), ("y"):rep(9000000) }`, "longer than 16777216 bytes"},
		{`(function () local t = { "0123456789" } for i = 1, 60 do t = { t, t } end return t end)()`, "longer than 16777216 bytes"},
	} {
		inLua(t, func(u *universe.Universe, l *lua.LState) {
			b, err := encode(evalTable(t, u, l, c.expression))
			if b != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.expression, err, c.want)
			}
		})
	}
	inLua(t, func(u *universe.Universe, l *lua.LState) {
		if b, err := encode(evalTable(t, u, l, `(function () local t = {} for i = 1, 126 do t = { t } end return t end)()`)); err != nil {
			t.Error(err)
		} else if _, err := decode(l, b); err != nil {
			t.Error(err)
		}
		if b, err := encode(l.NewTable()); b != nil || err != nil {
			t.Error("an empty table is something", err)
		}
	})
}

func TestForeign(t *testing.T) {
	inLua(t, func(_ *universe.Universe, l *lua.LState) {
		for _, text := range []string{"", `{"a":1}`, "<a/>", "[1]", "\x02"} {
			if _, err := decode(l, []byte(text)); err != errForeign { //nolint:errorlint // as it is
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

// TestMerge makes the same changes to a table in Lua and to its bytes.
func TestMerge(t *testing.T) {
	const before = `{ [false] = 1, [1] = "a", [2] = "b", [4.5] = "c", k = { x = 1 }, m = 2, z = false }`
	for _, c := range []struct{ changes, after string }{
		{`{}`, before},
		{`{ k = 5 }`, `{ [false] = 1, "a", "b", [4.5] = "c", k = 5, m = 2, z = false }`},
		{`{ [false] = R, [true] = 7, a = 1, zz = {} }`, `{ [true] = 7, "a", "b", [4.5] = "c", a = 1, k = { x = 1 }, m = 2, z = false, zz = {} }`},
		{`{ [1] = R, [2] = R, [3] = "n", [4.5] = R, k = R, m = R, z = R, [0] = R, y = R, zz = R }`, `{ [false] = 1, [3] = "n" }`},
		{`{ [false] = R, [1] = R, [2] = R, [4.5] = R, k = R, m = R, z = R }`, `nil`},
	} {
		inLua(t, func(u *universe.Universe, l *lua.LState) {
			l.SetGlobal("R", l.NewTable())
			value, err := encode(evalTable(t, u, l, before))
			if err != nil {
				t.Fatal(err)
			}
			var all []luaPair
			evalTable(t, u, l, c.changes).ForEach(func(k, v lua.LValue) { all = append(all, luaPair{k, v}) })
			got, err := merge(value, changesOf(t, all, l.GetGlobal("R")))
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			if after, ok := eval(t, u, l, c.after).(*lua.LTable); ok {
				if want, err = encode(after); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: got %x, want %x", c.changes, got, want)
			}
		})
	}
	if b, err := merge(nil, []pair{{appendString(nil, "k"), []byte{tagTrue}}, {appendString(nil, "l"), nil}}); err != nil {
		t.Error(err)
	} else if v, err := find(b, appendString(nil, "k")); err != nil || !bytes.Equal(v, []byte{tagTrue}) {
		t.Errorf("%x %v", v, err)
	} else if v, err := find(b, appendString(nil, "l")); err != nil || v != nil {
		t.Errorf("%x %v", v, err)
	}
}

func changesOf(tb testing.TB, all []luaPair, remove lua.LValue) []pair {
	tb.Helper()
	changes, err := changes(all, remove)
	if err != nil {
		tb.Fatal(err)
	}
	return changes
}

// FuzzDecode: what can be read has one form, and the fast ways to one key agree
// with the whole.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{version, tagTable, 0, 0, 0, 4, tagTrue, tagInt, 2, tagFalse})
	f.Add([]byte{version, tagTable, 0, 0, 0, 3, tagInt, 2, tagTrue})
	f.Add([]byte{version, tagTable, 0, 0, 0, 10, tagString, 1, 'a', tagTable, 0, 0, 0, 3, tagTrue, tagTrue})
	f.Add([]byte{version, tagTable, 0, 0, 0, 10, tagFloat, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, tagTrue})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := inside(b); err != nil {
			return
		}
		inLua(t, func(_ *universe.Universe, l *lua.LState) {
			v, err := decode(l, b)
			if err != nil {
				return
			}
			table, ok := v.(*lua.LTable)
			if !ok {
				t.Fatalf("%x is a %s", b, v.Type())
			}
			again, err := encode(table)
			if err != nil || len(b) > headSize && !bytes.Equal(b, again) {
				t.Fatalf("%x became %x (%v)", b, again, err)
			}
			table.ForEach(func(k, v lua.LValue) {
				key, _ := encodeKey(k)
				got, err := find(b, key)
				if err != nil {
					t.Fatal(err)
				}
				if back, err := decodeInner(l, got); err != nil || !same(v, back) {
					t.Fatalf("%x: %v under %x (%v)", b, back, key, err)
				}
			})
		})
	})
}
