// SPDX-License-Identifier: Apache-2.0

package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tercet/core/storage"
)

func testKeyValue(t *testing.T, f *fixture) {
	kv := f.kv("example.org", "vcard")
	get := func(want string) {
		t.Helper()
		got, err := kv.Get(f.ctx, "romeo")
		f.check(err)
		if fmt.Sprintf("%q %v", got, got == nil) != want {
			t.Errorf("Get: %q, nil %v, want %s", got, got == nil, want)
		}
	}
	get(`"" true`)
	f.check(kv.Set(f.ctx, "romeo", nil)) // nothing to delete
	value := []byte("one")
	f.check(kv.Set(f.ctx, "romeo", value))
	copy(value, "xxx")
	get(`"one" false`)
	got, err := kv.Get(f.ctx, "romeo")
	f.check(err)
	copy(got, "yyy")
	get(`"one" false`)
	f.check(kv.Set(f.ctx, "romeo", []byte("two\x00\xff")))
	get(`"two\x00\xff" false`)
	f.check(kv.Set(f.ctx, "romeo", []byte{}))
	get(`"" false`)
	f.check(kv.Set(f.ctx, "romeo", nil))
	get(`"" true`)

	roster := storage.JSON[map[string]int](kv)
	f.check(roster.Set(f.ctx, "romeo", map[string]int{"juliet": 1}))
	if v, ok, err := roster.Get(f.ctx, "romeo"); err != nil || !ok || v["juliet"] != 1 {
		t.Errorf("JSON Get: %v, %v, %v", v, ok, err)
	}
	f.check(roster.Delete(f.ctx, "romeo"))
	if v, ok, err := roster.Get(f.ctx, "romeo"); err != nil || ok || v != nil {
		t.Errorf("JSON Get after Delete: %v, %v, %v", v, ok, err)
	}
	f.check(kv.Set(f.ctx, "romeo", []byte(`{"juliet": "x"}`)))
	if v, ok, err := roster.Get(f.ctx, "romeo"); err == nil || ok || v != nil {
		t.Errorf("JSON Get of another type: %v, %v, %v", v, ok, err)
	}
}

func testKeyValueOwners(t *testing.T, f *fixture) {
	kv := f.kv("example.org", "vcard")
	wantEqual(t, "no owners", collect(f, kv.Owners(f.ctx)), nil)
	want := []string{"", "A", "a"} // the host itself is an owner
	for i := range 600 {
		want = append(want, fmt.Sprintf("user%03d", i))
	}
	want = append(want, "é", "\U0001F600")
	for _, owner := range slices.Backward(want) {
		f.check(kv.Set(f.ctx, owner, []byte("x")))
	}
	wantEqual(t, "owners", collect(f, kv.Owners(f.ctx)), want)

	n := 0
	for owner, err := range kv.Owners(f.ctx) { // changes while it goes on
		f.check(err)
		f.check(kv.Set(f.ctx, owner, nil))
		n++
	}
	if n != len(want) {
		t.Errorf("%d owners while they were deleted, want %d", n, len(want))
	}
	wantEqual(t, "owners after deletion", collect(f, kv.Owners(f.ctx)), nil)
}

