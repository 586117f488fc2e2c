// SPDX-License-Identifier: Apache-2.0

package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tercet/core/jid"
	"tercet/core/storage"
)

// now is a time with all digits.
var now = time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.FixedZone("", 3600))

func testArchive(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	f.finds(a, "romeo", storage.Query{}, "")
	if first, last, err := a.Bounds(f.ctx, "romeo"); first != nil || last != nil || err != nil {
		t.Errorf("Bounds of nothing: %v, %v, %v", first, last, err)
	}
	if n, err := a.Delete(f.ctx, "romeo", storage.Query{}); n != 0 || err != nil {
		t.Errorf("Delete of nothing: %d, %v", n, err)
	}
	before := time.Now().Add(-time.Second)
	body := []byte("one")
	id, commit, err := a.Append("romeo", storage.Entry{ID: "ignored", When: now, With: address("juliet@example.org/balcony"), Body: body})
	f.check(err)
	f.check(commit.Wait(f.ctx))
	second := f.add(a, "romeo", time.Time{}, "", "two")
	third, _, err := a.Append("romeo", storage.Entry{When: now.Add(time.Hour)})
	f.check(err)
	if id == "ignored" || id == "" || second <= id || third <= second {
		t.Errorf("ids %q, %q, %q do not grow", id, second, third)
	}
	all := collect(f, a.Find(f.ctx, "romeo", storage.Query{}))
	if len(all) != 3 {
		t.Fatalf("found %v, want 3 entries", all)
	}
	e := all[0]
	if e.ID != id || !e.When.Equal(now.Truncate(time.Microsecond)) || e.When.Location() != time.UTC ||
		e.With != address("juliet@example.org/balcony") || string(e.Body) != "one" {
		t.Errorf("first entry is %+v", e)
	}
	if e := all[1]; e.When.Before(before) || e.When.After(time.Now().Add(time.Second)) || !e.With.IsZero() {
		t.Errorf("entry without a time and a JID is %+v", e)
	}
	if e := all[2]; e.Body == nil || len(e.Body) != 0 {
		t.Errorf("entry without a body is %+v", e)
	}
	first, last, err := a.Bounds(f.ctx, "romeo")
	f.check(err)
	if first == nil || last == nil || first.ID != id || last.ID != third || first.Body != nil ||
		!first.When.Equal(all[0].When) || first.With != all[0].With || !last.When.Equal(all[2].When) {
		t.Errorf("Bounds: %+v, %+v", first, last)
	}
	f.finds(a, "juliet", storage.Query{}, "")
}

