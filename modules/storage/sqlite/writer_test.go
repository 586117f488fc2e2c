// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tercet/core/storage"
)

// mute is for tests that provoke warnings.
func mute(string) {}

// count fails unless owner has so many entries, by each way to learn it.
func count(t *testing.T, a storage.Archive, owner string, want int) {
	t.Helper()
	n, err := a.Count(t.Context(), owner, storage.Query{})
	found := 0
	for _, err := range a.Find(t.Context(), owner, storage.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if err != nil || n != want || found != want {
		t.Errorf("%s: Count %d (%v), found %d, want %d", owner, n, err, found, want)
	}
}

// stall keeps the writer busy until the returned function is called. What is
// queued meanwhile may come into its transaction.
func stall(t *testing.T, db *DB) (resume func()) {
	t.Helper()
	began, end := make(chan struct{}), make(chan struct{})
	go func() {
		_ = db.writer.do(context.Background(), 0, func(context.Context, *tx) error {
			close(began)
			<-end
			return nil
		})
	}()
	<-began
	resume = sync.OnceFunc(func() { close(end) })
	t.Cleanup(resume) // before the database is closed
	return resume
}

// waitQueued waits until so many operations wait for the writer, which is stalled:
// they will come into one transaction.
func waitQueued(db *DB, want int) {
	for queued := 0; queued < want; runtime.Gosched() {
		db.writer.mu.Lock()
		queued = len(db.writer.queue[0].ops)
		db.writer.mu.Unlock()
	}
}

// TestQueueFull: what cannot be queued is refused at once, and is not there later.
func TestQueueFull(t *testing.T) {
	db := open(t, place(t), Options{QueueSize: 1 << 20})
	a, _ := db.Archive("h", "a")
	kv, _ := db.KeyValue("h", "v")
	resume := stall(t, db)
	queued, body := 0, make([]byte, 10_000)
	for {
		_, _, err := a.Append("o", storage.Entry{Body: body})
		if errors.Is(err, storage.ErrUnavailable) && strings.Contains(err.Error(), "wait to be written") {
			break
		}
		if err != nil || queued > 200 {
			t.Fatalf("%d are queued; %v", queued, err)
		}
		queued++
	}
	if queued < 90 {
		t.Errorf("%d of 10,000 bytes fill a queue of 1 MiB", queued)
	}
	if err := kv.Set(t.Context(), "o", body); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Set: %v", err)
	}
	resume()
	count(t, a, "o", queued)
	fill(t, db)
	if v, err := kv.Get(t.Context(), "o"); err != nil || string(v) != "value" {
		t.Errorf("value %q, %v", v, err)
	}
	if db.writer.bytes != 0 {
		t.Errorf("%d bytes are left in an empty queue", db.writer.bytes)
	}
	large := make([]byte, storage.MaxValue) // more than the queue, but it waits alone
	if err := kv.Set(t.Context(), "o", large); err != nil {
		t.Errorf("Set of the largest value: %v", err)
	}
}

// TestSlowWrites: who waits for a write leaves at the deadline, and readers go on.
func TestSlowWrites(t *testing.T) {
	db := open(t, place(t), Options{})
	fill(t, db)
	a, _ := db.Archive("h", "a")
	kv, _ := db.KeyValue("h", "v")
	resume := stall(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	value, change := []byte("later"), map[string][]byte{"k": []byte("later")}
	m, _ := db.Map("h", "m")
	err := kv.Set(ctx, "o", value)
	if !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Set: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := m.Set(ctx, "o", change); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Map.Set: %v", err)
	}
	copy(value, "XXXXX") // the caller's again
	copy(change["k"], "XXXXX")
	delete(change, "k")
	if v, err := kv.Get(t.Context(), "o"); err != nil || string(v) != "value" {
		t.Errorf("value %q, %v", v, err)
	}
	if n, err := a.Count(t.Context(), "o", storage.Query{}); err != nil || n != 1 { // nothing of o waits
		t.Errorf("Count %d, %v", n, err)
	}
	if _, _, err := a.Append("o", storage.Entry{}); err != nil {
		t.Errorf("Append: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := a.Count(ctx, "o", storage.Query{}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Count of what is not yet written: %v", err)
	}
	resume()
	count(t, a, "o", 2)
	if v, err := kv.Get(t.Context(), "o"); err != nil || string(v) != "later" {
		t.Errorf("value %q, %v; it was queued", v, err)
	}
	if v, err := m.Get(t.Context(), "o", "k"); err != nil || string(v) != "later" {
		t.Errorf("pair %q, %v; it was queued", v, err)
	}
}

