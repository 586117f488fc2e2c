// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tercet/modules/guest/lua/store"
)

// prosody is where Debian's package keeps its libraries.
const prosody = "/usr/lib/prosody"

// TestAsProsody runs the scripts in testdata/diff here and with the storage of
// Debian's package prosody, and compares what they print.
func TestAsProsody(t *testing.T) {
	interpreter, err := exec.LookPath("lua5.4")
	if err != nil {
		t.Skip("lua5.4 is not installed (scripts/deps.sh does it): nothing to compare with")
	}
	if _, err := os.Stat(prosody + "/core/storagemanager.lua"); err != nil {
		t.Skip("Debian's package prosody is not installed (scripts/deps.sh does it): nothing to compare with")
	}
	prelude, err := os.ReadFile("../lib/testdata/prelude.lua")
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range scripts(t, "diff/*.lua") {
		want := theirs(t, interpreter, name)
		for driver, open := range drivers {
			t.Run(name+"/"+driver, func(t *testing.T) {
				d := open(t)
				defer func() { must(t, d.Close()) }()
				s := newServer(t, d, store.Options{Data: t.TempDir(), Stores: d.Stores, Purge: d.Purge})
				s.run(t, false, "prelude.lua", string(prelude))
				s.run(t, false, name, source)
				compare(t, want, s.out.String())
			})
		}
	}
}

// theirs is what a script prints with Prosody's storage.
func theirs(t *testing.T, interpreter, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, "testdata/prosody.lua", prosody, t.TempDir(), "../lib/testdata/prelude.lua", filepath.Join("testdata/diff", name+".lua"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-600):])
	}
	return string(out)
}

func compare(t *testing.T, want, got string) {
	t.Helper()
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(wants), len(gots)) {
		var w, g string
		if i < len(wants) {
			w = wants[i]
		}
		if i < len(gots) {
			g = gots[i]
		}
		if w != g {
			t.Errorf("line %d of the output\nProsody: %s\nours:    %s", i+1, w, g)
		}
	}
}
