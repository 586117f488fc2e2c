// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
)

// newState returns a universe as far as libraries need one. What the server
// provides besides (timers, the true require) is not in it.
func newState(tb testing.TB, out *bytes.Buffer) *lua.LState {
	tb.Helper()
	l := lua.NewState(lua.Options{RegistrySize: 4096, RegistryMaxSize: 1 << 20, CallStackSize: 512, MinimizeStackMemory: true})
	tb.Cleanup(l.Close)
	openRepaired(l)
	preload, _ := l.GetField(l.GetGlobal("package"), "preload").(*lua.LTable)
	for name, load := range lib.Loaders() {
		preload.RawSetString(name, l.NewFunction(load))
	}
	setGlobals(tb, l, out)
	return l
}

// setGlobals gives scripts what they have besides libraries.
func setGlobals(tb testing.TB, l *lua.LState, out *bytes.Buffer) {
	tb.Helper()
	l.SetGlobal("certificate", lua.LString(certificate(tb)))
	l.SetGlobal("print", l.NewFunction(func(l *lua.LState) int {
		for i := range l.GetTop() {
			if i > 0 {
				out.WriteByte('\t')
			}
			out.WriteString(l.ToStringMeta(l.Get(i + 1)).String())
		}
		out.WriteByte('\n')
		return 0
	}))
}

// run runs files below testdata in a universe and returns what it prints.
func run(tb testing.TB, files ...string) string {
	tb.Helper()
	var out bytes.Buffer
	u := universe.New(universe.Options{Loaders: lib.Loaders(), Limit: -1, Log: slog.New(slog.DiscardHandler)})
	defer u.Close()
	if err := u.Do(tb.Context(), &universe.Task{Name: "globals"}, func(l *lua.LState) { setGlobals(tb, l, &out) }); err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := enter(tb, u, false, string(source)); err != nil {
			tb.Fatalf("%s\n%s: %v", out.String(), file, err)
		}
	}
	return out.String()
}

// TestLibraries runs the tables in testdata/tests, which raise an error where
// a library does not do what it should.
func TestLibraries(t *testing.T) {
	files, err := filepath.Glob("testdata/tests/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatal("no tests", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".lua"), func(t *testing.T) {
			t.Setenv("TEST_DIR", t.TempDir())
			if out := run(t, "check.lua", "tests/"+filepath.Base(file)); out != "" {
				t.Error(out)
			}
		})
	}
}

// prosody is where Debian's package keeps its libraries.
const prosody = "/usr/lib/prosody"

// TestAsProsody runs the scripts in testdata/diff here and with the libraries
// of Debian's package prosody, and compares what they print.
func TestAsProsody(t *testing.T) {
	interpreter, err := exec.LookPath("lua5.4")
	if err != nil {
		t.Skip("lua5.4 is not installed (scripts/deps.sh does it): nothing to compare with")
	}
	if _, err := os.Stat(prosody + "/util/stanza.lua"); err != nil {
		t.Skip("Debian's package prosody is not installed (scripts/deps.sh does it): nothing to compare with")
	}
	files, err := filepath.Glob("testdata/diff/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".lua"), func(t *testing.T) {
			t.Parallel()
			compare(t, file, theirs(t, interpreter, file), run(t, "prelude.lua", "diff/"+filepath.Base(file)))
		})
	}
}

// theirs is what a script prints with Prosody's libraries.
func theirs(t *testing.T, interpreter, file string) string {
	t.Helper()
	setup := `package.path="` + prosody + `/?.lua;"..package.path package.cpath="` + prosody + `/?.so;"..package.cpath
		prosody={paths={source="` + prosody + `"}} unpack=table.unpack dofile("testdata/prelude.lua") dofile(arg[1])`
	script := filepath.Join(t.TempDir(), "setup.lua")
	if err := os.WriteFile(script, []byte(setup), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, script, file)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-600):])
	}
	return string(out)
}

func compare(t *testing.T, file, want, got string) {
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
			t.Errorf("%s: line %d of the output\nProsody: %s\nours:    %s", file, i+1, w, g)
		}
	}
}