// TestSlowReads: a disk that hangs holds up nobody longer than his deadline.
func TestSlowReads(t *testing.T) {
	db := open(t, place(t), Options{Readers: 2, ReadTimeout: 100 * time.Millisecond})
	fill(t, db)
	kv, _ := db.KeyValue("h", "v")
	end := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 { // two hang in their read, one waits for a connection
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			_, err := read(ctx, db.readers, func(context.Context, *conn) (int, error) {
				<-end
				return 0, nil
			})
			if !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("read: %v", err)
			}
		})
	}
	wg.Wait()
	began := time.Now()
	if _, err := kv.Get(t.Context(), "o"); !errors.Is(err, storage.ErrUnavailable) { // without a deadline
		t.Errorf("Get: %v", err)
	}
	if d := time.Since(began); d < 90*time.Millisecond || d > 5*time.Second {
		t.Errorf("Get gave up after %v, want 100ms", d)
	}
	if err := kv.Set(t.Context(), "o", []byte("x")); err != nil {
		t.Errorf("Set: %v", err)
	}
	close(end)
	if v, err := kv.Get(t.Context(), "o"); err != nil || string(v) != "x" {
		t.Errorf("value %q, %v", v, err)
	}
}

// TestPanics: a fault in a function of others costs its transaction at most.
func TestPanics(t *testing.T) {
	var mu sync.Mutex
	var warnings []string
	db := open(t, place(t), Options{Warn: func(text string) {
		mu.Lock()
		defer mu.Unlock()
		warnings = append(warnings, text)
	}})
	a, _ := db.Archive("h", "a")
	called := make(chan int, 3)
	_, c, err := a.Append("o", storage.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		c.Then(func(error) {
			called <- i
			if i == 1 {
				panic("in a test")
			}
		})
	}
	for i := range 3 {
		if got := <-called; got != i {
			t.Errorf("function %d was called, want %d", got, i)
		}
	}
	if err := db.writer.do(t.Context(), 0, func(context.Context, *tx) error { panic("in a write") }); err == nil || !strings.Contains(err.Error(), "in a write") {
		t.Errorf("write: %v", err)
	}
	_, err = read(t.Context(), db.readers, func(context.Context, *conn) (int, error) { panic("in a read") })
	if err == nil || !strings.Contains(err.Error(), "in a read") {
		t.Errorf("read: %v", err)
	}
	fill(t, db)
	count(t, a, "o", 2)
	mu.Lock()
	defer mu.Unlock()
	if all := strings.Join(warnings, "\n"); !strings.Contains(all, "panic in a function that waited for a commit: in a test") {
		t.Errorf("warnings: %s", all)
	}
}

