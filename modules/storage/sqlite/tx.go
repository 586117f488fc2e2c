// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"tercet/core/storage"
)

const (
	// foldAfter is how many entries an archive may have that its row does not
	// count yet. A row per archive and transaction would double what entries cost.
	foldAfter = 256
	// maxArchives is how many archives' rows are kept in memory (about 200 B each).
	maxArchives = 1 << 15
)

// tx is the writing connection and what it knows of the rows, in a transaction or
// between two. Only the writing goroutine uses it.
type tx struct {
	c        *conn
	archives map[archiveName]*archiveRow
	fresh    map[*store]int64 // rows of stores made in this transaction
	floored  bool             // the floor of ids has been moved in this transaction, above all entries
}

type archiveName struct {
	store *store
	owner string
}

// archiveRow is an archive's row, and what has come since it was written.
type archiveRow struct {
	id, rows, latest, disorder int64
	tail, last                 int64 // entries since, and the id of the last of them
}

func newTx(c *conn) *tx {
	return &tx{c: c, archives: map[archiveName]*archiveRow{}, fresh: map[*store]int64{}}
}

func (t *tx) begin(ctx context.Context) error {
	t.trim()
	t.floored = false
	_, err := t.c.exec(ctx, "BEGIN IMMEDIATE")
	if err != nil { // a rollback that failed before?
		t.rollback(ctx)
		_, err = t.c.exec(ctx, "BEGIN IMMEDIATE")
	}
	return err
}

func (t *tx) commit(ctx context.Context) error {
	if _, err := t.c.exec(ctx, "COMMIT"); err != nil {
		return err
	}
	for s, id := range t.fresh {
		s.id.Store(id)
	}
	clear(t.fresh)
	return nil
}

// rollback forgets the transaction. That it fails is no matter: SQLite has rolled
// back by itself then, or begin tries again.
func (t *tx) rollback(ctx context.Context) {
	_, _ = t.c.exec(ctx, "ROLLBACK")
	clear(t.archives)
	clear(t.fresh)
}

// checkpoint takes the log into the database as far as readers allow.
func (t *tx) checkpoint(ctx context.Context) error {
	var busy, pages, done int
	_, err := t.c.row(ctx, "PRAGMA wal_checkpoint(PASSIVE)", nil, &busy, &pages, &done)
	return err
}

// trim forgets half of the archives' rows when they are too many.
func (t *tx) trim() {
	if len(t.archives) < maxArchives {
		return
	}
	for name := range t.archives {
		if delete(t.archives, name); len(t.archives) <= maxArchives/2 {
			return
		}
	}
}

// apply writes operations.
func (t *tx) apply(ctx context.Context, ops []op) error {
	for i := range ops {
		write := t.append
		if ops[i].run != nil {
			write = t.run
		}
		if err := write(ctx, &ops[i]); err != nil {
			return err
		}
	}
	return nil
}

// run runs an operation; a panic in it loses the transaction, not the writer.
func (t *tx) run(ctx context.Context, o *op) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v", p)
		}
	}()
	return o.run(ctx, t)
}

// storeID returns the number of a store, and makes its row if it has none.
func (t *tx) storeID(ctx context.Context, s *store) (int64, error) {
	if id := t.writtenID(s); id != 0 {
		return id, nil
	}
	var id int64
	_, err := t.c.row(ctx, "INSERT INTO store (host, name, kind) VALUES (?, ?, ?) RETURNING id",
		[]any{s.name.host, s.name.name, int64(s.name.kind)}, &id)
	if err != nil {
		return 0, err
	}
	t.fresh[s] = id
	return id, nil
}

// writtenID returns the number of a store, 0 if it has no row.
func (t *tx) writtenID(s *store) int64 {
	if id := s.id.Load(); id != 0 {
		return id
	}
	return t.fresh[s]
}

// append writes an entry.
func (t *tx) append(ctx context.Context, o *op) error {
	a, err := t.archive(ctx, o.store, o.owner)
	if err != nil {
		return err
	}
	_, err = t.c.exec(ctx, "INSERT INTO entry (id, archive, peer, lag, jid, body) VALUES (?, ?, ?, ?, ?, coalesce(?, x''))",
		o.id, a.id, o.peer, o.lag, o.jid, o.body)
	if err != nil {
		return err
	}
	a.tail, a.last, t.floored = a.tail+1, o.id, false
	at := storage.IDMicros(o.id) + o.lag
	if late := a.latest - at; late > a.disorder {
		// Doubled, so that it is written seldom. Readers rely on it, so it is
		// written at once.
		a.disorder = 1 << bits.Len64(uint64(late)) //nolint:gosec // positive
		if _, err := t.c.exec(ctx, "UPDATE archive SET disorder = ? WHERE id = ?", a.disorder, a.id); err != nil {
			return err
		}
	}
	a.latest = max(a.latest, at)
	if a.tail >= foldAfter {
		return t.fold(ctx, a)
	}
	return nil
}

