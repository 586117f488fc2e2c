// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"tercet/core/jid"
	"tercet/core/storage"
)

type archive struct{ *store }

func (a archive) Append(owner string, e storage.Entry) (string, storage.Commit, error) {
	err := storage.CheckNames(owner)
	if len(e.Body) > storage.MaxValue {
		err = storage.ErrTooLarge
	}
	var id int64
	var c storage.Commit
	if err == nil {
		o := op{store: a.store, owner: owner, peer: a.db.peer(e.With), jid: e.With.String(), body: e.Body}
		id, c, err = a.db.writer.append(o, e.When)
	}
	if err != nil {
		return "", storage.Commit{}, fmt.Errorf("append to %s of %q: %w", a.name.name, owner, err)
	}
	return storage.FormatID(id), c, nil
}

// peer is what the index has of a JID: 47 bits of a keyed hash of its bare form.
// Filters rely on it alone: of 10,000 correspondents two have the same with a
// probability of 4 in ten million, and nobody can choose them.
func (db *DB) peer(j jid.JID) int64 {
	if j.IsZero() {
		return 0
	}
	var b [128]byte
	h := sha256.Sum256(append(append(b[:0], db.secret...), j.Bare().String()...))
	return int64(binary.BigEndian.Uint64(h[:])>>16) | 1
}

func (a archive) Find(ctx context.Context, owner string, q storage.Query) iter.Seq2[storage.Entry, error] {
	return a.entries(ctx, owner, q, columnsAll)
}

func (a archive) entries(ctx context.Context, owner string, q storage.Query, columns string) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		for f, err := range a.find(ctx, owner, q, columns, false) {
			if err != nil {
				yield(storage.Entry{}, fmt.Errorf("search %s of %q: %w", a.name.name, owner, err))
				return
			}
			if !yield(f.entry(), nil) {
				return
			}
		}
	}
}

func (f *found) entry() storage.Entry {
	if f.body == nil {
		f.body = []byte{}
	}
	e := storage.Entry{ID: storage.FormatID(f.id), When: time.UnixMicro(storage.IDMicros(f.id) + f.lag).UTC(), Body: f.body}
	if f.jid != "" {
		// What does not parse any more was valid once: the entry is worth more
		// than its JID, which stands in the body too.
		e.With, _ = jid.Parse(f.jid)
	}
	return e
}

// find yields what q asks for, reading ahead by a page.
func (a archive) find(ctx context.Context, owner string, q storage.Query, columns string, passOver bool) iter.Seq2[*found, error] {
	type page struct {
		s     *search
		items []found
	}
	return func(yield func(*found, error) bool) {
		if err := a.db.writer.settled(ctx, a.store, owner); err != nil {
			yield(nil, err)
			return
		}
		var p page
		for {
			var err error
			p, err = read(ctx, a.db.readers, func(ctx context.Context, c *conn) (next page, err error) {
				if next.s = p.s; next.s == nil {
					if next.s, err = a.plan(ctx, c, owner, q, passOver); err != nil || next.s == nil {
						return next, err
					}
				}
				next.items, err = next.s.page(ctx, c, columns)
				return next, err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range p.items {
				if !yield(&p.items[i], nil) {
					return
				}
			}
			if p.s == nil || p.s.left == 0 {
				return
			}
		}
	}
}

func (a archive) Count(ctx context.Context, owner string, q storage.Query) (n int, err error) {
	q.Limit, q.Backward = 0, false
	if err = a.db.writer.settled(ctx, a.store, owner); err == nil {
		n, err = read(ctx, a.db.readers, func(ctx context.Context, c *conn) (int, error) { return a.count(ctx, c, owner, q) })
	}
	if err != nil {
		return 0, fmt.Errorf("count %s of %q: %w", a.name.name, owner, err)
	}
	return n, nil
}

func (a archive) count(ctx context.Context, c *conn, owner string, q storage.Query) (n int, err error) {
	if isAll(q) { // what the row counts, and what it does not count yet
		_, err = c.row(ctx, "SELECT rows + (SELECT count(*) FROM entry INDEXED BY entry_key WHERE archive = a.id AND entry.id > a.upto)"+
			" FROM archive a WHERE store = ? AND owner = ?", []any{a.id.Load(), owner}, &n)
		return n, err
	}
	s, err := a.plan(ctx, c, owner, q, false)
	if err != nil || s == nil {
		return 0, err
	}
	return s.count(ctx, c)
}

func (a archive) Bounds(ctx context.Context, owner string) (first, last *storage.Entry, err error) {
	var ends []*storage.Entry
	for _, backward := range []bool{false, true} {
		for e, err := range a.entries(ctx, owner, storage.Query{Limit: 1, Backward: backward}, columnsMeta) {
			if err != nil {
				return nil, nil, err
			}
			e.Body = nil
			ends = append(ends, &e)
		}
	}
	if len(ends) < 2 { // none, or emptied meanwhile
		return nil, nil, nil
	}
	return ends[0], ends[1], nil
}

func (a archive) Owners(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := a.db.writer.settle(ctx); err != nil {
			yield("", err)
			return
		}
		// An archive has a row as long as it has entries.
		a.owners(ctx, "SELECT owner FROM archive WHERE store = ? AND owner > ? ORDER BY owner LIMIT 256",
			"SELECT owner FROM archive WHERE store = ? AND owner >= ? ORDER BY owner LIMIT 256")(yield)
	}
}
