// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
)

// unready are Prosody's libraries that want what only its own main program
// makes, or a library in C that a server written in Go has no use for.
var unready = []string{
	"util.adminstream", "util.bit53", "util.dns", "util.dnsregistry", "util.mercurial", "util.prosodyctl", "util.sql", "util.startup",
}

// Prosody's own libraries in Lua run in the universe unchanged; from us they
// get those that are in C there.
func TestProsodyRuns(t *testing.T) {
	tree := os.DirFS(prosody)
	if _, err := fs.Stat(tree, "util/stanza.lua"); err != nil {
		t.Skip("Debian's package prosody is not installed (scripts/deps.sh does it)")
	}
	loaders := lib.Loaders()
	var names []string
	for name := range loaders {
		if _, err := fs.Stat(tree, strings.ReplaceAll(name, ".", "/")+".lua"); err == nil {
			delete(loaders, name)
		}
	}
	files, err := fs.Glob(tree, "util/*.lua")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := "util." + strings.TrimSuffix(filepath.Base(file), ".lua"); !slices.Contains(unready, name) {
			names = append(names, name)
		}
	}
	u := universe.New(universe.Options{Loaders: loaders, Sources: []fs.FS{tree}, Limit: -1})
	defer u.Close()
	mustEnter(t, u, false, `
prosody = { paths = { source = "`+prosody+`", data = "/tmp" }, events = require "util.events".new(), hosts = {}, platform = "posix" }
package.loaded["net.server"] = { timer = require "util.timer", hook_signal = function() end, add_task = require "util.timer".add_task }
require "util.import"`)
	if err := u.Do(t.Context(), &universe.Task{Name: "lock"}, func(*lua.LState) { u.LockGlobals(true) }); err != nil {
		t.Fatal(err)
	}
	loaded := 0
	for _, name := range names {
		if _, err := enter(t, u, false, "return require '"+name+"'"); err != nil {
			t.Errorf("%s: %.300v", name, err)
			continue
		}
		loaded++
	}
	if loaded < 65 {
		t.Errorf("%d libraries are loaded", loaded)
	}
	v := mustEnter(t, u, false, `
local st, jid, set, array, dt = require "util.stanza", require "util.jid", require "util.set", require "util.array", require "util.datetime"
local reply = st.reply(st.iq { type = "get", id = "1", from = "a@b/c", to = "d" }:tag("query", { xmlns = "x" })):tag("q"):text("<&>")
return tostring(reply) .. " " .. jid.bare("a@b/c") .. " " .. tostring(set.new { 1, 2 } / set.new { 2 }) .. " " ..
	array { 3, 1, 2 }:sort():concat(",") .. " " .. dt.datetime(0)`)
	if want := "<iq to='a@b/c' from='d' id='1' type='result'><q>&lt;&amp;&gt;</q></iq> a@b 2 1,2,3 1970-01-01T00:00:00Z"; v != nil && v.String() != want {
		t.Errorf("got %v", v)
	}
}