// archive returns the row of an archive, and makes it if there is none.
func (t *tx) archive(ctx context.Context, s *store, owner string) (*archiveRow, error) {
	a, err := t.writtenArchive(ctx, s, owner)
	if a != nil || err != nil {
		return a, err
	}
	id, err := t.storeID(ctx, s)
	if err != nil {
		return nil, err
	}
	a = &archiveRow{latest: math.MinInt64 / 2}
	_, err = t.c.row(ctx, "INSERT INTO archive (store, owner, rows, upto, latest, disorder) VALUES (?, ?, 0, 0, ?, 0) RETURNING id",
		[]any{id, owner, a.latest}, &a.id)
	if err != nil {
		return nil, err
	}
	t.archives[archiveName{s, owner}] = a
	return a, nil
}

// writtenArchive returns the row of an archive, nil if there is none.
func (t *tx) writtenArchive(ctx context.Context, s *store, owner string) (*archiveRow, error) {
	name := archiveName{s, owner}
	if a := t.archives[name]; a != nil {
		return a, nil
	}
	id := t.writtenID(s)
	if id == 0 {
		return nil, nil
	}
	a := &archiveRow{}
	found, err := t.c.row(ctx, "SELECT id, rows, upto, latest, disorder FROM archive WHERE store = ? AND owner = ?",
		[]any{id, owner}, &a.id, &a.rows, &a.last, &a.latest, &a.disorder)
	if err != nil || !found {
		return nil, err
	}
	var latest int64
	_, err = t.c.row(ctx, "SELECT count(*), coalesce(max((id >> 11) + lag), ?), coalesce(max(id), ?)"+
		" FROM entry INDEXED BY entry_key WHERE archive = ? AND id > ?",
		[]any{a.latest, a.last, a.id, a.last}, &a.tail, &latest, &a.last)
	if err != nil {
		return nil, err
	}
	a.latest = max(a.latest, latest)
	t.archives[name] = a
	return a, nil
}

// fold writes into the archive's row what has come since it was written.
func (t *tx) fold(ctx context.Context, a *archiveRow) error {
	a.rows, a.tail = a.rows+a.tail, 0
	_, err := t.c.exec(ctx, "UPDATE archive SET rows = ?, upto = ?, latest = ? WHERE id = ?", a.rows, a.last, a.latest, a.id)
	return err
}

// Which entries of an archive are to be deleted: a list, or the next slice of a
// range. The list is not looked up in the index.
const (
	deleteList  = "DELETE FROM entry WHERE id IN (SELECT value FROM json_each(?)) AND +archive = ?"
	deleteRange = "DELETE FROM entry WHERE id IN (SELECT id FROM entry INDEXED BY entry_key" +
		" WHERE id >= ? AND id <= ? AND archive = ? ORDER BY id LIMIT 256)"
)

// remove deletes entries of an archive, and returns how many there were. The
// archive's number is the statement's last argument. An archive that has become
// another since it was read, or is gone, has none.
func (t *tx) remove(ctx context.Context, s *store, owner string, archive int64, text string, args ...any) (int, error) {
	a, err := t.writtenArchive(ctx, s, owner)
	if err != nil || a == nil || a.id != archive {
		return 0, err
	}
	if err := t.moveFloor(ctx); err != nil {
		return 0, err
	}
	removed, err := t.c.exec(ctx, text, append(args, archive)...)
	if err != nil {
		return 0, err
	}
	a.rows -= int64(removed)
	if err := t.fold(ctx, a); err != nil || a.rows > 0 {
		return removed, err
	}
	// Its number is never given to another archive, so a reader who still has
	// it finds nothing.
	n, err := t.c.exec(ctx, "DELETE FROM archive WHERE id = ? AND NOT EXISTS (SELECT 1 FROM entry WHERE archive = ?)", archive, archive)
	if n > 0 {
		delete(t.archives, archiveName{s, owner})
	}
	return removed, err
}

// list writes ids as SQLite's json_each reads them.
func list(ids []int64) string {
	b := make([]byte, 0, 20*len(ids)+2)
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return string(append(b, ']'))
}

// moveFloor keeps ids of entries that are about to be deleted from being drawn
// again after a restart.
func (t *tx) moveFloor(ctx context.Context) error {
	if t.floored {
		return nil
	}
	t.floored = true
	_, err := t.c.exec(ctx, "UPDATE server SET floor = max(floor, (SELECT coalesce(max(id), 0) FROM entry))")
	return err
}