func testPages(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	const total = 1000
	var texts, ids []string
	for i := range total {
		text := fmt.Sprintf("m%03d", i)
		texts = append(texts, text)
		ids = append(ids, f.add(a, "romeo", now.Add(time.Duration(i)*time.Second), "", text))
		f.add(a, "juliet", now, "", "other")
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != total {
		t.Fatal("ids do not grow")
	}
	f.finds(a, "romeo", storage.Query{}, strings.Join(texts, " "))
	for _, size := range []int{1, 49, 50, 64, 256, 257, 1000, 2000} {
		var forward, backward []string
		for _, reverse := range []bool{false, true} {
			q := storage.Query{Limit: size, Backward: reverse}
			for {
				page := collect(f, a.Find(f.ctx, "romeo", q))
				if len(page) == 0 {
					break
				}
				if len(page) > size || len(forward) > total || len(backward) > total {
					t.Fatalf("a page of %d has %d entries, behind %d and %d", size, len(page), len(forward), len(backward))
				}
				for _, e := range page {
					if reverse {
						backward = append(backward, string(e.Body))
					} else {
						forward = append(forward, string(e.Body))
					}
				}
				if end := page[len(page)-1].ID; reverse {
					q.Before = end
				} else {
					q.After = end
				}
			}
		}
		slices.Reverse(backward)
		if !slices.Equal(forward, texts) || !slices.Equal(backward, texts) {
			t.Errorf("pages of %d: %d entries forward, %d backward", size, len(forward), len(backward))
		}
		if size == 1 {
			total := 0
			for range a.Find(f.ctx, "romeo", storage.Query{}) {
				if total++; total == 70 { // leaving early holds nothing
					break
				}
			}
		}
	}
	f.finds(a, "romeo", storage.Query{After: ids[10], Before: ids[14]}, strings.Join(texts[11:14], " "))
	f.finds(a, "romeo", storage.Query{After: ids[14], Before: ids[10]}, "")
	f.finds(a, "romeo", storage.Query{After: ids[999]}, "")
	f.finds(a, "romeo", storage.Query{Before: ids[0]}, "")
	f.finds(a, "romeo", storage.Query{Limit: 2, Backward: true}, "m999 m998")
	f.finds(a, "romeo", storage.Query{Limit: 2, Backward: true, Before: ids[5], After: ids[3]}, "m004")
}

// testPositions: an id that does not exist is a position, and compares as a string.
func testPositions(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	var ids []string
	for i := range 9 {
		ids = append(ids, f.add(a, "romeo", now, "", fmt.Sprint("m", i)))
		f.add(a, "juliet", now, "", "x")
	}
	n, err := a.Delete(f.ctx, "romeo", storage.Query{IDs: []string{ids[3], ids[4], ids[8]}})
	f.check(err)
	if n != 3 {
		t.Fatalf("deleted %d, want 3", n)
	}
	foreign := f.bodiesIDs(a, "juliet")
	positions := append([]string{
		ids[3], ids[4], ids[8], ids[2] + "0", ids[2][:len(ids[2])-1], "0", "00000000000000000000", "zzzz", "ZZZZ", "~", "\xff", "\x00", " ", "7vvvvvvvvvvvv", "7vvvvvvvvvvvvv",
		"8000000000000", "vvvvvvvvvvvvv", strings.ToUpper(ids[5]), "9f2c4c1e-5b1e-4a44-8a4e-1b1e4a448a4e",
	}, foreign...)
	all := collect(f, a.Find(f.ctx, "romeo", storage.Query{}))
	for _, p := range positions {
		var after, before []string
		for _, e := range all {
			if e.ID > p {
				after = append(after, string(e.Body))
			}
			if e.ID < p {
				before = append(before, string(e.Body))
			}
		}
		f.finds(a, "romeo", storage.Query{After: p}, strings.Join(after, " "))
		f.finds(a, "romeo", storage.Query{Before: p}, strings.Join(before, " "))
	}
	if id := f.add(a, "romeo", now, "", "new"); id <= ids[8] {
		t.Errorf("id %s is not greater than %s, which was deleted", id, ids[8])
	}
	f.finds(a, "romeo", storage.Query{After: ids[8]}, "new")
}

// bodiesIDs returns the ids of all entries.
func (f *fixture) bodiesIDs(a storage.Archive, owner string) (ids []string) {
	for _, e := range collect(f, a.Find(f.ctx, owner, storage.Query{})) {
		ids = append(ids, e.ID)
	}
	return ids
}

func testIDs(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	var ids []string
	for i := range 400 {
		ids = append(ids, f.add(a, "romeo", now.Add(time.Duration(i)*time.Second), fmt.Sprintf("u%d@example.org", i%2), fmt.Sprint("m", i)))
	}
	foreign := f.add(a, "juliet", now, "", "x")
	f.finds(a, "romeo", storage.Query{IDs: []string{ids[3], ids[1], ids[3], ids[2]}}, "m1 m2 m3")
	f.finds(a, "romeo", storage.Query{IDs: []string{ids[3], ids[1], ids[2]}, Backward: true, Limit: 2}, "m3 m2")
	f.finds(a, "romeo", storage.Query{IDs: []string{ids[3], ids[1], ids[2]}, Limit: 1}, "m1")
	f.finds(a, "romeo", storage.Query{IDs: []string{ids[3], ids[1], ids[2]}, With: address("u1@example.org")}, "m1 m3")
	f.finds(a, "romeo", storage.Query{IDs: ids[5:9], After: ids[5], Before: ids[8]}, "m6 m7")
	f.finds(a, "romeo", storage.Query{IDs: ids[5:9], Start: now.Add(7 * time.Second)}, "m7 m8")
	f.finds(a, "romeo", storage.Query{IDs: []string{}}, "")
	f.finds(a, "romeo", storage.Query{Known: []string{ids[9], ids[1]}, Limit: 2}, "m0 m1")
	f.finds(a, "romeo", storage.Query{Known: ids[4:5], After: ids[4], Before: ids[7]}, "m5 m6")
	f.finds(a, "romeo", storage.Query{After: storage.Ahead(ids[4]), Before: storage.Behind(ids[6])}, "m4 m5 m6")
	f.finds(a, "romeo", storage.Query{After: storage.Ahead(ids[4]), Limit: 1}, "m4")
	f.finds(a, "romeo", storage.Query{Before: storage.Behind(ids[4]), Limit: 1, Backward: true}, "m4")
	if got := len(strings.Fields(f.bodies(a, "romeo", storage.Query{IDs: ids}))); got != len(ids) {
		t.Errorf("%d of %d ids found", got, len(ids))
	}
	upper := strings.ToUpper(ids[1])
	for _, missing := range []string{"", "x", foreign, upper, ids[1] + " ", " " + ids[1], ids[1][1:], "0" + ids[1], "7vvvvvvvvvvvv"} {
		if missing == ids[1] {
			continue
		}
		for _, q := range []storage.Query{{IDs: []string{ids[0], missing, ids[2]}}, {Known: []string{ids[0], missing}}} {
			n, err := failure(a.Find(f.ctx, "romeo", q))
			wantIs(t, fmt.Sprintf("Find with id %q", missing), err, storage.ErrNotFound)
			if n != 0 {
				t.Errorf("Find with id %q: %d entries before the error", missing, n)
			}
			_, err = a.Count(f.ctx, "romeo", q)
			wantIs(t, fmt.Sprintf("Count with id %q", missing), err, storage.ErrNotFound)
		}
	}
	_, err := failure(a.Find(f.ctx, "nobody", storage.Query{IDs: ids[:1]}))
	wantIs(t, "Find of an id in an empty archive", err, storage.ErrNotFound)
}

func testWith(_ *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	for i, with := range []string{
		"juliet@example.org/balcony", "juliet@example.org", "juliet@example.org/chamber", "nurse@example.org/balcony", "example.org", "example.org/balcony", "", "juliet@example.com/balcony",
	} {
		f.add(a, "romeo", now, with, fmt.Sprint("m", i))
	}
	for with, want := range map[string]string{
		"juliet@example.org":         "m0 m1 m2",
		"juliet@example.org/balcony": "m0",
		"juliet@example.org/garden":  "",
		"nurse@example.org":          "m3",
		"example.org":                "m4 m5",
		"example.org/balcony":        "m5",
		"tybalt@example.org":         "",
		"":                           "m0 m1 m2 m3 m4 m5 m6 m7",
	} {
		f.finds(a, "romeo", storage.Query{With: address(with)}, want)
		words := strings.Fields(want)
		slices.Reverse(words)
		f.finds(a, "romeo", storage.Query{With: address(with), Backward: true}, strings.Join(words, " "))
		if len(words) > 1 {
			f.finds(a, "romeo", storage.Query{With: address(with), Limit: 1}, want[:2])
		}
	}
}

func testTimes(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	at := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
	for i, ms := range []int{0, 1000, 2000, 2000, 1500, 3000, -86_400_000, 4000} { // a clock set back, an import
		f.add(a, "romeo", at(ms), "", fmt.Sprint("m", i))
	}
	for _, tt := range []struct {
		start, end time.Time
		want       string
	}{
		{at(0), time.Time{}, "m0 m1 m2 m3 m4 m5 m7"},
		{at(1000), at(2000), "m1 m2 m3 m4"},
		{at(1001), at(1999), "m4"},
		{at(2000), at(2000), "m2 m3"},
		{at(2000).Add(-999 * time.Nanosecond), at(2000), "m2 m3"},
		{time.Time{}, at(0), "m0 m6"},
		{time.Time{}, at(-1), "m6"},
		{at(2500), at(2400), ""},
		{at(5000), time.Time{}, ""},
		{time.Date(-500, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), "m0 m1 m2 m3 m4 m5 m6 m7"},
	} {
		f.finds(a, "romeo", storage.Query{Start: tt.start, End: tt.end}, tt.want)
	}
	f.add(a, "old", time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), "", "m0")
	f.add(a, "old", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), "", "m1")
	f.add(a, "old", time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), "", "m2")
	f.finds(a, "old", storage.Query{Start: time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)}, "m1 m2")
	f.finds(a, "old", storage.Query{End: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)}, "m0 m2")
	all := collect(f, a.Find(f.ctx, "old", storage.Query{}))
	if y := all[0].When.Year(); y != 1 {
		t.Errorf("year %d, want 1", y)
	}
}

