// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"tercet/core/storage"
)

const (
	// pageRows and pageBytes end what is read ahead of an iteration's caller.
	pageRows  = 256
	pageBytes = 128 << 10
)

type keyValue struct{ *store }

func (k keyValue) Get(ctx context.Context, owner string) ([]byte, error) {
	value, err := read(ctx, k.db.readers, func(ctx context.Context, c *conn) ([]byte, error) {
		return c.value(ctx, "SELECT value FROM value WHERE store = ? AND owner = ?", k.id.Load(), owner)
	})
	if err != nil {
		return nil, fmt.Errorf("read %s of %q: %w", k.name.name, owner, err)
	}
	return value, nil
}

func (k keyValue) Set(ctx context.Context, owner string, value []byte) error {
	err := storage.CheckNames(owner)
	if len(value) > storage.MaxValue {
		err = storage.ErrTooLarge
	}
	if err == nil {
		value = bytes.Clone(value)
		err = k.db.writer.do(ctx, len(owner)+len(value), func(ctx context.Context, t *tx) error {
			return k.set(ctx, t, owner, value)
		})
	}
	if err != nil {
		return fmt.Errorf("write %s of %q: %w", k.name.name, owner, err)
	}
	return nil
}

func (k keyValue) set(ctx context.Context, t *tx, owner string, value []byte) error {
	if value == nil {
		_, err := t.c.exec(ctx, "DELETE FROM value WHERE store = ? AND owner = ?", t.writtenID(k.store), owner)
		return err
	}
	id, err := t.storeID(ctx, k.store)
	if err != nil {
		return err
	}
	_, err = t.c.exec(ctx, "INSERT INTO value (store, owner, value) VALUES (?, ?, coalesce(?, x''))"+
		" ON CONFLICT (store, owner) DO UPDATE SET value = excluded.value", id, owner, value)
	return err
}

func (k keyValue) Owners(ctx context.Context) iter.Seq2[string, error] {
	return k.owners(ctx, "SELECT owner FROM value WHERE store = ? AND owner > ? ORDER BY owner LIMIT 256",
		"SELECT owner FROM value WHERE store = ? AND owner >= ? ORDER BY owner LIMIT 256")
}

// owners yields what next selects behind an owner, and first from one on.
func (s *store) owners(ctx context.Context, next, first string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		chunks(ctx, s, func(ctx context.Context, c *conn, last *string) (owners []string, err error) {
			text, behind := first, ""
			if last != nil {
				text, behind = next, *last
			}
			err = c.each(ctx, text, []any{s.id.Load(), behind}, func(r row) (bool, error) {
				owners = append(owners, r.text(0))
				return true, nil
			})
			return owners, err
		}, yield)
	}
}

// value returns the value that a statement selects: nil if it selects no row, and
// not nil if it does.
func (c *conn) value(ctx context.Context, text string, args ...any) ([]byte, error) {
	var value []byte
	found, err := c.row(steady(ctx), text, args, &value)
	if found && value == nil {
		value = []byte{}
	}
	return value, err
}
