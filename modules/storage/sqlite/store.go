// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"hash/maphash"
	"sync/atomic"
)

// store is what the three kinds have in common.
type store struct {
	db   *DB
	name storeName
	id   atomic.Int64 // of its row; 0 while nothing has been written
	seed maphash.Seed
}

func newStore(db *DB, name storeName) *store {
	return &store{db: db, name: name, seed: maphash.MakeSeed()}
}

// hash spreads owners over the bits of chunk.touched.
func (s *store) hash(owner string) uint64 {
	return maphash.String(s.seed, owner) % 1024
}

// chunks yields, and reads ahead, what a store has: fetch reads some items behind
// the last one that was yielded, or from the beginning; no items end it.
func chunks[T any](ctx context.Context, s *store, fetch func(context.Context, *conn, *T) ([]T, error), yield func(T, error) bool) {
	var last *T
	for {
		items, err := read(ctx, s.db.readers, func(ctx context.Context, c *conn) ([]T, error) { return fetch(ctx, c, last) })
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
		if len(items) == 0 {
			return
		}
		last = &items[len(items)-1]
	}
}
