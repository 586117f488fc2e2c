// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"tercet/core/storage"
)

// sliceRows is how many rows a deletion takes before it lets others write.
const sliceRows = 256

// pairs is a Map.
type pairs struct{ *store }

func (p pairs) Get(ctx context.Context, owner, key string) ([]byte, error) {
	value, err := read(ctx, p.db.readers, func(ctx context.Context, c *conn) ([]byte, error) {
		return c.value(ctx, "SELECT value FROM pair WHERE store = ? AND owner = ? AND key = ?", p.id.Load(), owner, key)
	})
	if err != nil {
		return nil, fmt.Errorf("read %s of %q: %w", p.name.name, owner, err)
	}
	return value, nil
}

func (p pairs) Set(ctx context.Context, owner string, changes map[string][]byte) error {
	if len(changes) == 0 {
		return nil
	}
	err := storage.CheckNames(owner)
	size, owned := 0, make(map[string][]byte, len(changes))
	for key, value := range changes {
		if len(value) > storage.MaxValue || len(key) > storage.MaxName {
			err = storage.ErrTooLarge
			break
		}
		size += len(owner) + len(key) + len(value) + opCost
		owned[key] = bytes.Clone(value)
	}
	if err == nil {
		err = p.db.writer.do(ctx, size, func(ctx context.Context, t *tx) error { return p.set(ctx, t, owner, owned) })
	}
	if err != nil {
		return fmt.Errorf("write %s of %q: %w", p.name.name, owner, err)
	}
	return nil
}

func (p pairs) set(ctx context.Context, t *tx, owner string, changes map[string][]byte) error {
	for key, value := range changes {
		if value == nil {
			if _, err := t.c.exec(ctx, "DELETE FROM pair WHERE store = ? AND owner = ? AND key = ?", t.writtenID(p.store), owner, key); err != nil {
				return err
			}
			continue
		}
		id, err := t.storeID(ctx, p.store)
		if err != nil {
			return err
		}
		_, err = t.c.exec(ctx, "INSERT INTO pair (store, owner, key, value) VALUES (?, ?, ?, coalesce(?, x''))"+
			" ON CONFLICT (store, owner, key) DO UPDATE SET value = excluded.value", id, owner, key, value)
		if err != nil {
			return err
		}
	}
	return nil
}

func (p pairs) All(ctx context.Context, owner string) iter.Seq2[storage.Pair, error] {
	const columns = "SELECT key, value FROM pair INDEXED BY pair_owner WHERE store = ? AND owner = ?"
	return func(yield func(storage.Pair, error) bool) {
		chunks(ctx, p.store, func(ctx context.Context, c *conn, last *storage.Pair) ([]storage.Pair, error) {
			text, behind := columns+" AND key >= ? ORDER BY key LIMIT 256", ""
			if last != nil {
				text, behind = columns+" AND key > ? ORDER BY key LIMIT 256", last.Key
			}
			return collect(ctx, c, text, []any{p.id.Load(), owner, behind}, func(name string, value []byte) storage.Pair {
				return storage.Pair{Key: name, Value: value}
			})
		}, yield)
	}
}

func (p pairs) Find(ctx context.Context, key string) iter.Seq2[storage.OwnerValue, error] {
	const columns = "SELECT owner, value FROM pair INDEXED BY pair_key WHERE store = ? AND key = ?"
	return func(yield func(storage.OwnerValue, error) bool) {
		chunks(ctx, p.store, func(ctx context.Context, c *conn, last *storage.OwnerValue) ([]storage.OwnerValue, error) {
			text, behind := columns+" AND owner >= ? ORDER BY owner LIMIT 256", ""
			if last != nil {
				text, behind = columns+" AND owner > ? ORDER BY owner LIMIT 256", last.Owner
			}
			return collect(ctx, c, text, []any{p.id.Load(), key, behind}, func(name string, value []byte) storage.OwnerValue {
				return storage.OwnerValue{Owner: name, Value: value}
			})
		}, yield)
	}
}

// collect reads rows of a name and a value, up to pageBytes.
func collect[T any](ctx context.Context, c *conn, text string, args []any, item func(string, []byte) T) (items []T, err error) {
	size := 0
	err = c.each(ctx, text, args, func(r row) (bool, error) {
		name, value := r.text(0), r.blob(1)
		if value == nil {
			value = []byte{}
		}
		items = append(items, item(name, value))
		size += len(name) + len(value)
		return size < pageBytes, nil
	})
	return items, err
}

func (p pairs) Clear(ctx context.Context, owner string) error {
	err := p.db.writer.clear(ctx, "DELETE FROM pair WHERE id IN (SELECT id FROM pair INDEXED BY pair_owner WHERE store = ? AND owner = ? LIMIT 256)", p.store, owner)
	if err != nil {
		return fmt.Errorf("clear %s of %q: %w", p.name.name, owner, err)
	}
	return nil
}

// clear runs a statement that deletes a slice of what an owner has, until nothing
// is left.
func (w *writer) clear(ctx context.Context, text string, s *store, owner string) error {
	for {
		removed := 0
		err := w.do(ctx, len(owner), func(ctx context.Context, t *tx) (err error) {
			removed, err = t.c.exec(ctx, text, t.writtenID(s), owner)
			return err
		})
		if err != nil || removed < sliceRows {
			return err
		}
	}
}