// testSnapshot: an iteration leaves out what comes later, and bears changes.
func testSnapshot(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	var ids []string
	for i := range 600 {
		ids = append(ids, f.add(a, "romeo", now, "", fmt.Sprint("m", i)))
	}
	n := 0
	for e, err := range a.Find(f.ctx, "romeo", storage.Query{}) {
		f.check(err)
		if string(e.Body) == "new" {
			t.Fatal("found what came later")
		}
		f.add(a, "romeo", now, "", "new")
		if n == 300 { // what has been passed may go
			_, err := a.Delete(f.ctx, "romeo", storage.Query{Before: ids[300]})
			f.check(err)
		}
		n++
	}
	if n != 600 {
		t.Errorf("found %d, want 600", n)
	}
	count, err := a.Count(f.ctx, "romeo", storage.Query{})
	f.check(err)
	if count != 900 {
		t.Errorf("count %d, want 900", count)
	}
}

func testLargeBodies(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	for i := range 40 {
		f.add(a, "romeo", now, "", strings.Repeat(string(rune('a'+i%26)), 100_000+i))
	}
	i := 0
	for e, err := range a.Find(f.ctx, "romeo", storage.Query{}) {
		f.check(err)
		if len(e.Body) != 100_000+i || e.Body[0] != byte('a'+i%26) {
			t.Fatalf("entry %d has %d bytes", i, len(e.Body))
		}
		i++
	}
	if i != 40 {
		t.Errorf("found %d, want 40", i)
	}
}

