// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
)

// trace runs testdata/tasks/name.lua with a library, ours if file is "", and
// returns what it prints.
func trace(t *testing.T, name, file string) string {
	t.Helper()
	u := universe.New(universe.Options{Loaders: lib.Loaders()})
	defer u.Close()
	var out bytes.Buffer
	err := u.Do(t.Context(), &universe.Task{Name: name}, func(l *lua.LState) {
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
		source, err := os.ReadFile(filepath.Join("testdata", "tasks", name+".lua"))
		if err != nil {
			t.Fatal(err)
		}
		fn, err := u.Load(l, name+".lua", source, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.Push(fn)
		if file == "" {
			l.Push(l.GetGlobal("require"))
			l.Push(lua.LString("util." + name))
			l.Call(1, 1)
		} else {
			l.Push(l.GetGlobal("dofile"))
			l.Push(lua.LString(file))
			l.Call(1, 1)
		}
		l.Call(1, 0)
	})
	if err != nil {
		t.Errorf("%s\n%v", out.String(), err)
	}
	return out.String()
}

// util.async, util.promise and util.events do what those of Prosody do, and
// these run in the universe unchanged.
func TestTasksAsProsody(t *testing.T) {
	for _, name := range []string{"async", "promise", "events"} {
		t.Run(name, func(t *testing.T) {
			ours := trace(t, name, "")
			if strings.Count(ours, "\n") < 20 {
				t.Errorf("printed only:\n%s", ours)
			}
			file := filepath.Join(prosody, "util", name+".lua")
			if _, err := os.Stat(file); err != nil {
				t.Skip("Debian's package prosody is not installed (scripts/deps.sh does it): nothing to compare with")
			}
			compare(t, name, trace(t, name, file), ours)
		})
	}
}
