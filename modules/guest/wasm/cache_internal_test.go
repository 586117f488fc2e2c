// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Code that no guest has opened for long goes at the next start, and what
// earlier versions have left; nothing else does.
func TestCacheIsCleared(t *testing.T) {
	root := t.TempDir()
	names := func() (all []string) {
		entries, err := os.ReadDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	open := func(version, file string) *codeCache {
		c, err := openCache(root, version, sha256.Sum256([]byte(file)))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	release := func(all ...*codeCache) {
		for _, c := range all {
			if err := c.release(); err != nil {
				t.Error(err)
			}
		}
	}
	age := func(name string, days int) {
		at := time.Now().AddDate(0, 0, -days)
		if err := os.Chtimes(filepath.Join(root, name), at, at); err != nil {
			t.Fatal(err)
		}
	}

	a, again, b, newer := open("1", "a"), open("1", "a"), open("1", "b"), open("2", "a")
	if a != again || a.dir == b.dir || a.dir == newer.dir {
		t.Fatalf("caches in %s, %s, %s, %s", a.dir, again.dir, b.dir, newer.dir)
	}
	for _, name := range []string{"wazero-v1.0-amd64-linux", "notes"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	age(filepath.Base(newer.dir), 31) // it has run for that long
	release(a, b, newer)
	for name, days := range map[string]int{filepath.Base(a.dir): 60, filepath.Base(b.dir): 29, "notes": 60} {
		age(name, days)
	}
	before := names()
	c := open("2", "c")
	if got := names(); len(got) != len(before)+1 {
		t.Errorf("cleared while others are open: %q of %q", got, before)
	}
	release(c, again)
	age(filepath.Base(a.dir), 31)

	c = open("2", "c")
	want := []string{filepath.Base(b.dir), filepath.Base(newer.dir), filepath.Base(c.dir), "notes"}
	slices.Sort(want)
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("left: %q, want %q", got, want)
	}
	release(c)
}
