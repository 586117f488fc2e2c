// SPDX-License-Identifier: Apache-2.0

package universe_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// testdata/lua51.lua says what Lua 5.1 does; here is whether we do.
func TestLua51(t *testing.T) {
	source, err := os.ReadFile("testdata/lua51.lua")
	if err != nil {
		t.Fatal(err)
	}
	u, w := start(t, universe.Options{Limit: -1})
	dir := t.TempDir()
	err = u.Do(context.Background(), task, func(l *lua.LState) {
		fn, err := u.Load(l, "testdata/lua51.lua", source, nil)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(fn)
		l.Push(lua.LString(dir))
		l.Push(lua.LTrue)
		l.Call(2, 0)
	})
	if err != nil {
		t.Errorf("%v\n%s", err, w)
	}
}

// The checks are right: Lua 5.1 itself passes them.
func TestLua51Itself(t *testing.T) {
	path, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, "testdata/lua51.lua", t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
