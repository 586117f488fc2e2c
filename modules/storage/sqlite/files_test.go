// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tercet/core/storage"
)

// fill writes something into each kind of store.
func fill(t *testing.T, db *DB) {
	t.Helper()
	ctx := t.Context()
	kv, _ := db.KeyValue("h", "v")
	m, _ := db.Map("h", "m")
	a, _ := db.Archive("h", "a")
	_, c, err := a.Append("o", storage.Entry{Body: []byte("body")})
	for _, err := range []error{err, c.Wait(ctx), kv.Set(ctx, "o", []byte("value")), m.Set(ctx, "o", map[string][]byte{"k": []byte("pair")})} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// wantRefused fails unless Open is refused with all of the words.
func wantRefused(t *testing.T, path string, words ...string) {
	t.Helper()
	db, err := Open(path, Options{})
	if err == nil {
		_ = db.Close()
		t.Fatalf("Open(%s) was not refused", path)
	}
	for _, w := range append(words, path) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Open(%s): %v; want %q in it", path, err, w)
		}
	}
}

func TestModes(t *testing.T) {
	for _, umask := range []int{0, 0o22, 0o27, 0o77} {
		old := syscall.Umask(umask)
		t.Cleanup(func() { syscall.Umask(old) })
		dir := filepath.Join(t.TempDir(), "var", "data")
		db := open(t, filepath.Join(dir, "tercet.sqlite"), Options{}) // warnings fail
		fill(t, db)
		for name, want := range map[string]fs.FileMode{
			".": dirMode, "..": dirMode, lockName: fileMode, "tercet.sqlite": fileMode, "tercet.sqlite-wal": fileMode, "tercet.sqlite-shm": fileMode,
		} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if want &^= fs.FileMode(umask); info.Mode().Perm() != want {
				t.Errorf("umask %04o: %s has mode %04o, want %04o", umask, name, info.Mode().Perm(), want)
			}
		}
	}
}

func TestWiderModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "tercet.sqlite")
	db := open(t, path, Options{})
	fill(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, path} {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var warnings []string
	db = open(t, path, Options{Warn: func(text string) { warnings = append(warnings, text) }})
	all := strings.Join(warnings, "\n")
	for _, want := range []string{dir + " has mode 0755", path + " has mode 0755", "wider than 0750", "wider than 0640"} {
		if !strings.Contains(all, want) {
			t.Errorf("warnings %q, want %q in them", warnings, want)
		}
	}
	fill(t, db) // but it works
}

func TestLock(t *testing.T) {
	path := place(t)
	db := open(t, path, Options{})
	wantRefused(t, path, "another server", "process")
	wantRefused(t, filepath.Join(filepath.Dir(path), "other.sqlite"), "another server") // one folder, one server
	fill(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path, Options{})

	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childTask+"=open", childPath+"="+path)
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "another server has "+filepath.Dir(path)+" open (process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("another process: %v\n%s", err, out)
	}
	fill(t, db) // the attempts have not disturbed it
}

func TestForeign(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to another user")
	}
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "tercet.sqlite")
	if err := open(t, path, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path + "-wal", path + "-shm"} { // as a server that was killed leaves them
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{dir, path, path + "-wal", path + "-shm"} {
		if err := os.Chown(name, 12345, -1); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, path, name+" belongs to user 12345")
		if err := os.Chown(name, 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	open(t, path, Options{})
}

func TestNotOurs(t *testing.T) {
	dir := filepath.Dir(place(t))
	foreign := filepath.Join(dir, "foreign.sqlite")
	pool, err := openPool(foreign, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.ExecContext(t.Context(), "CREATE TABLE prosody (host TEXT)"); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.sqlite")
	short := filepath.Join(dir, "short.sqlite")
	for name, content := range map[string]string{
		text: strings.Repeat("not a database\n", 1000), short: "x",
		filepath.Join(dir, "prosody.sqlite"): "", filepath.Join(dir, "accounts.dat"): "",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, foreign, "not a database of this server")
	wantRefused(t, text, "not a database of this server")
	wantRefused(t, short, "not a database of this server")
	wantRefused(t, filepath.Join(dir, "prosody.sqlite"), "Prosody")
	wantRefused(t, filepath.Join(dir, "accounts.dat"), "Prosody")
	wantRefused(t, filepath.Join(dir, "new.dat"), "Prosody")
	wantRefused(t, filepath.Join(text, "tercet.sqlite"), "not a directory")
	wantRefused(t, dir, "is a directory")
	after, err := os.ReadFile(foreign)
	if err != nil || string(after) != string(before) {
		t.Errorf("the foreign file has changed (%v)", err)
	}
	for _, name := range []string{"new.dat", "foreign.sqlite-wal", "foreign.sqlite-journal"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s has been made", name)
		}
	}
	open(t, filepath.Join(dir, "tercet.sqlite"), Options{}) // what was refused holds no lock
}

// TestOddPaths: signs that mean something in a URI are only signs.
func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b.sqlite", "a?mode=memory.sqlite", "a%41.sqlite", "a#b.sqlite", "ä;é.sqlite", "a&b=c.sqlite", "file:x.sqlite", ":memory:"} {
		path := filepath.Join(filepath.Dir(place(t)), name)
		db := open(t, path, Options{})
		fill(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: nothing in the file (%v)", name, err)
		}
	}
}

// TestCreationInterrupted: a server may end between making the file and marking it.
func TestCreationInterrupted(t *testing.T) {
	path := place(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, open(t, path, Options{}))
}

func TestPragmas(t *testing.T) {
	for word, number := range map[string]string{"normal": "1", "full": "2", "": "1"} {
		db := open(t, place(t), Options{Synchronous: word, CacheSize: 1 << 20, MaxSize: 1 << 20})
		err := db.writer.do(t.Context(), 0, func(ctx context.Context, tx *tx) error {
			for pragma, want := range map[string]string{
				"synchronous": number, "journal_mode": "wal", "wal_autocheckpoint": "16000", "cache_size": "-1024", "max_page_count": "256", "application_id": "1414677332",
			} {
				var got string
				err := tx.c.each(ctx, "PRAGMA "+pragma, nil, func(r row) (bool, error) {
					got = fmt.Sprint(r[0])
					return true, nil
				})
				if err != nil || got != want {
					t.Errorf("synchronous %q: %s is %s (%v), want %s", word, pragma, got, err, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		_, err = read(t.Context(), db.readers, func(ctx context.Context, c *conn) (int, error) { return c.exec(ctx, "DELETE FROM server") })
		if err == nil || !strings.Contains(err.Error(), "readonly") {
			t.Errorf("a reading connection can write: %v", err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "x.sqlite"), Options{Synchronous: "off"}); err == nil || !strings.Contains(err.Error(), "want normal or full") {
		t.Errorf("synchronous off: %v", err)
	}
}