func testArchiveOwners(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	var want []string
	for i := range 600 {
		want = append(want, fmt.Sprintf("user%03d", i))
		f.add(a, want[i], now, "", "x")
	}
	wantEqual(t, "owners", collect(f, a.Owners(f.ctx)), want)
	if _, err := a.Delete(f.ctx, "user000", storage.Query{}); err != nil {
		t.Error(err)
	}
	wantEqual(t, "owners without one", collect(f, a.Owners(f.ctx)), want[1:])
	f.add(a, "user000", now, "", "again")
	f.finds(a, "user000", storage.Query{}, "again")
}

// modelled is an entry as the model has it.
type modelled struct {
	id   string
	when time.Time
	with jid.JID
}

func (m modelled) in(q storage.Query) bool {
	from, to := q.Start.Truncate(time.Microsecond), q.End.Truncate(time.Microsecond)
	return (q.With.IsZero() || m.with == q.With || q.With.IsBare() && m.with.Bare() == q.With) &&
		(q.Start.IsZero() || !m.when.Before(from)) && (q.End.IsZero() || !m.when.After(to)) &&
		(q.After == "" || m.id > q.After) && (q.Before == "" || m.id < q.Before) &&
		(q.IDs == nil || slices.Contains(q.IDs, m.id))
}
