// SPDX-License-Identifier: Apache-2.0

package storagetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tercet/core/storage"
)

func testDelete(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	var ids []string
	fill := func() {
		ids = nil
		for i := range 10 {
			ids = append(ids, f.add(a, "romeo", now.Add(time.Duration(i)*time.Second), fmt.Sprintf("u%d@example.org/r", i%2), fmt.Sprint("m", i)))
		}
	}
	f.add(a, "juliet", now, "", "x")
	for _, tt := range []struct {
		name string
		q    func() storage.Query
		want string // what is left
	}{
		{"all", func() storage.Query { return storage.Query{} }, ""},
		{"with", func() storage.Query { return storage.Query{With: address("u1@example.org")} }, "m0 m2 m4 m6 m8"},
		{"times", func() storage.Query {
			return storage.Query{Start: now.Add(2 * time.Second), End: now.Add(7 * time.Second)}
		}, "m0 m1 m8 m9"},
		{"positions", func() storage.Query { return storage.Query{After: ids[2], Before: ids[5]} }, "m0 m1 m2 m5 m6 m7 m8 m9"},
		{"up to one", func() storage.Query { return storage.Query{Before: storage.Behind(ids[6])} }, "m7 m8 m9"},
		{"nothing between", func() storage.Query { return storage.Query{After: ids[4], Before: ids[5]} }, "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9"},
		{"oldest", func() storage.Query { return storage.Query{Limit: 8} }, "m8 m9"},
		{"newest", func() storage.Query { return storage.Query{Limit: 8, Backward: true} }, "m0 m1"},
		{"ids", func() storage.Query { return storage.Query{IDs: []string{ids[9], "none", ids[0], "", ids[9]}} }, "m1 m2 m3 m4 m5 m6 m7 m8"},
		{"no ids", func() storage.Query { return storage.Query{IDs: []string{}} }, "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9"},
	} {
		fill()
		n, err := a.Delete(f.ctx, "romeo", tt.q())
		f.check(err)
		if left := len(strings.Fields(tt.want)); n != 10-left {
			t.Errorf("%s: deleted %d, want %d", tt.name, n, 10-left)
		}
		f.finds(a, "romeo", storage.Query{}, tt.want)
		_, err = a.Delete(f.ctx, "romeo", storage.Query{})
		f.check(err)
		f.finds(a, "romeo", storage.Query{}, "")
	}
	f.finds(a, "juliet", storage.Query{}, "x")

	last := ids[9]
	var many []string
	for range 1000 { // more than a slice, not yet committed
		id := f.add(a, "romeo", now, "", "m")
		if many = append(many, id); id <= last {
			t.Fatalf("id %s after %s", id, last)
		}
	}
	for _, part := range []struct {
		q    storage.Query
		want int
	}{
		{storage.Query{Before: storage.Behind(many[599])}, 600},
		{storage.Query{Before: storage.Behind(many[599])}, 0},
		{storage.Query{IDs: many[590:900]}, 300},
		{storage.Query{}, 100},
	} {
		n, err := a.Delete(f.ctx, "romeo", part.q)
		f.check(err)
		if n != part.want {
			t.Errorf("deleted %d, want %d", n, part.want)
		}
	}
	f.finds(a, "juliet", storage.Query{}, "x")
}