func testMap(t *testing.T, f *fixture) {
	m := f.pairs("example.org", "roster")
	get := func(key, want string) {
		t.Helper()
		got, err := m.Get(f.ctx, "romeo", key)
		f.check(err)
		if fmt.Sprintf("%q %v", got, got == nil) != want {
			t.Errorf("Get %s: %q, nil %v, want %s", key, got, got == nil, want)
		}
	}
	f.check(m.Set(f.ctx, "romeo", nil))
	f.check(m.Set(f.ctx, "romeo", map[string][]byte{"gone": nil}))
	get("a", `"" true`)
	value := []byte("1")
	f.check(m.Set(f.ctx, "romeo", map[string][]byte{"b": []byte("2"), "a": value, "": {}, "B": []byte("3")}))
	value[0] = 'x'
	get("a", `"1" false`)
	get("", `"" false`)
	f.check(m.Set(f.ctx, "romeo", map[string][]byte{"a": []byte("4"), "b": nil, "c": []byte("5"), "none": nil}))
	get("a", `"4" false`)
	get("b", `"" true`)
	var all []string
	for _, p := range collect(f, m.All(f.ctx, "romeo")) {
		if p.Value == nil {
			t.Errorf("value of %q is nil", p.Key)
		}
		all = append(all, p.Key+"="+string(p.Value))
	}
	wantEqual(t, "All", all, []string{"=", "B=3", "a=4", "c=5"})
	if all := collect(f, m.All(f.ctx, "juliet")); len(all) > 0 {
		t.Errorf("another owner has %v", all)
	}
	f.check(m.Clear(f.ctx, "juliet"))
	f.check(m.Clear(f.ctx, "romeo"))
	if all := collect(f, m.All(f.ctx, "romeo")); len(all) > 0 {
		t.Errorf("after Clear there is %v", all)
	}
}

func testMapManyKeys(t *testing.T, f *fixture) {
	m := f.pairs("example.org", "pep")
	changes := map[string][]byte{}
	var want []string
	for i := range 700 {
		key := fmt.Sprintf("key%04d", i)
		want = append(want, key)
		changes[key] = bytes.Repeat([]byte{byte(i)}, i%7*2000) // more than one page in bytes too
	}
	f.check(m.Set(f.ctx, "romeo", changes))
	f.check(m.Set(f.ctx, "romeo2", changes))
	var keys []string
	for _, p := range collect(f, m.All(f.ctx, "romeo")) {
		keys = append(keys, p.Key)
		if !bytes.Equal(p.Value, changes[p.Key]) {
			t.Errorf("value of %s has %d bytes, want %d", p.Key, len(p.Value), len(changes[p.Key]))
		}
	}
	wantEqual(t, "keys", keys, want)
	f.check(m.Clear(f.ctx, "romeo"))
	if n := len(collect(f, m.All(f.ctx, "romeo"))); n != 0 {
		t.Errorf("%d keys after Clear", n)
	}
	if n := len(collect(f, m.All(f.ctx, "romeo2"))); n != 700 {
		t.Errorf("%d keys of the other owner, want 700", n)
	}
}

func testMapFind(t *testing.T, f *fixture) {
	m := f.pairs("example.org", "roster")
	var want []string
	for i := range 600 {
		owner := fmt.Sprintf("user%03d", i)
		changes := map[string][]byte{"other": []byte("o")}
		if i%2 == 0 {
			changes["juliet@example.org"] = []byte(owner)
			want = append(want, owner+"="+owner)
		}
		f.check(m.Set(f.ctx, owner, changes))
	}
	var got []string
	for _, v := range collect(f, m.Find(f.ctx, "juliet@example.org")) {
		got = append(got, v.Owner+"="+string(v.Value))
	}
	wantEqual(t, "Find", got, want)
	if found := collect(f, m.Find(f.ctx, "juliet")); len(found) > 0 {
		t.Errorf("Find of a prefix: %v", found)
	}
	for range m.Find(f.ctx, "other") {
		break // an iteration that is left holds nothing
	}
	f.check(m.Set(f.ctx, "user000", map[string][]byte{"other": nil}))
}

