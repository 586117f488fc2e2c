// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"fmt"
	"time"

	"tercet/core/storage"
)

// What is to be removed is looked for by readers, unless it lies side by side, so
// that the writer is held up by no more than a slice of sliceRows entries.

// victims are entries of one archive.
type victims struct {
	owner   string
	archive int64
	ids     []int64
}

// removal collects victims of a store and removes them in slices.
type removal struct {
	a       archive
	slice   []victims
	size    int // ids in slice
	removed int // so far
}

// add takes a victim, and removes the slice when it is full.
func (r *removal) add(ctx context.Context, owner string, f *found) error {
	last := len(r.slice) - 1
	if last < 0 || r.slice[last].archive != f.archive {
		r.slice = append(r.slice, victims{owner: owner, archive: f.archive})
		last++
	}
	r.slice[last].ids = append(r.slice[last].ids, f.id)
	if r.size++; r.size < sliceRows {
		return nil
	}
	return r.flush(ctx)
}

// flush removes the slice.
func (r *removal) flush(ctx context.Context) error {
	slice, removed := r.slice, 0
	if len(slice) == 0 {
		return nil
	}
	r.slice, r.size = nil, 0
	err := r.a.db.writer.do(ctx, sliceRows*8, func(ctx context.Context, t *tx) error {
		removed = 0
		for _, v := range slice {
			n, err := t.remove(ctx, r.a.store, v.owner, v.archive, deleteList, list(v.ids))
			if err != nil {
				return err
			}
			removed += n
		}
		return nil
	})
	if err == nil {
		r.removed += removed
	}
	return err
}

// all removes what q asks for.
func (r *removal) all(ctx context.Context, owner string, q storage.Query) error {
	for f, err := range r.a.find(ctx, owner, q, columnsID, true) {
		if err == nil {
			err = r.add(ctx, owner, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// span removes a range of ids.
func (r *removal) span(ctx context.Context, owner string, q storage.Query) error {
	if err := r.a.db.writer.settled(ctx, r.a.store, owner); err != nil {
		return err
	}
	s, err := read(ctx, r.a.db.readers, func(ctx context.Context, c *conn) (*search, error) { return r.a.plan(ctx, c, owner, q, true) })
	if err != nil || s == nil {
		return err
	}
	for removed := sliceRows; removed == sliceRows; r.removed += removed {
		err := r.a.db.writer.do(ctx, sliceRows*8, func(ctx context.Context, t *tx) (err error) {
			removed, err = t.remove(ctx, r.a.store, owner, s.archive, deleteRange, s.first, s.last)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// isSpan reports whether all between two ids is asked for.
func isSpan(q storage.Query) bool {
	return q.With.IsZero() && q.Start.IsZero() && q.End.IsZero() && q.IDs == nil && q.Limit <= 0
}

func (a archive) Delete(ctx context.Context, owner string, q storage.Query) (int, error) {
	r := removal{a: a}
	remove := r.all
	if isSpan(q) {
		remove = r.span
	}
	err := remove(ctx, owner, q)
	if err == nil {
		err = r.flush(ctx)
	}
	if err != nil {
		err = fmt.Errorf("delete from %s of %q: %w", a.name.name, owner, err)
	}
	return r.removed, err
}

func (a archive) Expire(ctx context.Context, before time.Time, keep ...func(owner string) bool) (int, error) {
	r := removal{a: a}
	err := r.expire(ctx, before, keep)
	if err == nil {
		err = r.flush(ctx)
	}
	if err != nil {
		err = fmt.Errorf("expire %s: %w", a.name.name, err)
	}
	return r.removed, err
}

// aged is an archive and the least time that an entry of it can have.
type aged struct {
	owner string
	least int64
}

func (r *removal) expire(ctx context.Context, before time.Time, keep []func(string) bool) (err error) {
	if err := r.a.db.writer.settle(ctx); err != nil {
		return err
	}
	q := storage.Query{End: time.UnixMicro(storage.Micros(before) - 1)}
	chunks(ctx, r.a.store, r.a.oldest, func(o aged, failed error) bool {
		if err = failed; err == nil && o.least < storage.Micros(before) && !kept(o.owner, keep) {
			err = r.all(ctx, o.owner, q)
		}
		return err == nil
	})
	return err
}

func kept(owner string, keep []func(string) bool) bool {
	for _, k := range keep {
		if k != nil && k(owner) {
			return true
		}
	}
	return false
}

// oldest reads the archives behind last, and how old what is in them may be:
// entries are no older than the first by more than the archive's disorder.
func (a archive) oldest(ctx context.Context, c *conn, last *aged) (list []aged, err error) {
	const columns = "SELECT owner, coalesce((SELECT (id >> 11) + lag FROM entry INDEXED BY entry_key" +
		" WHERE archive = a.id ORDER BY id LIMIT 1), 0) - disorder FROM archive a WHERE store = ?"
	text, behind := columns+" AND owner >= ? ORDER BY owner LIMIT 256", ""
	if last != nil {
		text, behind = columns+" AND owner > ? ORDER BY owner LIMIT 256", last.owner
	}
	err = c.each(ctx, text, []any{a.id.Load(), behind}, func(r row) (bool, error) {
		list = append(list, aged{r.text(0), r.int(1)})
		return true, nil
	})
	return list, err
}

// Purge removes what owner has in all stores of host.
func (db *DB) Purge(ctx context.Context, host, owner string) error {
	if err := db.writer.settle(ctx); err != nil { // stores may be about to get their rows
		return fmt.Errorf("purge %q of %s: %w", owner, host, err)
	}
	for _, s := range db.written(func(n storeName) bool { return n.host == host }) {
		var err error
		switch s.name.kind {
		case storage.KindKeyValue:
			err = keyValue{s}.Set(ctx, owner, nil)
		case storage.KindMap:
			err = pairs{s}.Clear(ctx, owner)
		case storage.KindArchive:
			_, err = archive{s}.Delete(ctx, owner, storage.Query{})
		}
		if err != nil {
			return fmt.Errorf("purge %q of %s: %w", owner, host, err)
		}
	}
	return nil
}
