// SPDX-License-Identifier: Apache-2.0

// Package rows_test plays what modules of Prosody do, row by row of a table, to
// genuine Prosody and to the built server with the same modules.
package rows_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/golden"
)

// A way is how a row is played.
type way struct {
	name         string
	with, reload bool
}

var (
	with     = way{name: "with", with: true}
	reloaded = way{name: "reloaded", with: true, reload: true}
	without  = way{name: "without"}
)

// TestRowsOnProsody proves the rows on Debian's prosody: with the modules, with
// the modules after a reload of each, and without them.
func TestRowsOnProsody(t *testing.T) {
	needProsody(t)
	k := prosody()
	for _, r := range rows(t) {
		t.Run(r.name, func(t *testing.T) { r.run(t, k) })
	}
}

// TestRowsOnTercet plays the rows to the built server.
func TestRowsOnTercet(t *testing.T) {
	needProsody(t) // its modules are what is run
	binary := filepath.Join(t.TempDir(), "tercet")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "tercet")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	k := tercet(binary)
	t.Run("rows", func(t *testing.T) { // ends when its parallel parts have
		for _, r := range rows(t) {
			t.Run(r.name, func(t *testing.T) { r.run(t, k) })
		}
	})
}

// TestRowsTell proves that a row tells whether its modules are there: what it
// says for one case is wrong in the other.
func TestRowsTell(t *testing.T) {
	if os.Getenv("TERCET_SOAK") == "" {
		t.Log("waits for much that does not come: TERCET_SOAK=1 runs it")
		return
	}
	needProsody(t)
	k := prosody()
	for _, r := range rows(t) {
		for _, w := range []way{with, without} {
			t.Run(r.name+"/"+w.name, func(t *testing.T) {
				t.Parallel()
				s, p := r.serve(t, k, w)
				other := r.play(!w.with, s.places())
				err := golden.Parse(r.name, other.steps).Run(s)
				if err == nil && slices.Equal(p.errors, other.errors) {
					t.Errorf("a server %s the modules does all that is said of the other", w.name)
				}
				t.Log(err)
			})
		}
	}
}

// TestRowsAreAll wants a file for each row of the table.
func TestRowsAreAll(t *testing.T) {
	const last = 41
	var numbers []int
	for _, r := range rows(t) {
		numbers = append(numbers, r.number)
		if want := fmt.Sprintf("%02d-", r.number); !strings.HasPrefix(r.name, want) {
			t.Errorf("%s does not begin with %s", r.name, want)
		}
	}
	for n := 1; n <= last; n++ {
		if !slices.Contains(numbers, n) {
			t.Errorf("no file for row %d", n)
		}
	}
}

// TestReadme compares the table in the README with the files.
func TestReadme(t *testing.T) {
	table := "| file | modules | what they do |\n|---|---|---|\n"
	for _, r := range rows(t) {
		table += fmt.Sprintf("| `%s` | %s | %s |\n", r.name, strings.Join(r.modules, ", "), r.sentence)
	}
	coretest.Generated(t, "README.md", "rows", table)
}

// needProsody skips a test where Debian's prosody is absent.
func needProsody(t *testing.T) {
	t.Helper()
	for _, file := range prosodyFiles {
		if _, err := os.Stat(file); err != nil {
			t.Skip("Debian's prosody and prosody-modules are not installed: make deps")
		}
	}
}

func rows(t *testing.T) []row {
	t.Helper()
	list, err := readRows()
	if err != nil || len(list) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	return list
}

// run plays the row in all ways, each to a server of its own.
func (r row) run(t *testing.T, k *kind) {
	t.Helper()
	for _, w := range []way{with, reloaded, without} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s, p := r.serve(t, k, w)
			if err := golden.Parse("testdata/"+r.name+".txtar", p.steps).Run(s); err != nil {
				t.Error(err)
			}
			for _, line := range s.failures(p.errors) {
				t.Error("the log:", line)
			}
		})
	}
}

// serve starts a server that has the modules of the row, or has them not.
func (r row) serve(t *testing.T, k *kind, w way) (*server, play) {
	t.Helper()
	s := newServer(t, k)
	p := r.play(w.with, s.places())
	if err := s.addUsers(p.accounts()); err != nil {
		t.Fatal(err)
	}
	if w.with {
		s.modules, s.reload = r.modules, w.reload
	}
	if err := s.write(p); err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	if len(p.errors) == 0 {
		if err := s.loaded(); err != nil {
			t.Fatal(err)
		}
	}
	return s, p
}
