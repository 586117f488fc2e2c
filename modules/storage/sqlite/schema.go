// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrations returns the schema's steps. A step that has been released is never
// changed; a database of each version is in testdata.
func migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return embedded // not reached: the path is valid; the provider finds no steps there
	}
	return sub
}

// prepareSchema marks a new file as ours, sets the journal's mode, and brings the
// schema up to date. The mark goes first, while it still goes to the file itself
// and not to the log: checkHeader looks for it there.
func prepareSchema(ctx context.Context, db *sql.DB, steps fs.FS) error {
	var id int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
			return err
		}
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system of the database cannot hold a write-ahead log: journal mode is %s", mode)
	}
	return migrate(ctx, db, steps)
}

// migrate runs the steps that the database has not seen. A step that fails leaves
// no trace.
func migrate(ctx context.Context, db *sql.DB, steps fs.FS) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db, steps, goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read version of the schema: %w", err)
	}
	if current > target {
		return fmt.Errorf("its schema has version %d, which is of a later server: this one knows versions up to %d", current, target)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring schema from version %d to %d: %w", current, target, err)
	}
	return nil
}
