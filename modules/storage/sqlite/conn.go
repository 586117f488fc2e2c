// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
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

// newConnector opens connections to a database.
func newConnector(path string, pragmas []string) (driver.Connector, error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return sqlite.NewConnector(u.String())
}

// openPool returns a pool of one connection, for what is not worth a conn.
func openPool(path string, pragmas []string) (*sql.DB, error) {
	connector, err := newConnector(path, pragmas)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db, nil
}

// conn is a connection with the statements it has prepared. One goroutine uses
// it at a time. It stands on the driver itself: database/sql would add locks, a
// goroutine and a copy of each value to what a row costs.
//
// A context that can end costs a goroutine per statement; those that cannot take
// long are run with steady contexts.
type conn struct {
	c          driver.Conn
	statements map[string]driver.Stmt
	args       []driver.NamedValue
}

// connect opens a connection.
func connect(ctx context.Context, to driver.Connector) (*conn, error) {
	c, err := to.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, statements: map[string]driver.Stmt{}}, nil
}

// steady is for statements that cannot take long.
func steady(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// prepare returns the statement for a text. Texts are constants, or put together
// from a few, so their number is bounded.
func (c *conn) prepare(ctx context.Context, text string) (driver.Stmt, error) {
	if s := c.statements[text]; s != nil {
		return s, nil
	}
	p, ok := c.c.(driver.ConnPrepareContext)
	if !ok {
		return nil, errDriver
	}
	s, err := p.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	c.statements[text] = s
	return s, nil
}

// errDriver says that the driver is not the one that this package is made for.
var errDriver = errors.New("the SQLite driver takes no contexts")

// bind makes arguments of int, int64, string, []byte or nil. They are good until
// the next call.
func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		if n, ok := a.(int); ok {
			a = int64(n)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(ctx context.Context, text string, args ...any) (int, error) {
	s, err := c.prepare(ctx, text)
	if err != nil {
		return 0, err
	}
	run, ok := s.(driver.StmtExecContext)
	if !ok {
		return 0, errDriver
	}
	result, err := run.ExecContext(ctx, c.bind(args))
	clear(c.args)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// query runs a statement that has rows.
func (c *conn) query(ctx context.Context, text string, args []any) (driver.Rows, error) {
	s, err := c.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	run, ok := s.(driver.StmtQueryContext)
	if !ok {
		return nil, errDriver
	}
	rows, err := run.QueryContext(ctx, c.bind(args))
	clear(c.args)
	return rows, err
}

// row scans the first row and reports whether there was one.
func (c *conn) row(ctx context.Context, text string, args []any, into ...any) (found bool, err error) {
	err = c.each(ctx, text, args, func(r row) (bool, error) {
		found = true
		return false, r.scan(into...)
	})
	return found && err == nil, err
}

// each calls fn for the rows until it returns false. A row is good until fn
// returns; the values in it may be kept.
func (c *conn) each(ctx context.Context, text string, args []any, fn func(row) (bool, error)) (err error) {
	rows, err := c.query(ctx, text, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for r := make(row, len(rows.Columns())); ; {
		switch err := rows.Next(r); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if more, err := fn(r); err != nil || !more {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// row is a row as the driver gives it. A column of another type than asked for
// is the zero value: tables are STRICT.
type row []driver.Value

func (r row) int(i int) int64 {
	n, _ := r[i].(int64)
	return n
}

func (r row) text(i int) string {
	s, _ := r[i].(string)
	return s
}

// blob is nil for a blob without bytes, too.
func (r row) blob(i int) []byte {
	b, _ := r[i].([]byte)
	return b
}

// scan puts the columns into variables.
func (r row) scan(into ...any) error {
	for i, v := range into {
		switch v := v.(type) {
		case *int64:
			*v = r.int(i)
		case *int:
			*v = int(r.int(i))
		case *string:
			*v = r.text(i)
		case *[]byte:
			*v = r.blob(i)
		default:
			return fmt.Errorf("scan into %T", v)
		}
	}
	return nil
}
