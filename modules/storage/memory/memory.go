// SPDX-License-Identifier: Apache-2.0

// Package memory keeps data in memory, until the server stops: for tests, and
// for hosts that shall not remember.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"tercet/core/storage"
)

// DB holds the stores of all hosts. It implements [storage.Driver].
type DB struct {
	now func() time.Time

	mu     sync.RWMutex // guards what follows, and all that the stores hold
	ids    *storage.Sequence
	stores map[storeName]*store
	closed bool
}

var _ storage.Driver = (*DB)(nil)

type storeName struct {
	host, name string
	kind       storage.Kind
}

// store is one store of any kind, of which it uses one of the maps.
type store struct {
	db      *DB
	values  map[string][]byte
	pairs   map[string]map[string][]byte
	entries map[string][]storage.Entry // in the order of their ids
}

var errClosed = fmt.Errorf("%w: it is closed", storage.ErrUnavailable)

// New returns an empty one.
func New() *DB {
	generation := rand.Int64N(storage.Generations) //nolint:gosec // not a secret
	return &DB{now: time.Now, ids: storage.NewSequence(0, generation), stores: map[storeName]*store{}}
}

// store returns the store of that name.
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
		s = &store{db: db, values: map[string][]byte{}, pairs: map[string]map[string][]byte{}, entries: map[string][]storage.Entry{}}
		db.stores[n] = s
	}
	return s, nil
}

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

// Purge removes what owner has in all stores of host.
func (db *DB) Purge(ctx context.Context, host, owner string) error {
	return db.write(ctx, func() error {
		for n, s := range db.stores {
			if n.host == host {
				delete(s.values, owner)
				delete(s.pairs, owner)
				delete(s.entries, owner)
			}
		}
		return nil
	})
}

// Stores lists the stores that hold something.
func (db *DB) Stores(ctx context.Context) ([]storage.StoreInfo, error) {
	var infos []storage.StoreInfo
	err := db.read(ctx, func() error {
		for n, s := range db.stores {
			rows := len(s.values)
			for _, p := range s.pairs {
				rows += len(p)
			}
			for _, e := range s.entries {
				rows += len(e)
			}
			if rows > 0 {
				infos = append(infos, storage.StoreInfo{Host: n.host, Store: n.name, Kind: n.kind, Place: "memory", Rows: rows})
			}
		}
		return nil
	})
	slices.SortFunc(infos, func(a, b storage.StoreInfo) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Store, b.Store), cmp.Compare(a.Kind, b.Kind))
	})
	return infos, err
}

// Close forgets everything.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed, db.stores = true, nil
	return nil
}

// read runs fn while nothing changes.
func (db *DB) read(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return storage.Unavailable(err)
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return errClosed
	}
	return fn()
}

// write runs fn alone.
func (db *DB) write(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return storage.Unavailable(err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return errClosed
	}
	return fn()
}

type keyValue struct{ *store }

func (k keyValue) Get(ctx context.Context, owner string) (value []byte, err error) {
	err = k.db.read(ctx, func() error {
		value = bytes.Clone(k.values[owner])
		return nil
	})
	return value, err
}

func (k keyValue) Set(ctx context.Context, owner string, value []byte) error {
	if err := storage.CheckNames(owner); err != nil {
		return err
	}
	if len(value) > storage.MaxValue {
		return storage.ErrTooLarge
	}
	return k.db.write(ctx, func() error {
		if value == nil {
			delete(k.values, owner)
		} else {
			k.values[owner] = bytes.Clone(value)
		}
		return nil
	})
}

func (k keyValue) Owners(ctx context.Context) iter.Seq2[string, error] {
	return sorted(ctx, k.db, func() []string { return slices.Collect(maps.Keys(k.values)) })
}

// sorted yields names that it takes from the store at once.
func sorted(ctx context.Context, db *DB, names func() []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var list []string
		err := db.read(ctx, func() error {
			list = names()
			return nil
		})
		if err != nil {
			yield("", err)
			return
		}
		slices.Sort(list)
		for _, name := range list {
			if !yield(name, nil) {
				return
			}
		}
	}
}
