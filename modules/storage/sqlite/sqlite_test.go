// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tercet/config"
	"tercet/core/coretest"
	"tercet/core/storage"
	"tercet/core/storage/storagetest"
)

// Tests start this program anew to have another process: what that one does
// stands in its environment.
const (
	childTask = "TERCET_TEST_TASK"
	childPath = "TERCET_TEST_PATH"
)

func TestMain(m *testing.M) {
	path := os.Getenv(childPath)
	switch os.Getenv(childTask) {
	case "kill":
		killChild(path)
	case "open":
		_, err := Open(path, Options{})
		fmt.Println(err)
	default:
		os.Exit(m.Run())
	}
}

func TestContract(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Driver {
		return open(t, place(t), Options{})
	})
}

// place returns the path of a database in a folder of its own.
func place(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "tercet.sqlite")
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

func TestReadme(t *testing.T) {
	coretest.Generated(t, "README.md", "options", config.OptionsTable(Defaults))
}
