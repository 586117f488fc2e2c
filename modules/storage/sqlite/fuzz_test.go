// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"tercet/core/jid"
	"tercet/core/storage"
	"tercet/modules/storage/memory"
)

// FuzzNames does the same with this driver and with the one in memory, with
// names and ids from strangers, and looks for differences.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "romeo", "' OR 1=1 --", "x'; DROP TABLE entry; --", "%", "a\x00b", "\xff", "7vvvvvvvvvvvv", "\x00"} {
		f.Add(s, "k", s, []byte(s), int64(0))
		f.Add("o", s, "k", []byte("x"), int64(1_700_000_000))
	}
	path := filepath.Join(f.TempDir(), "data", "tercet.sqlite")
	db, err := Open(path, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	model := memory.New()
	f.Fuzz(func(t *testing.T, owner, key, id string, value []byte, seconds int64) {
		e := storage.Entry{When: time.Unix(seconds%1e10, 0), Body: value}
		e.With, _ = jid.Parse(key)
		got, want := exercise(t, db, owner, key, id, e), exercise(t, model, owner, key, id, e)
		if got != want {
			t.Errorf("owner %q, key %q, id %q:\ngot  %+v\nwant %+v", owner, key, id, got, want)
		}
	})
}

// outcome is what can be seen of a driver.
type outcome struct {
	value, pair, other, body string
	refused                  bool
	after, before, with      int
	missing                  bool
}

func exercise(t *testing.T, d storage.Driver, owner, key, id string, e storage.Entry) (o outcome) {
	t.Helper()
	ctx := context.Background()
	kv, _ := d.KeyValue("h", "v")
	m, _ := d.Map("h", "m")
	a, _ := d.Archive("h", "a")
	check := func(err error) {
		t.Helper()
		if errors.Is(err, storage.ErrTooLarge) {
			o.refused = true
		} else if err != nil {
			t.Fatal(err)
		}
	}
	check(kv.Set(ctx, owner, e.Body))
	check(m.Set(ctx, owner, map[string][]byte{key: e.Body, "other": []byte("other")}))
	_, _, err := a.Append(owner, e)
	check(err)
	get := func(v []byte, err error) string {
		check(err)
		return string(bytes.ToValidUTF8(v, []byte("?"))) + map[bool]string{true: " nil"}[v == nil]
	}
	o.value = get(kv.Get(ctx, owner))
	o.pair = get(m.Get(ctx, owner, key))
	o.other = get(m.Get(ctx, owner, "other"))
	for found, err := range a.Find(ctx, owner, storage.Query{Backward: true, Limit: 1}) {
		check(err)
		o.body = found.When.String() + found.With.String() + get(found.Body, nil)
	}
	count := func(q storage.Query) int {
		n, err := a.Count(ctx, owner, q)
		o.missing = o.missing || errors.Is(err, storage.ErrNotFound)
		if !errors.Is(err, storage.ErrNotFound) {
			check(err)
		}
		return n
	}
	// Ids differ between the two, so the position of a stranger's is compared
	// only where it is before or after all of them.
	if id == "" || id > "4" || id < "2" {
		o.after, o.before = count(storage.Query{After: id}), count(storage.Query{Before: id})
	}
	o.with = count(storage.Query{With: e.With, Start: e.When, End: e.When})
	count(storage.Query{IDs: []string{id}})
	check(d.Purge(ctx, "h", owner))
	for range a.Owners(ctx) {
		t.Fatal("an owner is left after the purge")
	}
	return o
}
