// SPDX-License-Identifier: Apache-2.0

// Package sqlite keeps the data of all hosts in one SQLite file.
//
// One goroutine writes, and commits what has come together as one transaction;
// readers have connections of their own and see the last commit (write-ahead
// log). See README.md for what survives what.
package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tercet/config"
	"tercet/core/storage"
)

// Options are the driver's options in the config; a zero field means its default.
type Options struct {
	Synchronous string        `lua:"sqlite_synchronous" enum:"normal|full" doc:"What a commit waits for: \"normal\" survives a crash of the server, \"full\" a loss of power too."`
	MaxSize     config.Size   `lua:"sqlite_max_size" min:"0" doc:"How large the database may grow; 0 leaves it to the disk. Beyond, writes fail as on a full disk."`
	CacheSize   config.Size   `lua:"sqlite_cache_size" min:"64 KiB" max:"1 GiB" doc:"Page cache of the writing connection; each reading one has a quarter of it."`
	QueueSize   config.Size   `lua:"sqlite_queue_size" min:"1 MiB" max:"1 GiB" doc:"How much may wait to be written; what comes beyond is refused."`
	Readers     int           `lua:"sqlite_readers" min:"1" max:"64" doc:"How many reads run at once."`
	ReadTimeout time.Duration `lua:"sqlite_read_timeout" min:"100ms" doc:"How long a read may take whose caller has set no deadline."`

	// Warn is told what an admin should look at; nil drops it. It is called
	// from any goroutine.
	Warn func(text string)

	now func() time.Time // for tests
}

// Defaults are the values of options that are not set.
var Defaults = Options{
	Synchronous: "normal",
	CacheSize:   4 << 20,
	QueueSize:   32 << 20,
	Readers:     4,
	ReadTimeout: 10 * time.Second,
}

// filled returns o with defaults in place of zeros.
func (o Options) filled() Options {
	o.Synchronous = cmp.Or(o.Synchronous, Defaults.Synchronous)
	o.CacheSize = cmp.Or(o.CacheSize, Defaults.CacheSize)
	o.QueueSize = cmp.Or(o.QueueSize, Defaults.QueueSize)
	o.Readers = cmp.Or(o.Readers, Defaults.Readers)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, Defaults.ReadTimeout)
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.now == nil {
		o.now = time.Now
	}
	return o
}

// DB is an open database. It implements [storage.Driver].
type DB struct {
	path    string
	options Options
	lock    *lock
	secret  []byte // keys the hash of JIDs
	writer  *writer
	readers *readers

	mu     sync.Mutex // guards stores and closed
	stores map[storeName]*store
	closed bool
}

var _ storage.Driver = (*DB)(nil)

// storeName is what tells stores apart.
type storeName struct {
	host, name string
	kind       storage.Kind
}

// Open opens the database at path, and makes it and its folder if they are not
// there. It is refused when the folder or the file belong to another user, when
// another server has them open, when the file is not a database of ours, or when
// it comes from a later version.
func Open(path string, o Options) (db *DB, err error) {
	o = o.filled()
	if o.Synchronous != "normal" && o.Synchronous != "full" {
		return nil, fmt.Errorf("open database %s: synchronous is %q, want normal or full", path, o.Synchronous)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db = &DB{path: path, options: o, stores: map[storeName]*store{}}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open database %s: %w", path, errors.Join(classify(err), db.release()))
			db = nil
		}
	}()
	if db.lock, err = prepareFiles(path, o.Warn); err != nil {
		return db, err
	}
	return db, db.start()
}

// start opens the connections and brings the schema up to date.
func (db *DB) start() error {
	ctx := context.Background()
	pool, err := openPool(db.path, writerPragmas(db.options))
	if err != nil {
		return err
	}
	if err := prepareSchema(ctx, pool, migrations()); err != nil {
		return errors.Join(err, pool.Close())
	}
	w, err := newWriter(ctx, db)
	db.writer = w // nil if it failed
	if err := errors.Join(err, pool.Close()); err != nil {
		return err
	}
	if db.readers, err = newReaders(db.path, db.options); err != nil {
		return err
	}
	if err := db.loadStores(ctx); err != nil {
		return err
	}
	warnOfModes(db.path, db.options.Warn)
	w.start(ctx)
	return nil
}

