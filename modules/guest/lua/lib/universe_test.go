// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"bytes"
	"log/slog"
	"maps"
	"slices"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
)

// TestInUniverse loads all libraries where modules run, with the globals
// locked, under both of their names.
func TestInUniverse(t *testing.T) {
	var log bytes.Buffer
	loaders := lib.Loaders()
	u := universe.New(universe.Options{Loaders: loaders, Limit: -1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer u.Close()
	if err := u.Do(t.Context(), &universe.Task{Name: "lock"}, func(*lua.LState) { u.LockGlobals(true) }); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(loaders)) {
		if _, err := enter(t, u, false, "return require '"+name+"' == require 'prosody."+name+"' or error('two of them')"); err != nil {
			t.Errorf("%s: %.300v", name, err)
		}
	}
	if log.Len() > 0 {
		t.Errorf("the log has\n%s", log.String())
	}
}
