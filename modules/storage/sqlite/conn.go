// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"modernc.org/sqlite"
)

// checkpointPages is how long the log may grow, in pages of 4 KiB, before a
// commit takes it into the database: rarely, since the writer does it when quiet.
const checkpointPages = 16_000

// writerPragmas are those of the connection that writes.
func writerPragmas(o Options) []string {
	p := []string{
		"busy_timeout(30000)", // an admin's tool may be at work
		"synchronous(" + o.Synchronous + ")",
		"wal_autocheckpoint(" + strconv.Itoa(checkpointPages) + ")",
		fmt.Sprintf("cache_size(-%d)", o.CacheSize>>10),
		"journal_size_limit(" + strconv.Itoa(checkpointPages*4096) + ")",
		"temp_store(2)", // memory: no files beside ours
		"trusted_schema(0)",
	}
	if o.MaxSize > 0 {
		p = append(p, fmt.Sprintf("max_page_count(%d)", max(o.MaxSize/4096, 1)))
	}
	return p
}

// readerPragmas are those of the connections that read.
func readerPragmas(o Options) []string {
	return []string{
		"busy_timeout(5000)",
		"query_only(1)",
		fmt.Sprintf("cache_size(-%d)", max(o.CacheSize>>12, 64)),
		"temp_store(2)",
		"trusted_schema(0)",
	}
}

// openPool returns a pool of at most n connections.
func openPool(path string, n int, pragmas []string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	connector, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// conn is a connection with the statements it has prepared. One goroutine uses
// it at a time.
type conn struct {
	c          *sql.Conn
	statements map[string]*sql.Stmt
}

// connect takes a connection out of the pool for good.
func connect(ctx context.Context, pool *sql.DB) (*conn, error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, statements: map[string]*sql.Stmt{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// prepare returns the statement for a text. Texts are constants, or put together
// from a few, so their number is bounded.
func (c *conn) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if s := c.statements[text]; s != nil {
		return s, nil
	}
	s, err := c.c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	c.statements[text] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(ctx context.Context, text string, args ...any) (int, error) {
	s, err := c.prepare(ctx, text) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// row scans the first row and reports whether there was one.
func (c *conn) row(ctx context.Context, text string, args []any, into ...any) (bool, error) {
	s, err := c.prepare(ctx, text) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each calls fn for the rows until it returns false.
func (c *conn) each(ctx context.Context, text string, args []any, fn func(*sql.Rows) (bool, error)) (err error) {
	s, err := c.prepare(ctx, text) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if more, err := fn(rows); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}