// testSeparation: what differs in host, store, kind or owner is not the same.
func testSeparation(t *testing.T, f *fixture) {
	for _, host := range []string{"a.example", "b.example", ""} {
		for _, store := range []string{"x", "y", ""} {
			for _, owner := range []string{"o", "p", ""} {
				name := host + "/" + store + "/" + owner
				f.check(f.kv(host, store).Set(f.ctx, owner, []byte(name)))
				f.check(f.pairs(host, store).Set(f.ctx, owner, map[string][]byte{"k": []byte(name)}))
				f.add(f.archive(host, store), owner, now, "", name)
			}
		}
	}
	for _, host := range []string{"a.example", "b.example", ""} {
		for _, store := range []string{"x", "y", ""} {
			for _, owner := range []string{"o", "p", ""} {
				name := host + "/" + store + "/" + owner
				v, err := f.kv(host, store).Get(f.ctx, owner)
				f.check(err)
				p, err := f.pairs(host, store).Get(f.ctx, owner, "k")
				f.check(err)
				if string(v) != name || string(p) != name {
					t.Errorf("%s: value %q, pair %q", name, v, p)
				}
				f.finds(f.archive(host, store), owner, storage.Query{}, name)
			}
		}
	}
}

// hostile are names that mean something to somebody, but nothing to a store.
var hostile = []string{
	"", " ", "'", `"`, "';", "' OR '1'='1", `" OR ""="`, "x'; DROP TABLE entry; --", "%", "_", "*", "?", "?1", ":a", "@a", "$a", "NULL", "null", "0", "-1",
	"1e3", "\x00", "a\x00b", "a\x00", "\xff\xfe", "é", "e\u0301", "A", "a", "../../etc/passwd", "\n", "\\", "x" + strings.Repeat("y", 3000), "x'00'", "(select 1)",
}

func testHostileNames(t *testing.T, f *fixture) {
	kv, m, a := f.kv("example.org", "v"), f.pairs("example.org", "m"), f.archive("example.org", "a")
	for i, name := range hostile {
		f.check(kv.Set(f.ctx, name, []byte(fmt.Sprint(i))))
		f.check(m.Set(f.ctx, name, map[string][]byte{name: []byte(fmt.Sprint(i)), "k": []byte(fmt.Sprint(-i))}))
		f.add(a, name, now, "", fmt.Sprint(i))
		f.check(f.kv(name, name).Set(f.ctx, name, []byte(fmt.Sprint(i))))
	}
	for i, name := range hostile {
		want := fmt.Sprint(i)
		for what, kv := range map[string]storage.KeyValue{"owner": kv, "store": f.kv(name, name)} {
			if v, err := kv.Get(f.ctx, name); err != nil || string(v) != want {
				t.Errorf("%s %q: value %q, %v, want %s", what, name, v, err, want)
			}
		}
		if v, err := m.Get(f.ctx, name, name); err != nil || string(v) != want {
			t.Errorf("pair %q: %q, %v, want %s", name, v, err, want)
		}
		if found := collect(f, m.Find(f.ctx, name)); len(found) != 1 || found[0].Owner != name {
			t.Errorf("Find %q: %v", name, found)
		}
		f.finds(a, name, storage.Query{}, want)
		for _, q := range []storage.Query{{After: name}, {Before: name}, {After: name, Before: name}, {IDs: []string{name}}} {
			if _, err := a.Count(f.ctx, name, q); err != nil && !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("Count %s: %v", show(q), err)
			}
		}
		_, err := a.Count(f.ctx, name, storage.Query{IDs: []string{name}})
		wantIs(t, "Count of id "+name, err, storage.ErrNotFound)
	}
	want := slices.Clone(hostile)
	slices.Sort(want)
	wantEqual(t, "owners of values", collect(f, kv.Owners(f.ctx)), want)
	wantEqual(t, "owners of entries", collect(f, a.Owners(f.ctx)), want)
	for _, name := range hostile {
		f.check(f.Purge(f.ctx, "example.org", name))
	}
	wantEqual(t, "owners of values", collect(f, kv.Owners(f.ctx)), nil)
	wantEqual(t, "owners of entries", collect(f, a.Owners(f.ctx)), nil)
}

