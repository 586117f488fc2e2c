// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tercet/core/jid"
	"tercet/core/storage"
)

// makeDatabase makes a database from a file of SQL.
func makeDatabase(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path := place(t)
	pool, err := openPool(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.ExecContext(t.Context(), string(text)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var blanks = regexp.MustCompile(`\s+|--.*`)

// schemaOf returns what makes each table and index.
func schemaOf(t *testing.T, db *DB) map[string]string {
	t.Helper()
	schema := map[string]string{}
	err := db.writer.do(t.Context(), 0, func(ctx context.Context, tx *tx) error {
		return tx.c.each(ctx, "SELECT name, coalesce(sql, '') FROM sqlite_schema", nil, func(r row) (bool, error) {
			schema[r.text(0)] = blanks.ReplaceAllString(r.text(1), "")
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestUpgrade opens a database of each version that was ever released.
func TestUpgrade(t *testing.T) {
	steps, err := fs.Glob(migrations(), "*.sql")
	if err != nil || len(steps) == 0 {
		t.Fatal("no migrations", err)
	}
	fresh := open(t, place(t), Options{})
	want := schemaOf(t, fresh)
	for i, step := range steps {
		version, err := strconv.Atoi(step[:5])
		if err != nil || version != i+1 {
			t.Fatalf("migration %s does not have number %d", step, i+1)
		}
		t.Run(step, func(t *testing.T) {
			db := open(t, makeDatabase(t, fmt.Sprintf("v%d.sql", version)), Options{})
			if got := schemaOf(t, db); !maps.Equal(got, want) {
				t.Errorf("schema after the upgrade:\n%v\nwant\n%v", got, want)
			}
			checkSample(t, db)
		})
	}
}

// checkSample checks that all that testdata/v*.sql hold is there and can be changed.
func checkSample(t *testing.T, db *DB) {
	t.Helper()
	ctx := t.Context()
	kv, _ := db.KeyValue("example.org", "vcard")
	m, _ := db.Map("example.org", "roster")
	a, _ := db.Archive("example.org", "archive")
	if v, err := kv.Get(ctx, "romeo"); err != nil || string(v) != "<vCard/>" {
		t.Errorf("value %q, %v", v, err)
	}
	if v, err := m.Get(ctx, "romeo", "juliet@example.org"); err != nil || string(v) != "both" {
		t.Errorf("pair %q, %v", v, err)
	}
	for with, want := range map[string]string{"": "one two three", "juliet@example.org": "one three", "juliet@example.org/balcony": "one"} {
		q := storage.Query{}
		if with != "" {
			q.With = jid.MustParse(with)
		}
		var texts []string
		for e, err := range a.Find(ctx, "romeo", q) {
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(e.Body))
		}
		if got := strings.Join(texts, " "); got != want {
			t.Errorf("with %q: %q, want %q", with, got, want)
		}
		if n, err := a.Count(ctx, "romeo", q); err != nil || n != len(texts) {
			t.Errorf("with %q: Count %d, %v", with, n, err)
		}
	}
	_, last, err := a.Bounds(ctx, "romeo")
	if err != nil || last == nil {
		t.Fatalf("Bounds: %v, %v", last, err)
	}
	id, c, err := a.Append("romeo", storage.Entry{Body: []byte("four")})
	if err != nil || id <= last.ID || c.Wait(ctx) != nil {
		t.Errorf("Append: %s after %s, %v, %v", id, last.ID, err, c.Err())
	}
	if n, err := a.Delete(ctx, "romeo", storage.Query{}); n != 4 || err != nil {
		t.Errorf("Delete: %d, %v", n, err)
	}
	fill(t, db)
}

// TestMigrate: the upgrade of a database with data in it, and one that fails.
func TestMigrate(t *testing.T) {
	first, err := fs.ReadFile(migrations(), "00001_stores.sql")
	if err != nil {
		t.Fatal(err)
	}
	steps := fstest.MapFS{
		"00001_stores.sql": {Data: first},
		"00002_next.sql":   {Data: []byte("-- +goose Up\nALTER TABLE value ADD COLUMN extra INTEGER NOT NULL DEFAULT 7;\nUPDATE value SET extra = 8 WHERE owner = 'romeo';\n")},
	}
	path := makeDatabase(t, "v1.sql")
	pool, err := openPool(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx := t.Context()
	for range 2 { // a second time there is nothing to do
		if err := prepareSchema(ctx, pool, steps); err != nil {
			t.Fatal(err)
		}
	}
	var extra int
	if err := pool.QueryRowContext(ctx, "SELECT extra FROM value WHERE owner = 'romeo'").Scan(&extra); err != nil || extra != 8 {
		t.Errorf("extra is %d, %v", extra, err)
	}
	steps["00003_broken.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nUPDATE value SET extra = 9;\nCREATE TABLE half (x);\nNONSENSE;\n")}
	if err := prepareSchema(ctx, pool, steps); err == nil || !strings.Contains(err.Error(), "from version 2 to 3") {
		t.Errorf("broken migration: %v", err)
	}
	if err := pool.QueryRowContext(ctx, "SELECT extra FROM value WHERE owner = 'romeo'").Scan(&extra); err != nil || extra != 8 {
		t.Errorf("extra is %d, %v, after a migration that failed", extra, err)
	}
	delete(steps, "00003_broken.sql")
	if err := prepareSchema(ctx, pool, steps); err != nil {
		t.Errorf("after a migration that failed: %v", err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, path, "version 2", "later server", "up to 1")
}

// TestPlans: no statement looks at more than what an index leads to.
func TestPlans(t *testing.T) {
	db := open(t, place(t), Options{Readers: 1})
	fill(t, db)
	ctx := t.Context()
	a, _ := db.Archive("h", "a")
	kv, _ := db.KeyValue("h", "v")
	m, _ := db.Map("h", "m")
	for _, with := range []string{"", "a@b", "a@b/c"} {
		for mask := range 8 {
			q := storage.Query{Backward: mask&1 != 0, After: "0", Before: "v"}
			if with != "" {
				q.With = jid.MustParse(with)
			}
			if mask&2 != 0 {
				q.Start, q.End = time.Unix(0, 0), time.Unix(1, 0)
			}
			if mask&4 != 0 {
				q.IDs = []string{}
			}
			for range a.Find(ctx, "o", q) {
			}
			_, _ = a.Count(ctx, "o", q)
			_, _ = a.Delete(ctx, "o", q)
		}
	}
	_, _ = a.Count(ctx, "o", storage.Query{})
	_, _ = a.Expire(ctx, time.Unix(1, 0))
	for range 2 {
		for range a.Owners(ctx) {
		}
		for range kv.Owners(ctx) {
		}
		for range m.All(ctx, "o") {
		}
		for range m.Find(ctx, "k") {
		}
	}
	_, _ = m.Get(ctx, "o", "k")
	_, _ = db.Stores(ctx)
	_ = db.Purge(ctx, "h", "o")
	var texts []string
	for _, collect := range []func(func(context.Context, *conn) error) error{
		func(fn func(context.Context, *conn) error) error {
			return db.writer.do(ctx, 0, func(ctx context.Context, tx *tx) error { return fn(ctx, tx.c) })
		},
		func(fn func(context.Context, *conn) error) error {
			_, err := read(ctx, db.readers, func(ctx context.Context, c *conn) (int, error) { return 0, fn(ctx, c) })
			return err
		},
	} {
		err := collect(func(_ context.Context, c *conn) error {
			texts = slices.AppendSeq(texts, maps.Keys(c.statements))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(texts) < 30 || len(texts) > 80 {
		t.Errorf("%d statements prepared; some were not, or their number has no bound", len(texts))
	}
	pool, err := openPool(db.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, text := range texts {
		if strings.HasPrefix(text, "PRAGMA") {
			continue
		}
		for _, detail := range planOf(t, pool, text) {
			if strings.Contains(detail, "TEMP B-TREE") || strings.HasPrefix(detail, "SCAN") && !slices.Contains(scanned, detail) {
				t.Errorf("%s\n\t%s", text, detail)
			}
		}
	}
}

// planOf returns how a statement will be run.
func planOf(t *testing.T, pool *sql.DB, text string) (details []string) {
	t.Helper()
	args := make([]any, strings.Count(text, "?"))
	for i := range args {
		args[i] = i
	}
	rows, err := pool.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		details = append(details, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return details
}

// scanned are scans of a table that has one row, or is read when it is opened, or
// is a list of arguments.
var scanned = []string{"SCAN server", "SCAN store", "SCAN json_each VIRTUAL TABLE INDEX 1:"}