// TestFailedTransaction: what is lost is reported, and not counted.
func TestFailedTransaction(t *testing.T) {
	var warnings []string
	db := open(t, place(t), Options{Warn: func(text string) { warnings = append(warnings, text) }})
	a, _ := db.Archive("h", "a")
	resume := stall(t, db)
	lost, c, err := a.Append("o", storage.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	fault := errors.New("a fault")
	done := make(chan error, 1)
	go func() {
		done <- db.writer.do(context.Background(), 0, func(context.Context, *tx) error { return fault })
	}()
	waitQueued(db, 2)
	called := make(chan error, 1)
	c.Then(func(err error) { called <- err })
	resume()
	for what, err := range map[string]error{"do": <-done, "Wait": c.Wait(t.Context()), "Err": c.Err(), "Then": <-called} {
		if !errors.Is(err, fault) {
			t.Errorf("%s: %v", what, err)
		}
	}
	count(t, a, "o", 0)
	if infos, err := db.Stores(t.Context()); err != nil || len(infos) != 0 {
		t.Errorf("Stores: %v, %v; the store's row was lost too", infos, err)
	}
	id, c, err := a.Append("o", storage.Entry{})
	if err != nil || c.Wait(t.Context()) != nil || id <= lost {
		t.Errorf("Append: %s after %s, %v, %v", id, lost, err, c.Err())
	}
	count(t, a, "o", 1)
	for e := range a.Find(t.Context(), "o", storage.Query{After: lost}) { // a position
		if e.ID != id {
			t.Errorf("found %s, want %s", e.ID, id)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, db.path, Options{})
	a, _ = db.Archive("h", "a")
	count(t, a, "o", 1) // the store's row was made anew
	if len(warnings) != 2 || !strings.Contains(warnings[0], "a fault") || !strings.Contains(warnings[1], "again") {
		t.Errorf("warnings: %q", warnings)
	}
}

// TestFull fills a database up to its limit, and goes on when there is room.
func TestFull(t *testing.T) {
	db := open(t, place(t), Options{MaxSize: 1 << 20, Warn: mute})
	a, _ := db.Archive("h", "a")
	kv, _ := db.KeyValue("h", "v")
	ctx := t.Context()
	body := make([]byte, 10_000)
	stored := 0
	for {
		_, c, err := a.Append("o", storage.Entry{Body: body})
		if err != nil {
			t.Fatal(err)
		}
		if err = c.Wait(ctx); errors.Is(err, storage.ErrFull) {
			break
		}
		if stored++; err != nil || stored > 200 {
			t.Fatalf("%d entries: %v", stored, err)
		}
	}
	if err := kv.Set(ctx, "o", body); !errors.Is(err, storage.ErrFull) {
		t.Errorf("Set: %v", err)
	}
	count(t, a, "o", stored) // reading goes on
	if n, err := a.Delete(ctx, "o", storage.Query{Limit: 10}); n != 10 || err != nil {
		t.Fatalf("Delete: %d, %v", n, err)
	}
	if err := kv.Set(ctx, "o", body); err != nil {
		t.Errorf("Set with room: %v", err)
	}
	if _, c, err := a.Append("o", storage.Entry{Body: body}); err != nil || c.Wait(ctx) != nil {
		t.Errorf("Append with room: %v, %v", err, c.Err())
	}
	count(t, a, "o", stored-9)
}

// smallDisk mounts a disk of 16 MiB, and returns what fills it but for some bytes.
func smallDisk(t *testing.T) (dir string, fillUp func(but int64)) {
	t.Helper()
	dir = filepath.Dir(place(t))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m,mode=0750"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, func(but int64) {
		t.Helper()
		var disk syscall.Statfs_t
		if err := syscall.Statfs(dir, &disk); err != nil {
			t.Fatal(err)
		}
		size := int64(disk.Bavail)*disk.Bsize - but
		if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFull does so with a disk, and with the end of the server between.
func TestDiskFull(t *testing.T) {
	dir, fillUp := smallDisk(t)
	path, filler := filepath.Join(dir, "tercet.sqlite"), filepath.Join(dir, "filler")
	ctx := t.Context()
	fillUp(0)
	wantFull := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, storage.ErrFull) && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s on a full disk: %v", what, err)
		}
	}
	_, err := Open(path, Options{})
	wantFull("Open", err)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	db := open(t, path, Options{Warn: mute})
	a, _ := db.Archive("h", "a")
	kv, _ := db.KeyValue("h", "v")
	stored, last := 0, ""
	for round := range 3 {
		fillUp(1 << 20)
		for {
			id, c, err := a.Append("o", storage.Entry{Body: make([]byte, 20_000)})
			if err != nil || id <= last {
				t.Fatalf("id %s after %s, %v", id, last, err)
			}
			last = id
			if err := c.Wait(ctx); err != nil {
				wantFull("Append", err)
				break
			}
			if stored++; stored > 1000 {
				t.Fatal("the disk does not get full")
			}
		}
		count(t, a, "o", stored)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if err := kv.Set(ctx, "o", fmt.Append(nil, round)); err != nil {
			t.Errorf("Set with space again: %v", err)
		}
		if _, err := a.Delete(ctx, "o", storage.Query{Limit: stored - 5}); err != nil {
			t.Errorf("Delete with space again: %v", err)
		}
		stored = 5
		count(t, a, "o", stored)
		if round == 1 {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(t, path, Options{Warn: mute})
			a, _ = db.Archive("h", "a")
			kv, _ = db.KeyValue("h", "v")
			count(t, a, "o", stored)
		}
	}
}