func testSizes(t *testing.T, f *fixture) {
	kv, m, a := f.kv("h", "v"), f.pairs("h", "m"), f.archive("h", "a")
	name, long := strings.Repeat("x", storage.MaxName), strings.Repeat("x", storage.MaxName+1)
	large := make([]byte, storage.MaxValue+1)
	wantIs(t, "long owner", kv.Set(f.ctx, long, []byte("x")), storage.ErrTooLarge)
	wantIs(t, "large value", kv.Set(f.ctx, "o", large), storage.ErrTooLarge)
	wantIs(t, "long owner of a map", m.Set(f.ctx, long, map[string][]byte{"k": nil}), storage.ErrTooLarge)
	wantIs(t, "long key", m.Set(f.ctx, "o", map[string][]byte{"a": []byte("x"), long: []byte("x")}), storage.ErrTooLarge)
	wantIs(t, "large pair", m.Set(f.ctx, "o", map[string][]byte{"a": []byte("x"), "k": large}), storage.ErrTooLarge)
	_, _, err := a.Append(long, storage.Entry{})
	wantIs(t, "long owner of an archive", err, storage.ErrTooLarge)
	_, _, err = a.Append("o", storage.Entry{Body: large})
	wantIs(t, "large body", err, storage.ErrTooLarge)
	_, err = f.KeyValue(long, "x")
	wantIs(t, "long host", err, storage.ErrTooLarge)
	if all := collect(f, m.All(f.ctx, "o")); len(all) > 0 {
		t.Errorf("a part of what was refused is there: %v", all)
	}

	large = large[:storage.MaxValue]
	large[storage.MaxValue-1] = 1
	f.check(kv.Set(f.ctx, name, large))
	f.check(m.Set(f.ctx, name, map[string][]byte{name: large}))
	f.add(a, name, now, "", string(large))
	v, err := kv.Get(f.ctx, name)
	f.check(err)
	p, err := m.Get(f.ctx, name, name)
	f.check(err)
	if !bytes.Equal(v, large) || !bytes.Equal(p, large) || f.bodies(a, name, storage.Query{}) != string(large) {
		t.Error("the largest value is not what was written")
	}
}

func testCancelled(t *testing.T, f *fixture) {
	kv, m, a := f.kv("h", "v"), f.pairs("h", "m"), f.archive("h", "a")
	f.check(kv.Set(f.ctx, "o", []byte("x")))
	f.add(a, "o", now, "", "x")
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	for what, call := range map[string]func() error{
		"Get":       func() error { _, err := kv.Get(ctx, "o"); return err },
		"Set":       func() error { return kv.Set(ctx, "o", []byte("y")) },
		"Owners":    func() error { _, err := failure(kv.Owners(ctx)); return err },
		"Map.Get":   func() error { _, err := m.Get(ctx, "o", "k"); return err },
		"Map.Set":   func() error { return m.Set(ctx, "o", map[string][]byte{"k": nil}) },
		"Map.All":   func() error { _, err := failure(m.All(ctx, "o")); return err },
		"Map.Find":  func() error { _, err := failure(m.Find(ctx, "k")); return err },
		"Map.Clear": func() error { return m.Clear(ctx, "o") },
		"Find":      func() error { _, err := failure(a.Find(ctx, "o", storage.Query{})); return err },
		"Count":     func() error { _, err := a.Count(ctx, "o", storage.Query{}); return err },
		"Bounds":    func() error { _, _, err := a.Bounds(ctx, "o"); return err },
		"Delete":    func() error { _, err := a.Delete(ctx, "o", storage.Query{}); return err },
		"Expire":    func() error { _, err := a.Expire(ctx, now.AddDate(1, 0, 0)); return err },
		"Archive":   func() error { _, err := failure(a.Owners(ctx)); return err },
		"Purge":     func() error { return f.Purge(ctx, "h", "o") },
		"Stores":    func() error { _, err := f.Stores(ctx); return err },
	} {
		err := call()
		wantIs(t, what, err, storage.ErrUnavailable)
		wantIs(t, what, err, context.Canceled)
	}
	if v, err := kv.Get(f.ctx, "o"); err != nil || string(v) != "x" {
		t.Errorf("value after calls that were cancelled: %q, %v", v, err)
	}
	f.finds(a, "o", storage.Query{}, "x")
}
