// SPDX-License-Identifier: Apache-2.0

package storagetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/storage"
)

// testCommit: what Append promises comes true, by each way to learn it.
func testCommit(t *testing.T, f *fixture) {
	a := f.archive("example.org", "archive")
	var order []int
	done := make(chan struct{})
	for i := range 100 {
		_, c, err := a.Append("romeo", storage.Entry{When: now})
		f.check(err)
		c.Then(func(err error) {
			if order = append(order, i); err != nil {
				t.Errorf("commit %d: %v", i, err)
			}
			if len(order) == 100 {
				close(done)
			}
		})
		if i%10 == 0 {
			f.check(c.Wait(f.ctx))
			if !c.Done() || c.Err() != nil {
				t.Errorf("commit %d: done %v, %v after Wait", i, c.Done(), c.Err())
			}
		}
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("not all functions were called")
	}
	_, c, err := a.Append("romeo", storage.Entry{When: now})
	f.check(err)
	f.check(c.Wait(f.ctx))
	called := false
	c.Then(func(error) { called = true }) // at once
	if !called {
		t.Error("a function for a commit that is done was not called")
	}
	var wg sync.WaitGroup
	wg.Add(1)
	_, c, err = a.Append("romeo", storage.Entry{When: now})
	f.check(err)
	c.Then(func(error) { // may wait for another commit
		defer wg.Done()
		if err := f.kv("example.org", "v").Set(f.ctx, "romeo", []byte("x")); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
}

// testHammer: writers, readers and deletions of all kinds at once. Each reader
// sees a prefix of what each writer wrote, and pages miss nothing.
func testHammer(t *testing.T, f *fixture) {
	const writers, each = 8, 150
	a, kv, m := f.archive("h", "a"), f.kv("h", "v"), f.pairs("h", "m")
	ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
	defer cancel()
	var writing, reading sync.WaitGroup
	var over atomic.Bool
	for w := range writers {
		writing.Go(func() {
			owner, last := fmt.Sprint("owner", w%2), ""
			for i := range each {
				id, c, err := a.Append(owner, storage.Entry{When: time.Now(), Body: fmt.Appendf(nil, "%d %d", w, i)})
				if err == nil && id <= last {
					err = fmt.Errorf("id %s after %s", id, last)
				}
				last = id
				if err == nil && i%10 == 0 {
					err = c.Wait(ctx)
				}
				if err == nil && i%5 == 0 {
					err = m.Set(ctx, owner, map[string][]byte{fmt.Sprint(w): fmt.Append(nil, i), fmt.Sprint(w, "too"): fmt.Append(nil, i)})
				}
				if err == nil && i%7 == 0 {
					err = kv.Set(ctx, fmt.Sprint(w), fmt.Append(nil, i))
				}
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	for r := range 4 {
		reading.Go(func() {
			p := pager{a: a, owner: fmt.Sprint("owner", r%2), next: map[int]int{}}
			for {
				last := over.Load()
				err := p.turn(ctx)
				if err == nil {
					err = checkPairs(ctx, m, p.owner)
				}
				if err != nil {
					t.Errorf("reader %d: %v", r, err)
					return
				}
				if last {
					break
				}
			}
			for w, n := range p.next {
				if n != each {
					t.Errorf("reader %d saw %d entries of writer %d, want %d", r, n, w, each)
				}
			}
		})
	}
	writing.Wait()
	over.Store(true)
	reading.Wait()
	for _, owner := range []string{"owner0", "owner1"} {
		n, err := a.Count(ctx, owner, storage.Query{})
		f.check(err)
		if n != writers/2*each {
			t.Errorf("%d entries of %s, want %d", n, owner, writers/2*each)
		}
	}
}

// pager follows an archive to its end, like a client that pages.
type pager struct {
	a     storage.Archive
	owner string
	after string
	next  map[int]int // the number that comes next, by writer
}

func (p *pager) turn(ctx context.Context) error {
	for {
		n := 0
		for e, err := range p.a.Find(ctx, p.owner, storage.Query{After: p.after, Limit: 20}) {
			if err != nil {
				return err
			}
			var w, i int
			if _, err := fmt.Sscan(string(e.Body), &w, &i); err != nil {
				return err
			}
			if p.next[w] != i {
				return fmt.Errorf("entry %d of writer %d, want %d: pages missed or doubled some", i, w, p.next[w])
			}
			p.next[w], p.after, n = i+1, e.ID, n+1
		}
		if n == 0 {
			return nil
		}
	}
}

// checkPairs: both keys of a change are seen, or none.
func checkPairs(ctx context.Context, m storage.Map, owner string) error {
	values := map[string]string{}
	for p, err := range m.All(ctx, owner) {
		if err != nil {
			return err
		}
		values[p.Key] = string(p.Value)
	}
	for key, value := range values {
		if other, ok := values[key+"too"]; len(key) == 1 && (!ok || other != value) {
			return fmt.Errorf("%s has half of a change: %v", owner, values)
		}
	}
	return nil
}

// testHammerDelete: deletions and additions at once; in the end the count is right.
func testHammerDelete(t *testing.T, f *fixture) {
	a := f.archive("h", "a")
	var wg sync.WaitGroup
	var added, removed atomic.Int64
	for w := range 4 {
		wg.Go(func() {
			for i := range 200 {
				if _, _, err := a.Append("o", storage.Entry{When: now.Add(time.Duration(i) * time.Second)}); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				added.Add(1)
				if i%20 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
		wg.Go(func() {
			for i := range 15 {
				n, err := 0, error(nil)
				switch i % 3 {
				case 0:
					n, err = a.Delete(f.ctx, "o", storage.Query{Limit: 10, Backward: w%2 == 0})
				case 1:
					n, err = a.Expire(f.ctx, now.Add(time.Duration(i*4)*time.Second))
				case 2:
					n, err = a.Delete(f.ctx, "o", storage.Query{})
				}
				if err != nil {
					t.Errorf("remover %d: %v", w, err)
					return
				}
				removed.Add(int64(n))
			}
		})
	}
	wg.Wait()
	n, err := a.Count(f.ctx, "o", storage.Query{})
	f.check(err)
	if all := len(collect(f, a.Find(f.ctx, "o", storage.Query{}))); int64(n) != added.Load()-removed.Load() || n != all {
		t.Errorf("Count %d, found %d; %d were added and %d removed", n, all, added.Load(), removed.Load())
	}
}

// testClose: what was queued is committed or fails, and later calls fail.
func testClose(t *testing.T, f *fixture) {
	a, kv, m := f.archive("h", "a"), f.kv("h", "v"), f.pairs("h", "m")
	var commits []storage.Commit
	for range 1000 {
		_, c, err := a.Append("o", storage.Entry{When: now})
		f.check(err)
		commits = append(commits, c)
	}
	f.check(f.Close())
	if slices.ContainsFunc(commits, func(c storage.Commit) bool { return !c.Done() || c.Err() != nil }) {
		t.Error("Close did not wait for the commits")
	}
	_, _, err := a.Append("o", storage.Entry{})
	wantIs(t, "Append", err, storage.ErrUnavailable)
	wantIs(t, "Set", kv.Set(f.ctx, "o", nil), storage.ErrUnavailable)
	_, err = kv.Get(f.ctx, "o")
	wantIs(t, "Get", err, storage.ErrUnavailable)
	wantIs(t, "Map.Set", m.Set(f.ctx, "o", map[string][]byte{"k": nil}), storage.ErrUnavailable)
	_, err = failure(a.Find(f.ctx, "o", storage.Query{}))
	wantIs(t, "Find", err, storage.ErrUnavailable)
	_, err = f.KeyValue("h", "v")
	wantIs(t, "KeyValue", err, storage.ErrUnavailable)
	f.check(f.Close())
}