// TestLogOnFullDisk: with free pages in the database, and a log that has had its
// size once, writing goes on when the disk is full.
func TestLogOnFullDisk(t *testing.T) {
	dir, fillUp := smallDisk(t)
	db := open(t, filepath.Join(dir, "tercet.sqlite"), Options{Warn: mute})
	kv, _ := db.KeyValue("h", "v")
	set := func(i int) error { return kv.Set(t.Context(), "o", bytes.Repeat([]byte{byte(i)}, 100_000)) }
	for i := range 10 {
		if err := set(i); err != nil {
			t.Fatal(err)
		}
	}
	pool, err := openPool(db.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.ExecContext(t.Context(), "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	fillUp(0)
	lost := 0
	for i := range 50 {
		switch err := set(i); {
		case errors.Is(err, storage.ErrFull):
			lost++
		case err != nil:
			t.Fatal(err)
		}
	}
	if lost == 0 || lost > 10 {
		t.Errorf("%d of 50 were lost, want one each time that the log reaches its end", lost)
	}
}

// TestLinger: entries for which nobody waits are kept for company, others are not.
func TestLinger(t *testing.T) {
	path := place(t)
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		a, _ := db.Archive("h", "a")
		kv, _ := db.KeyValue("h", "v")
		_, c, err := a.Append("o", storage.Entry{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(linger - time.Microsecond)
		synctest.Wait()
		if c.Done() {
			t.Error("the entry did not linger")
		}
		_, d, _ := a.Append("o", storage.Entry{})
		time.Sleep(time.Microsecond)
		synctest.Wait()
		if !c.Done() || !d.Done() {
			t.Error("the entries are still not written")
		}
		for i, wait := range []func() error{
			func() error { _, c, _ := a.Append("o", storage.Entry{}); return c.Wait(t.Context()) },
			func() error { return kv.Set(t.Context(), "o", []byte("x")) },
			func() error {
				if _, _, err := a.Append("o", storage.Entry{}); err != nil {
					return err
				}
				n, err := a.Count(t.Context(), "o", storage.Query{})
				if n != 4 {
					t.Errorf("Count %d, want 4", n)
				}
				return err
			},
			func() error {
				var c storage.Commit
				for range maxRows {
					_, c, _ = a.Append("o", storage.Entry{})
				}
				synctest.Wait()
				return c.Wait(t.Context())
			},
		} {
			began := time.Now()
			if err := wait(); err != nil {
				t.Error(err)
			}
			if d := time.Since(began); d != 0 {
				t.Errorf("%d took %v, want no delay", i, d)
			}
		}
	})
}

// TestRest: the log is taken into the database when it is quiet.
func TestRest(t *testing.T) {
	path := place(t)
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		a, _ := db.Archive("h", "a")
		size := func() int64 {
			synctest.Wait()
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
		add := func(n int) {
			for range n {
				if _, _, err := a.Append("o", storage.Entry{Body: make([]byte, 1000)}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2 * linger)
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		before := size()
		add(many)
		if got := size(); got != before {
			t.Errorf("size %d at once, want %d", got, before)
		}
		time.Sleep(quietMany)
		if got := size(); got < before+1000*many {
			t.Errorf("size %d after %v of quiet, want more than %d", got, quietMany, before+1000*many)
		}
		before = size()
		add(10)
		time.Sleep(quietFew - 10*linger)
		if got := size(); got != before {
			t.Errorf("size %d too early, want %d", got, before)
		}
		time.Sleep(10 * linger)
		if got := size(); got <= before {
			t.Errorf("size %d after %v of quiet", got, quietFew)
		}
	})
}
