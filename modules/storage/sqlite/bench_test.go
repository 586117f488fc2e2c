// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tercet/core/jid"
	"tercet/core/storage"
)

// cpu is what this process has used, of the user's and the system's time.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// perOp reports CPU time per operation, beside the wall-clock time.
func perOp(b *testing.B, began time.Duration) {
	b.Helper()
	b.ReportMetric(float64((cpu(b)-began).Nanoseconds())/float64(b.N)/1000, "cpu-us/op")
}

func benchDB(b *testing.B) *DB {
	b.Helper()
	db, err := Open(filepath.Join(b.TempDir(), "data", "tercet.sqlite"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

var benchBody = bytes.Repeat([]byte("0123456789"), 28)

// BenchmarkAppend is one entry of 280 bytes, of an owner out of 1,000.
func BenchmarkAppend(b *testing.B) {
	with := jid.MustParse("juliet@example.org/balcony")
	for _, writers := range []int{1, 8, 64, 512} { // each waits for its commit
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			a, _ := benchDB(b).Archive("h", "a")
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ReportAllocs()
			began := cpu(b)
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						_, c, err := a.Append(fmt.Sprint("user", rand.IntN(1000)), storage.Entry{When: time.Now(), With: with, Body: benchBody})
						if err == nil {
							err = c.Wait(context.Background())
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			perOp(b, began)
		})
	}
	b.Run("unwaited", func(b *testing.B) { // as fast as the queue takes them
		a, _ := benchDB(b).Archive("h", "a")
		b.ReportAllocs()
		began := cpu(b)
		b.ResetTimer()
		var c storage.Commit
		for i := range b.N {
			var err error
			if _, c, err = a.Append(fmt.Sprint("user", i%1000), storage.Entry{When: time.Now(), With: with, Body: benchBody}); err != nil {
				b.Fatal(err)
			}
			if i%10_000 == 0 {
				if err := c.Wait(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := c.Wait(context.Background()); err != nil {
			b.Fatal(err)
		}
		perOp(b, began)
	})
}

// BenchmarkSet is one value of 280 bytes, from 64 writers.
func BenchmarkSet(b *testing.B) {
	kv, _ := benchDB(b).KeyValue("h", "v")
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	began := cpu(b)
	b.ResetTimer()
	for range 64 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := kv.Set(context.Background(), fmt.Sprint("user", rand.IntN(1000)), benchBody); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	perOp(b, began)
}

func BenchmarkGet(b *testing.B) {
	kv, _ := benchDB(b).KeyValue("h", "v")
	for i := range 1000 {
		if err := kv.Set(b.Context(), fmt.Sprint("user", i), benchBody); err != nil {
			b.Fatal(err)
		}
	}
	began := cpu(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if v, err := kv.Get(b.Context(), fmt.Sprint("user", i%1000)); err != nil || v == nil {
			b.Fatal(v, err)
		}
	}
	perOp(b, began)
}

// BenchmarkArchive asks archives of 10,000 entries each, a minute apart, and with
// TERCET_SOAK=1 100 such among 1,000,000 entries.
func BenchmarkArchive(b *testing.B) {
	b.Run("rows=10000", func(b *testing.B) { benchArchive(b, 1) })
	if os.Getenv("TERCET_SOAK") != "" {
		b.Run("rows=1000000", func(b *testing.B) { benchArchive(b, 100) })
	}
}

func benchArchive(b *testing.B, owners int) {
	const each = 10_000
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	db := benchDB(b)
	a, _ := db.Archive("h", "a")
	names := make([]string, owners)
	for i := range names {
		names[i] = fmt.Sprint("user", i)
	}
	var ids [each]string // of the first owner
	for i := range each {
		with := jid.MustParse(fmt.Sprintf("peer%d@example.org/phone", i%100))
		var c storage.Commit
		for o, name := range names {
			id, commit, err := a.Append(name, storage.Entry{When: start.Add(time.Duration(i) * time.Minute), With: with, Body: benchBody})
			if err != nil {
				b.Fatal(err)
			}
			if c = commit; o == 0 {
				ids[i] = id
			}
		}
		if i%100 == 0 {
			if err := c.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	at := func() time.Time { return start.Add(time.Duration(rand.IntN(each-50)) * time.Minute) }
	none := jid.MustParse("nobody@example.org")
	for _, bb := range []struct {
		name string
		q    func() storage.Query
		want int // entries, -1 for a count
	}{
		{"page", func() storage.Query { return storage.Query{After: ids[rand.IntN(each-51)], Limit: 50} }, 50},
		{"last", func() storage.Query { return storage.Query{Limit: 50, Backward: true} }, 50},
		{"since", func() storage.Query { return storage.Query{Start: at(), Limit: 50} }, 50},
		{"with", func() storage.Query {
			return storage.Query{With: jid.MustParse("peer7@example.org"), Limit: 50, Backward: true}
		}, 50},
		{"with-nobody", func() storage.Query { return storage.Query{With: none, Limit: 50} }, 0},
		{"count", func() storage.Query { return storage.Query{} }, -1},
		{"count-since", func() storage.Query { return storage.Query{Start: at()} }, -1},
		{"count-with", func() storage.Query { return storage.Query{With: jid.MustParse("peer7@example.org")} }, -1},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			began := cpu(b)
			for b.Loop() {
				n, err := 0, error(nil)
				if name := names[rand.IntN(owners)]; bb.want < 0 {
					_, err = a.Count(b.Context(), name, bb.q())
				} else {
					for _, failed := range a.Find(b.Context(), name, bb.q()) {
						n, err = n+1, failed
					}
				}
				if err != nil || bb.want >= 0 && n != bb.want {
					b.Fatalf("%d entries, %v", n, err)
				}
			}
			perOp(b, began)
		})
	}
}

// BenchmarkDrain is what a message costs that was kept: 100 of them are read and
// removed at a time, of one owner out of 20 whose entries lie side by side.
func BenchmarkDrain(b *testing.B) {
	const owners, each = 20, 100
	db := benchDB(b)
	a, _ := db.Archive("h", "a")
	names := make([]string, owners)
	for i := range names {
		names[i] = fmt.Sprint("user", i)
	}
	var began time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		b.StopTimer()
		for range each {
			for _, name := range names {
				if _, _, err := a.Append(name, storage.Entry{When: time.Now(), Body: benchBody}); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := db.writer.settle(b.Context()); err != nil {
			b.Fatal(err)
		}
		before := cpu(b)
		b.StartTimer()
		for _, name := range names {
			last := ""
			for e, err := range a.Find(b.Context(), name, storage.Query{Limit: each}) {
				if err != nil {
					b.Fatal(err)
				}
				last = e.ID
			}
			if _, err := a.Delete(b.Context(), name, storage.Query{Before: storage.Behind(last)}); err != nil {
				b.Fatal(err)
			}
			n += each
		}
		began += cpu(b) - before
	}
	b.ReportMetric(float64(began.Nanoseconds())/1000/float64((b.N+owners*each-1)/(owners*each)*owners*each), "cpu-us/op")
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "data", "tercet.sqlite")
	for b.Loop() {
		db, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
