// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/storage"
)

// TestKill: what was acknowledged before a kill -9 is there afterwards.
func TestKill(t *testing.T) {
	rounds, most := 5, 1000 // acknowledgements a round
	if os.Getenv("TERCET_SOAK") != "" {
		rounds, most = 50, 4000
	}
	path := place(t)
	all := map[string]map[string]bool{} // owner -> ids
	values := map[string]int{}          // owner -> last number
	total := 0
	for round := range rounds {
		total += killed(t, path, most, all, values)
		db := open(t, path, Options{})
		checkKept(t, db, all, values)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d rounds, %d acknowledgements", rounds, total)
}

// killed runs a child until it is killed, and notes what it acknowledged.
func killed(t *testing.T, path string, most int, all map[string]map[string]bool, values map[string]int) (acknowledged int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childTask+"=kill", childPath+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	after := 1 + rand.IntN(most)
	lines := bufio.NewScanner(out)
	for lines.Scan() { // to the end of the pipe: what was printed was acknowledged
		if acknowledged++; acknowledged == after {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		owner, what, whole := strings.Cut(rest, " ")
		switch {
		case kind == "failed:":
			t.Fatalf("child: %s", rest)
		case !whole || !strings.HasSuffix(what, "."): // cut off by the kill
		case kind == "entry":
			if all[owner] == nil {
				all[owner] = map[string]bool{}
			}
			all[owner][strings.TrimSuffix(what, ".")] = true
		case kind == "value":
			n, err := strconv.Atoi(strings.TrimSuffix(what, "."))
			if err != nil {
				t.Fatalf("child printed %q", lines.Text())
			}
			values[owner] = n
		default:
			t.Fatalf("child printed %q", lines.Text())
		}
	}
	if err := child.Wait(); err == nil || acknowledged < after {
		t.Fatalf("the child ended by itself after %d of %d acknowledgements: %v", acknowledged, after, err)
	}
	return acknowledged
}

func checkKept(t *testing.T, db *DB, all map[string]map[string]bool, values map[string]int) {
	t.Helper()
	ctx := t.Context()
	a, _ := db.Archive("h", "a")
	kv, _ := db.KeyValue("h", "v")
	m, _ := db.Map("h", "m")
	for owner, ids := range all {
		found := 0
		for _, err := range a.Find(ctx, owner, storage.Query{IDs: slices.Collect(maps.Keys(ids))}) {
			if err != nil {
				t.Fatalf("acknowledged entries of %s: %v", owner, err)
			}
			found++
		}
		if found != len(ids) {
			t.Errorf("%s has %d of %d acknowledged entries", owner, found, len(ids))
		}
		n := 0
		for range a.Find(ctx, owner, storage.Query{}) {
			n++
		}
		count(t, a, owner, n)
	}
	for owner, want := range values {
		var got, pair int
		v, err := kv.Get(ctx, owner)
		if err == nil {
			_, err = fmt.Sscan(string(v), &got)
		}
		p, perr := m.Get(ctx, owner, "k")
		if perr == nil {
			_, perr = fmt.Sscan(string(p), &pair)
		}
		if err != nil || perr != nil || got < want || pair < want {
			t.Errorf("%s has value %d and pair %d, acknowledged was %d (%v, %v)", owner, got, pair, want, err, perr)
		}
	}
}

// killChild appends, prints what is acknowledged, and is killed.
func killChild(path string) {
	db, err := Open(path, Options{})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	a, _ := db.Archive("h", "a")
	kv, _ := db.KeyValue("h", "v")
	m, _ := db.Map("h", "m")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			start := int(time.Now().UnixMicro()) // greater than any number before
			owner := fmt.Sprint("owner", w)
			for i := 0; ctx.Err() == nil; i++ {
				id, c, err := a.Append(owner, storage.Entry{Body: make([]byte, 300)})
				if err == nil {
					err = c.Wait(ctx)
				}
				if err == nil {
					fmt.Printf("entry %s %s.\n", owner, id)
				}
				if err == nil && i%10 == 9 {
					n := start + i
					err = kv.Set(ctx, owner, fmt.Append(nil, n))
					if err == nil {
						err = m.Set(ctx, owner, map[string][]byte{"k": fmt.Append(nil, n)})
					}
					if err == nil {
						fmt.Printf("value %s %d.\n", owner, n)
					}
				}
				if err == nil && i%200 == 199 {
					_, err = a.Delete(ctx, owner+"x", storage.Query{}) // others come and go
				}
				if err == nil && i%3 == 0 {
					_, _, err = a.Append(owner+"x", storage.Entry{})
				}
				if err != nil {
					fmt.Println("failed:", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestIDsNeverAgain: no id comes twice, whatever is deleted and however the clock
// and the server go.
func TestIDsNeverAgain(t *testing.T) {
	path := place(t)
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := Options{now: func() time.Time { return clock }}
	seen, last := map[string]bool{}, ""
	add := func(db *DB) string {
		a, _ := db.Archive("h", "a")
		id, c, err := a.Append("o", storage.Entry{})
		if err != nil || c.Wait(t.Context()) != nil || seen[id] || id <= last {
			t.Fatalf("id %s after %s, again %v: %v, %v", id, last, seen[id], err, c.Err())
		}
		seen[id], last = true, id
		return id
	}
	for round := range 6 {
		db := open(t, path, o)
		a, _ := db.Archive("h", "a")
		add(db)
		clock = clock.Add(-time.Hour) // set back
		add(db)
		add(db)
		var err error
		switch round % 3 {
		case 0:
			_, err = a.Delete(t.Context(), "o", storage.Query{})
		case 1:
			_, err = a.Expire(t.Context(), clock.AddDate(1, 0, 0))
		case 2:
			err = db.Purge(t.Context(), "h", "o")
		}
		if err != nil {
			t.Fatal(err)
		}
		count(t, a, "o", 0)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLostIDs: an id whose commit failed does not come again after a restart, even
// if the clock stands still.
func TestLostIDs(t *testing.T) {
	path := place(t)
	o := Options{now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Warn: mute}
	seen := map[string]bool{}
	for range 3 {
		db := open(t, path, o)
		a, _ := db.Archive("h", "a")
		resume := stall(t, db)
		id, c, err := a.Append("o", storage.Entry{})
		if err != nil || seen[id] {
			t.Fatalf("id %s, again %v, %v", id, seen[id], err)
		}
		seen[id] = true
		failed := make(chan error, 1)
		go func() {
			failed <- db.writer.do(context.Background(), 0, func(context.Context, *tx) error { return errors.New("a fault") })
		}()
		waitQueued(db, 2)
		resume()
		if <-failed == nil || c.Wait(t.Context()) == nil {
			t.Fatal("the transaction did not fail")
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDisorder compares filters by time with a plain loop, for archives whose ids
// are far apart, so that the range is narrowed, and whose times do not grow.
func TestDisorder(t *testing.T) {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	db := open(t, place(t), Options{now: func() time.Time { return clock }})
	a, _ := db.Archive("h", "a")
	seconds := func(most int) time.Duration { return time.Duration(rand.IntN(most)) * time.Second }
	for name, when := range map[string]func(i int) time.Time{
		"native":         func(int) time.Time { return clock },
		"a bit late":     func(int) time.Time { return clock.Add(-seconds(30)) },
		"set back":       func(i int) time.Time { return clock.Add(-time.Duration(i/100%2) * time.Hour) },
		"old":            func(i int) time.Time { return clock.AddDate(-3, 0, 0).Add(time.Duration(i) * time.Hour) },
		"old, shuffled":  func(int) time.Time { return clock.AddDate(-3, 0, 0).Add(seconds(1e7)) },
		"one far ahead":  func(i int) time.Time { return clock.AddDate(map[bool]int{true: 50}[i == 100], 0, 0) },
		"all in no time": func(int) time.Time { return clock.Truncate(time.Hour) },
	} {
		var times []time.Time
		for i := range 300 {
			clock = clock.Add(seconds(100) + time.Microsecond)
			times = append(times, when(i))
			if _, _, err := a.Append(name, storage.Entry{When: times[i], Body: fmt.Append(nil, i)}); err != nil {
				t.Fatal(err)
			}
		}
		for range 60 {
			q := storage.Query{
				Start: times[rand.IntN(300)].Add(time.Duration(rand.IntN(3)-1) * time.Microsecond),
				End:   times[rand.IntN(300)].Add(time.Duration(rand.IntN(3)-1) * time.Microsecond),
			}
			switch rand.IntN(3) {
			case 0:
				q.Start = time.Time{}
			case 1:
				q.End = time.Time{}
			}
			var got, want []string
			for e, err := range a.Find(t.Context(), name, q) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(e.Body))
			}
			for i, at := range times {
				if !at.Before(q.Start) && (q.End.IsZero() || !at.After(q.End)) {
					want = append(want, fmt.Sprint(i))
				}
			}
			n, err := a.Count(t.Context(), name, q)
			if !slices.Equal(got, want) || n != len(want) || err != nil {
				t.Errorf("%s, from %v to %v: Count %d (%v), found %v, want %v", name, q.Start, q.End, n, err, got, want)
			}
		}
	}
}

// TestCounts: counts stay right when rows are folded, forgotten and loaded again.
func TestCounts(t *testing.T) {
	path := place(t)
	db := open(t, path, Options{})
	want := map[string]int{}
	for round := range 4 {
		a, _ := db.Archive("h", "a")
		for i := range 1000 {
			owner := fmt.Sprint("owner", i%3)
			if i%3 == 2 && i%2 == 0 {
				owner = fmt.Sprint("few", i)
			}
			when := time.Now()
			if i%100 == 0 {
				when = when.Add(-time.Duration(i) * time.Second)
			}
			if _, _, err := a.Append(owner, storage.Entry{When: when}); err != nil {
				t.Fatal(err)
			}
			want[owner]++
		}
		n, err := a.Delete(t.Context(), "owner1", storage.Query{Limit: 100})
		if err != nil || n != 100 {
			t.Fatal(n, err)
		}
		want["owner1"] -= 100
		for owner, n := range want {
			count(t, a, owner, n)
		}
		err = db.writer.do(t.Context(), 0, func(_ context.Context, tx *tx) error { clear(tx.archives); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if round%2 == 1 {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(t, path, Options{})
		}
	}
}

// TestTrim: the rows kept in memory are bounded.
func TestTrim(t *testing.T) {
	x := newTx(nil)
	for i := range maxArchives {
		x.archives[archiveName{nil, fmt.Sprint(i)}] = &archiveRow{}
	}
	x.trim()
	if n := len(x.archives); n != maxArchives/2 {
		t.Errorf("%d rows are kept, want %d", n, maxArchives/2)
	}
}