// release closes what Open has opened so far.
func (db *DB) release() error {
	var errs []error
	if db.readers != nil {
		errs = append(errs, db.readers.close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.close()) // last: it takes the log into the file
	}
	if db.lock != nil {
		errs = append(errs, db.lock.release())
	}
	return errors.Join(errs...)
}

// Close commits what is pending and closes the database.
func (db *DB) Close() error {
	db.mu.Lock()
	closed := db.closed
	db.closed = true
	db.mu.Unlock()
	if closed {
		return nil
	}
	if err := db.release(); err != nil {
		return fmt.Errorf("close database %s: %w", db.path, err)
	}
	return nil
}

// Path returns the file of the database.
func (db *DB) Path() string { return db.path }

// KeyValue returns a store of one value per owner.
func (db *DB) KeyValue(host, name string) (storage.KeyValue, error) {
	s, err := db.store(storeName{host, name, storage.KindKeyValue})
	return keyValue{s}, err
}

// Map returns a store of values by key for each owner.
func (db *DB) Map(host, name string) (storage.Map, error) {
	s, err := db.store(storeName{host, name, storage.KindMap})
	return pairs{s}, err
}

// Archive returns a store of entries for each owner.
func (db *DB) Archive(host, name string) (storage.Archive, error) {
	s, err := db.store(storeName{host, name, storage.KindArchive})
	return archive{s}, err
}

// store returns the store of that name, which may have no row yet.
func (db *DB) store(n storeName) (*store, error) {
	if err := storage.CheckNames(n.host, n.name); err != nil {
		return nil, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil, errClosed
	}
	s := db.stores[n]
	if s == nil {
		s = newStore(db, n)
		db.stores[n] = s
	}
	return s, nil
}

// loadStores reads the rows of the stores. It runs before anything writes.
func (db *DB) loadStores(ctx context.Context) error {
	return db.writer.tx.c.each(ctx, "SELECT id, host, name, kind FROM store", nil, func(r row) (bool, error) {
		n := storeName{r.text(1), r.text(2), storage.Kind(r.int(3))} //nolint:gosec // as it was written
		s := newStore(db, n)
		s.id.Store(r.int(0))
		db.stores[n] = s
		return true, nil
	})
}

// written returns the stores that have a row, of one host or of all.
func (db *DB) written(match func(storeName) bool) []*store {
	db.mu.Lock()
	defer db.mu.Unlock()
	var all []*store
	for n, s := range db.stores {
		if s.id.Load() != 0 && match(n) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *store) int {
		return cmp.Or(cmp.Compare(a.name.host, b.name.host), cmp.Compare(a.name.name, b.name.name), cmp.Compare(a.name.kind, b.name.kind))
	})
	return all
}

// Stores lists the stores that have been written to.
func (db *DB) Stores(ctx context.Context) ([]storage.StoreInfo, error) {
	counts := map[storage.Kind]string{
		storage.KindKeyValue: "SELECT count(*) FROM value WHERE store = ?",
		storage.KindMap:      "SELECT count(*) FROM pair WHERE store = ?",
		storage.KindArchive: "SELECT coalesce(sum(rows + (SELECT count(*) FROM entry INDEXED BY entry_key" +
			" WHERE archive = a.id AND entry.id > a.upto)), 0) FROM archive a WHERE store = ?",
	}
	if err := db.writer.settle(ctx); err != nil {
		return nil, err
	}
	var infos []storage.StoreInfo
	for _, s := range db.written(func(storeName) bool { return true }) {
		rows, err := read(ctx, db.readers, func(ctx context.Context, c *conn) (n int, err error) {
			_, err = c.row(ctx, counts[s.name.kind], []any{s.id.Load()}, &n)
			return n, err
		})
		if err != nil {
			return nil, fmt.Errorf("count rows of store %s of %s: %w", s.name.name, s.name.host, err)
		}
		infos = append(infos, storage.StoreInfo{Host: s.name.host, Store: s.name.name, Kind: s.name.kind, Place: db.path, Rows: rows})
	}
	return infos, nil
}