func testExpire(t *testing.T, f *fixture) {
	a, other := f.archive("example.org", "archive"), f.archive("example.org", "other")
	f.add(other, "user000", now.AddDate(-1, 0, 0), "", "x")
	for i := range 300 { // one old entry each: slices hold several owners
		owner := fmt.Sprintf("user%03d", i)
		f.add(a, owner, now.Add(-time.Hour), "", "old")
		f.add(a, owner, now, "", "new")
	}
	for range 600 {
		f.add(a, "busy", now.Add(-time.Microsecond), "", "old")
	}
	f.add(a, "busy", now, "", "new")
	f.add(a, "busy", now.Add(-time.Hour), "", "late") // old, but behind a young one
	f.add(a, "busy", now.Add(time.Hour), "", "newer")
	f.add(a, "kept", now.Add(-time.Hour), "", "old")
	f.add(a, "gone", now.Add(-time.Hour), "", "old")
	asked := map[string]bool{}
	n, err := a.Expire(f.ctx, now, func(owner string) bool {
		asked[owner] = true
		return owner == "kept"
	}, nil)
	f.check(err)
	if n != 300+601+1 {
		t.Errorf("expired %d, want %d", n, 300+601+1)
	}
	f.finds(a, "user000", storage.Query{}, "new")
	f.finds(a, "user299", storage.Query{}, "new")
	f.finds(a, "busy", storage.Query{}, "new newer")
	f.finds(a, "kept", storage.Query{}, "old")
	f.finds(a, "gone", storage.Query{}, "")
	f.finds(other, "user000", storage.Query{}, "x")
	if !asked["kept"] {
		t.Error("nobody was asked whether to keep it")
	}
	n, err = a.Expire(f.ctx, now)
	f.check(err)
	if n != 1 {
		t.Errorf("expired %d without a keep function, want 1", n)
	}
	if n, err = a.Expire(f.ctx, now); n != 0 || err != nil {
		t.Errorf("expired %d, %v, want nothing", n, err)
	}
}

func testPurge(t *testing.T, f *fixture) {
	fill := func(host, owner string) {
		f.check(f.kv(host, "v").Set(f.ctx, owner, []byte("x")))
		f.check(f.kv(host, "w").Set(f.ctx, owner, []byte("x")))
		changes := map[string][]byte{}
		for i := range 300 {
			changes[fmt.Sprint(i)] = []byte("x")
		}
		f.check(f.pairs(host, "m").Set(f.ctx, owner, changes))
		for range 300 {
			f.add(f.archive(host, "a"), owner, now, "", "x")
		}
		f.add(f.archive(host, "fresh"), owner, now, "", "x")
	}
	left := func(host, owner string) (n int) {
		for _, store := range []string{"v", "w"} {
			v, err := f.kv(host, store).Get(f.ctx, owner)
			f.check(err)
			n += len(v)
		}
		n += len(collect(f, f.pairs(host, "m").All(f.ctx, owner)))
		for _, store := range []string{"a", "fresh"} {
			count, err := f.archive(host, store).Count(f.ctx, owner, storage.Query{})
			f.check(err)
			n += count
		}
		return n
	}
	f.check(f.Purge(f.ctx, "a.example", "romeo"))
	for _, host := range []string{"a.example", "b.example"} {
		for _, owner := range []string{"romeo", "juliet", ""} {
			fill(host, owner)
		}
	}
	f.check(f.Purge(f.ctx, "a.example", "romeo"))
	for _, host := range []string{"a.example", "b.example"} {
		for _, owner := range []string{"romeo", "juliet", ""} {
			want := 603
			if host == "a.example" && owner == "romeo" {
				want = 0
			}
			if n := left(host, owner); n != want {
				t.Errorf("%q of %s has %d after the purge, want %d", owner, host, n, want)
			}
		}
	}
	fill("a.example", "romeo")
	if n := left("a.example", "romeo"); n != 603 {
		t.Errorf("%d after a purge and a new beginning, want 603", n)
	}
}

func testStores(t *testing.T, f *fixture) {
	f.kv("a.example", "untouched")
	if infos, err := f.Stores(f.ctx); err != nil || len(infos) > 0 {
		t.Errorf("Stores: %v, %v, want none", infos, err)
	}
	f.check(f.kv("b.example", "x").Set(f.ctx, "o", []byte("x")))
	f.check(f.kv("a.example", "x").Set(f.ctx, "o", []byte("x")))
	f.check(f.pairs("a.example", "x").Set(f.ctx, "o", map[string][]byte{"a": {}, "b": {}}))
	for range 300 {
		f.add(f.archive("a.example", "x"), "o", now, "", "x")
	}
	f.add(f.archive("a.example", "x"), "p", now, "", "x")
	infos, err := f.Stores(f.ctx)
	f.check(err)
	var got []string
	for _, i := range infos {
		if i.Place == "" {
			t.Errorf("%v has no place", i)
		}
		got = append(got, fmt.Sprintf("%s %s %s %d", i.Host, i.Store, i.Kind, i.Rows))
	}
	wantEqual(t, "Stores", got, []string{"a.example x key-value 1", "a.example x map 2", "a.example x archive 301", "b.example x key-value 1"})
}
