// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"path/filepath"
	"testing"

	"tercet/core/storage"
	"tercet/core/storage/storagetest"
)

func TestContract(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Driver {
		return open(t, filepath.Join(t.TempDir(), "data", "tercet.sqlite"), Options{})
	})
}

// open opens a database; what it warns of fails the test.
func open(t *testing.T, path string, o Options) *DB {
	t.Helper()
	if o.Warn == nil {
		o.Warn = func(text string) { t.Errorf("warning: %s", text) }
	}
	db, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}
