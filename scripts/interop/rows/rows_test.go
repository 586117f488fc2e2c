// SPDX-License-Identifier: Apache-2.0

// Package rows_test plays what modules of Prosody do, row by row of a table, to
// genuine Prosody and to the built server with the same modules.
package rows_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"tercet/core/coretest"
)

// ready are the files of testdata (without .txtar) that pass on Tercet.
var ready = []string{}

// TestRowsOnProsody proves the rows on Debian's prosody: with the modules, with
// the modules after a reload of each, and without them.
func TestRowsOnProsody(t *testing.T) {
	for _, file := range []string{"/usr/bin/prosody", prosodyModules + "/mod_firewall"} {
		if _, err := os.Stat(file); err != nil {
			t.Skip("Debian's prosody and prosody-modules are not installed: make deps")
		}
	}
	k := prosody()
	for _, r := range rows(t) {
		t.Run(r.name, func(t *testing.T) { r.run(t, k) })
	}
}

// TestRowsOnTercet plays the rows that are ready to the built server. The
// environment's TERCET_ROWS names others to try: names of files, or "all".
func TestRowsOnTercet(t *testing.T) {
	try := strings.Fields(os.Getenv("TERCET_ROWS"))
	list := slices.DeleteFunc(rows(t), func(r row) bool {
		return !slices.Contains(ready, r.name) && !slices.Contains(try, r.name) && !slices.Contains(try, "all")
	})
	if len(list) == 0 {
		t.Log("no row is ready: the server runs no modules in Lua yet")
		return
	}
	binary := t.TempDir() + "/tercet"
	build := exec.Command("go", "build", "-o", binary, "tercet")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	k := tercet(binary)
	t.Run("rows", func(t *testing.T) { // ends when its parallel parts have
		for _, r := range list {
			t.Run(r.name, func(t *testing.T) { r.run(t, k) })
		}
	})
}

func rows(t *testing.T) []row {
	t.Helper()
	list, err := readRows()
	if err != nil || len(list) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	return list
}

// run plays the row three times, each to a server of its own.
func (r row) run(t *testing.T, k *kind) {
	t.Helper()
	for _, way := range []string{"with", "reloaded", "without"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r.runOnce(t, k, way)
		})
	}
}

func (r row) runOnce(t *testing.T, k *kind, way string) {
	t.Helper()
	s := newServer(t, k)
	if way != "without" {
		s.modules, s.reloaded = r.modules, way == "reloaded"
	}
	p := r.play(way != "without", s.places())
	if err := s.write(p); err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	if s.reloaded && len(p.errors) == 0 {
		for _, m := range r.modules {
			if err := s.logged("", "reloaded "+m+" on ", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	coretest.ParseScript("testdata/"+r.name+".txtar", p.steps).Run(t, s)
	for _, line := range s.failures(p.errors) {
		t.Error("the log tells of an error: ", line)
	}
}
