// SPDX-License-Identifier: Apache-2.0

package storagetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tercet/core/storage"
)

// testModel compares archives with a slice, over random entries and queries.
func testModel(t *testing.T, f *fixture) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	queries, deletions := 50, 10
	if os.Getenv("TERCET_SOAK") != "" {
		queries, deletions = 500, 50
	}
	a := f.archive("example.org", "archive")
	for owner, when := range map[string]func(i int) time.Time{
		"native":   func(int) time.Time { return time.Now() },
		"jitter":   func(int) time.Time { return time.Now().Add(-time.Duration(r.IntN(3000)) * time.Microsecond) },
		"imported": func(i int) time.Time { return now.Add(time.Duration(i) * time.Minute) },
		"shuffled": func(int) time.Time { return now.Add(time.Duration(r.IntN(1e6)) * time.Second) },
		"set back": func(i int) time.Time {
			if i > 200 {
				return time.Now().Add(-time.Hour)
			}
			return time.Now()
		},
	} {
		var list []modelled
		for i := range 400 {
			m := modelled{when: when(i).Truncate(time.Microsecond), with: address(peers[r.IntN(len(peers))])}
			var err error
			m.id, _, err = a.Append(owner, storage.Entry{When: m.when, With: m.with})
			f.check(err)
			list = append(list, m)
		}
		for range queries {
			compare(t, f, a, owner, list, randomQuery(r, list))
		}
		for range deletions {
			list = compareDelete(t, f, a, owner, list, randomQuery(r, list))
		}
	}
}

var peers = []string{"", "juliet@example.org", "juliet@example.org/balcony", "juliet@example.org/chamber", "nurse@example.org/a", "example.org", "example.org/a"}

// randomQuery makes a query; each of its parts is set about every third time.
func randomQuery(r *rand.Rand, list []modelled) (q storage.Query) {
	some := func() modelled {
		if len(list) == 0 {
			return modelled{id: "1", when: now}
		}
		return list[r.IntN(len(list))]
	}
	near := func() time.Time { return some().when.Add(time.Duration(r.IntN(5)-2) * time.Microsecond) }
	if r.IntN(3) == 0 {
		q.With = address(peers[r.IntN(len(peers))])
	}
	if r.IntN(3) == 0 {
		q.Start = near()
	}
	if r.IntN(3) == 0 {
		q.End = near()
	}
	if r.IntN(4) == 0 {
		q.After = some().id
	}
	if r.IntN(4) == 0 {
		q.Before = some().id
	}
	if r.IntN(6) == 0 && len(list) > 0 {
		for range r.IntN(10) + 1 {
			q.IDs = append(q.IDs, some().id)
		}
	}
	if r.IntN(3) == 0 {
		q.Limit = r.IntN(300) + 1
	}
	q.Backward = r.IntN(2) == 0
	return q
}

// expected is what q finds in the model.
func expected(list []modelled, q storage.Query) (ids []string) {
	for _, m := range list {
		if m.in(q) {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// cut turns ids round and shortens them, as q says.
func cut(ids []string, q storage.Query) []string {
	if ids = slices.Clone(ids); q.Backward {
		slices.Reverse(ids)
	}
	if q.Limit > 0 && len(ids) > q.Limit {
		ids = ids[:q.Limit]
	}
	return ids
}

func compare(t *testing.T, f *fixture, a storage.Archive, owner string, list []modelled, q storage.Query) {
	t.Helper()
	want := expected(list, q)
	var got []string
	for _, e := range collect(f, a.Find(f.ctx, owner, q)) {
		got = append(got, e.ID)
		i, ok := slices.BinarySearchFunc(list, e.ID, func(m modelled, id string) int { return strings.Compare(m.id, id) })
		if !ok || !list[i].when.Equal(e.When) || list[i].with != e.With {
			t.Fatalf("%s: entry %+v is not what was appended", owner, e)
		}
	}
	wantEqual(t, fmt.Sprintf("Find(%s, %s)", owner, show(q)), got, cut(want, q))
	n, err := a.Count(f.ctx, owner, q)
	f.check(err)
	if n != len(want) {
		t.Errorf("Count(%s, %s) = %d, want %d", owner, show(q), n, len(want))
	}
}

func compareDelete(t *testing.T, f *fixture, a storage.Archive, owner string, list []modelled, q storage.Query) []modelled {
	t.Helper()
	doomed := cut(expected(list, q), q)
	n, err := a.Delete(f.ctx, owner, q)
	f.check(err)
	if n != len(doomed) {
		t.Errorf("Delete(%s, %s) = %d, want %d", owner, show(q), n, len(doomed))
	}
	list = slices.DeleteFunc(slices.Clone(list), func(m modelled) bool { return slices.Contains(doomed, m.id) })
	compare(t, f, a, owner, list, storage.Query{})
	return list
}
