// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// want are the chunks that fail with a server of nothing, and why.
var want = map[string]string{
	"mod_auth_insecure.lua":   "assertion failed!", // it wants to be told that it may
	"mod_auth_ldap.lua":       "ldap_base is a required option",
	"mod_bookmarks.lua":       "conflicting",
	"mod_mam.lua":             "bad argument #1 to floor (number expected, got table)", // of the stub's
	"mod_muc.lua":             "MUC should be loaded as a component",
	"mod_scansion_record.lua": "bad argument #1 to open (string expected, got table)", // of the stub's
}

// The chunks of Prosody's own modules run unmodified, with our libraries and a
// server of nothing.
func TestProsodyModules(t *testing.T) {
	files, err := filepath.Glob(prosody + "/modules/*.lua")
	if err != nil || len(files) == 0 {
		t.Skip("Debian's package prosody is not installed (scripts/deps.sh does it)")
	}
	more, err := filepath.Glob(prosody + "/modules/*/*.lua")
	if err != nil {
		t.Fatal(err)
	}
	u, logged := newUniverse(t)
	defer u.Close()
	source, err := os.ReadFile("testdata/tasks/stub.lua")
	if err != nil {
		t.Fatal(err)
	}
	anyOf, _ := mustEnter(t, u, false, string(source)).(*lua.LFunction)
	if anyOf == nil {
		t.Fatal("no stub")
	}
	for _, file := range append(files, more...) {
		name := filepath.Base(file)
		err := chunk(t, u, anyOf, file)
		if err == nil && want[name] == "" || err != nil && want[name] != "" && strings.Contains(err.Error(), want[name]) {
			continue
		}
		if failed, ok := errors.AsType[*universe.Error](err); ok {
			t.Errorf("%s: %.300s\n%s", name, failed.Text, failed.Traceback)
		} else {
			t.Errorf("%s: no error", name)
		}
	}
	t.Log("not ours: ", mustEnter(t, u, false, "return table.concat(missing, ' ')"))
	if strings.Contains(logged.String(), "function for Lua failed") {
		t.Error(logged)
	}
}

// chunk runs the chunk of a module.
func chunk(t *testing.T, u *universe.Universe, anyOf *lua.LFunction, file string) error {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return u.Do(t.Context(), &universe.Task{Name: filepath.Base(file)}, func(l *lua.LState) {
		l.Push(anyOf)
		l.Push(lua.LString("module"))
		l.Call(1, 1)
		env := u.NewEnvironment(l, l.Get(-1))
		fn, err := u.Load(l, file, source, env)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(fn)
		l.Call(0, 0)
	})
}
