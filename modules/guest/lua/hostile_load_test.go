// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules/guest/guesttest"
	"tercet/modules/guest/lua"
)

// counting is a module that counts, and keeps what it has counted.
const counting = `
local st = require "util.stanza";
local count = 0;
function module.save() return { count = count }; end
function module.restore(state) count = state.count; end
module:hook("iq-get/host/urn:example:count:count", function (event)
	count = count + 1;
	event.origin.send(st.reply(event.stanza):text_tag("count", "is " .. count, { xmlns = "urn:example:count" }));
	return true;
end);
`

const countIt = "<iq type='get' id='c' to='example.org'><count xmlns='urn:example:count'/></iq>"

// A new version that does not load, however, leaves the old one at work with
// what it has counted; and so does one whose old version does not end.
func TestHostileVersions(t *testing.T) {
	lua.SetLoadLimit(t, 300*time.Millisecond)
	w := newStage(t, `lua_memory_limit = "40MB"`, "count", counting)
	said := 0
	count := func() {
		t.Helper()
		said++
		exchange(t, w.romeo, countIt, fmt.Sprintf(">is %d<", said))
	}
	count()
	at := fmt.Sprintf("mod_count.lua:%d:", strings.Count(counting, "\n")+1)
	for _, tt := range []struct{ name, more, want string }{
		{"syntax", "local x = = 1", at},
		{"syntax at the end", "if true then", at},
		{"an error", `error("no")`, at + " no"},
		{"an error in load", `function module.load() error("no") end`, at + " no"},
		{"an error in restore", `function module.restore() error("no") end`, at + " no"},
		{"an endless load", `while true do end`, "ran for more than 300ms"},
		{"an endless load that catches", `while true do pcall(function () while true do end end) end`, "ran for more than 300ms"},
		{"an endless restore", `function module.restore() while true do end end`, "ran for more than 300ms"},
		{"a memory bomb", `local t = {} while true do t[#t + 1] = ("x"):rep(1e5) .. #t end`, "stopped: it "}, // for its memory, or on a busy machine its time
		{"deep recursion", `local function f() return 1 + f() end f()`, "stack overflow"},
		{"a command of 10 s", `os.execute("sleep 10")`, "held up all of Lua for 1s"},
		{"more than a file may have", "--" + strings.Repeat("x", 4<<20), "no such module"},
		{"no text", "\x1bLua", "mod_count.lua:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := w.rewrite("count", counting+tt.more); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			count()
			w.others()
			if state := w.state("count"); state != "loaded" {
				t.Errorf("the old one is %s", state)
			}
		})
	}
	if err := w.rewrite("count", counting+"-- fine"); err != nil {
		t.Error(err)
	}
	count()
}

// A version that can neither save nor end is replaced all the same, or goes on.
func TestHostileEnds(t *testing.T) {
	lua.SetLoadLimit(t, 300*time.Millisecond)
	for _, tt := range []struct{ name, more, want, says string }{
		{"an error in save", `function module.save() error("no") end`, "save: ", ">is 2<"},
		{"an endless save", `function module.save() while true do end end`, "ran for more than 300ms", ">is 2<"},
		{"an error in unload", `function module.unload() error("no") end`, "", ">is 2<"},
		{"an endless unload", `function module.unload() while true do end end`, "", ">is 2<"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newStage(t, "", "count", counting+tt.more)
			exchange(t, w.romeo, countIt, ">is 1<")
			err := w.rewrite("count", counting)
			if text := fmt.Sprint(err); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(text, tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			exchange(t, w.romeo, countIt, tt.says)
			w.others()
		})
	}
}

// One that does not load when the server starts is named in the log, with its
// file and line, and keeps nobody else from it.
func TestHostileStart(t *testing.T) {
	lua.SetLoadLimit(t, 300*time.Millisecond)
	for _, tt := range []struct{ name, code, want string }{
		{"syntax", "local x\nx = = 1", "mod_bad.lua:2:"},
		{"error", "error('no')", "mod_bad.lua:1: no"},
		{"endless", "while true do end", "ran for more than 300ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newStage(t, "", "bad", tt.code)
			w.log.One("Error initializing module", "example.org:bad", tt.want)
			if state := w.state("bad"); state != "suspended" {
				t.Errorf("it is %s", state)
			}
			w.others()
		})
	}
}

// Modules that unload, reload or load themselves or others while they handle
// an event are gone, or there, after it; nobody waits for anybody.
func TestHostileChanges(t *testing.T) {
	for _, tt := range []struct{ name, call, state, other string }{
		{"unloads itself", `unload(module.host, "bad")`, "", "loaded"},
		{"reloads itself", `reload(module.host, "bad")`, "loaded", "loaded"},
		{"loads itself again", `load(module.host, "bad")`, "loaded", "loaded"},
		{"unloads another", `unload(module.host, "other")`, "loaded", ""},
		{"reloads another", `reload(module.host, "other")`, "loaded", "loaded"},
		{"loads another", `load(module.host, "more")`, "loaded", "loaded"},
		{"unloads Lua", `unload("*", "lua")`, "loaded", "loaded"},
		{"unloads the way in", `unload("*", "c2s")`, "loaded", "loaded"},
		{"unloads what is not there", `unload(module.host, "nothing")`, "loaded", "loaded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newStage(t, "", "bad", meddle(`local mm = require "core.modulemanager"; mm.`+tt.call+`;`), "other", "")
			more := "module:log('info', 'more is here')"
			if err := w.rewrite("other", more); err != nil {
				t.Fatal(err)
			}
			w.say("go")
			w.others()
			if got := w.juliet.Next(); got.ChildText("jabber:client", "body") != "go" {
				t.Errorf("got %s", got)
			}
			coretest.Eventually(t, "it is as it was asked for", func() bool { return w.state("bad") == tt.state && w.state("other") == tt.other })
			w.log.One("mod_bad", "asked")
			w.others()
		})
	}
}

// A version that loads, together with one of another module that does not, is
// taken back: the old one goes on with what both have counted, or with what it
// had counted itself where the new one cannot tell.
func TestTakenBack(t *testing.T) {
	w := newStage(t, "", "count", counting, "other", "")
	exchange(t, w.romeo, countIt, ">is 1<")
	for _, tt := range []struct{ more, says string }{
		{"", ">is 2<"},
		{"-- again", ">is 3<"},
		{`module.save = nil`, ">is 4<"},
		{`function module.save() error("no") end`, ">is 5<"},
	} {
		for name, code := range map[string]string{"count": strings.ReplaceAll(counting, `"is "`, `"new "`) + tt.more, "other": "error('no')"} {
			guesttest.Write(t, filepath.Join(w.dir, "mod_"+name+".lua"), []byte(code))
		}
		if _, err := w.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "mod_other.lua:1: no") {
			t.Errorf("got %v", err)
		}
		exchange(t, w.romeo, countIt, tt.says)
		w.others()
	}
	w.log.One("example.org:count", "module loaded again with its state of before", "save: ")
	if err := w.rewrite("other", "-- fine"); err != nil {
		t.Error(err)
	}
	if _, err := w.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	exchange(t, w.romeo, countIt, ">new 6<")
}
