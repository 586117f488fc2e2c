// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules/guest/guesttest"
	"tercet/modules/guest/lua"
)

// A stage is a server with a module in Lua that does no good and one that marks
// each message, and four clients: romeo, whose messages to juliet the first one
// meddles with, and two that have nothing to do with it.
type stage struct {
	*coretest.Server
	t                           *testing.T
	dir                         string
	log                         *guesttest.Log
	romeo, juliet, nurse, peter *coretest.Client
}

const honest = `module:hook("message/bare", function (event) event.stanza:tag("honest", { xmlns = "urn:example:honest" }):up(); end, 10);`

func newStage(t *testing.T, config string, sources ...string) *stage {
	t.Helper()
	log := guesttest.NewLog(t)
	s, dir := serve(t, config+log.Option("info"), append(sources, "honest", honest)...)
	w := &stage{
		Server: s, t: t, dir: dir, log: log,
		romeo: s.Login("romeo", "orchard"), juliet: s.Login("juliet", "balcony"), nurse: s.Login("nurse", "hall"), peter: s.Login("peter", "street"),
	}
	for _, c := range []*coretest.Client{w.juliet, w.peter} {
		exchange(t, c, "<presence/>", "<presence")
	}
	return w
}

// say has romeo write to juliet.
func (w *stage) say(body string) {
	w.romeo.Send("<message type='chat' id='m' to='juliet@example.org'><body>" + body + "</body></message>")
}

// others has the others write to each other, through the modules, and wants
// each message to come soon.
func (w *stage) others() {
	w.t.Helper()
	for i := range 5 {
		w.nurse.Send(fmt.Sprintf("<message type='chat' id='o%d' to='peter@example.org'><body>calm</body></message>", i))
		e, err := w.peter.Try(20 * time.Second)
		if err != nil || e.Attr("id") != fmt.Sprint("o", i) || !strings.Contains(e.String(), "urn:example:honest") {
			w.t.Fatalf("another stream got %s, %v", e, err)
		}
	}
}

// state is that of a module, "" if it is not loaded.
func (w *stage) state(name string) string {
	for _, s := range w.Env.Manager.List() {
		if s.Name == name && s.State != "closing" {
			return s.State
		}
	}
	return ""
}

// rewrite puts another version of a module in its place, and loads it.
func (w *stage) rewrite(name, code string) error {
	guesttest.Write(w.t, filepath.Join(w.dir, "mod_"+name+".lua"), []byte(code))
	return w.Env.Manager.Reload(w.t.Context(), coretest.Domain, name)
}

// meddle is a module that does something about messages of romeo that say "go".
func meddle(what string) string {
	return `local st = require "util.stanza";
module:hook("pre-message/bare", function (event)
	if event.stanza:get_child_text("body") ~= "go" then return; end
	` + what + `
end, 10);
`
}

// Whatever a handler does, it is stopped and named once in the log, the
// message comes through, and so do those of others.
func TestHostile(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	const short, long = `lua_handler_timeout = "50ms"`, `lua_handler_timeout = "1min" lua_memory_limit = "40MB"`
	stages := map[string]*stage{short: newStage(t, short, "bad", ""), long: newStage(t, long, "bad", "")}
	for _, w := range stages {
		lua.AddPanic(w.Env)
	}
	for _, tt := range []struct{ name, config, what, err string }{
		{"endless loop", short, `while true do end`, "ran for more than 50ms"},
		{"endless loop in pcall", short, `while true do pcall(function () while true do end end) end`, "ran for more than 50ms"},
		{"endless loop in a coroutine", short, `coroutine.wrap(function () while true do end end)()`, "ran for more than 50ms"},
		{"endless pattern", short, `(("a"):rep(1000)):find(("a*"):rep(100) .. "b")`, "ran for more than 50ms"},
		{"endless sort", short, `local t = {} for i = 1, 1e5 do t[i] = i % 7 end while true do pcall(table.sort, t, function (a, b) return true end) end`, "ran for more than 50ms"},
		{"deep recursion", long, `local function f() return 1 + f() end f()`, "stack overflow"},
		{"deep recursion of metatables", long, `local t = setmetatable({}, { __index = function (t, k) return t[k + 1] end }) return t[1]`, "stack overflow"},
		{"deep recursion of events", long, `module:hook("again", function () module:fire_event("again") end) module:fire_event("again")`, "stack overflow"},
		{"memory bomb", long, `local t = {} while true do t[#t + 1] = ("x"):rep(1e5) .. #t end`, "needs more than 38 MiB"},
		{"memory bomb of tables", long, `local t = {} while true do t[#t + 1] = { #t } end`, "needs more than 38 MiB"},
		{"one large text", long, `local s = "x" while true do s = s .. s end`, "needs more than 38 MiB"},
		{"a panic of the server", long, `require "tercet.panics"()`, "internal error in function"},
		{"an error", long, `error("no idea")`, "mod_bad.lua:4: no idea"},
		{"an error that is no text", long, `error({})`, "error object is a table"},
		{"no stanza", long, `event.stanza = 7 event.stanza.attr.to = 1`, "mod_bad.lua:4:"},
		{"a reply that is no XML", long, `event.origin.send("<message><body>")`, "session.send: neither a stanza nor an element"},
		{"a reply with a bad name", long, `event.origin.send(st.reply(event.stanza):tag("no name"))`, "mod_bad.lua:4:"},
		{"a reply with a forbidden character", long, `event.origin.send(st.reply(event.stanza):body("\1"))`, "mod_bad.lua:4:"},
		{"a reply of 10 MB", long, `event.origin.send(st.reply(event.stanza):body(("x"):rep(10 * 2^20)))`, "mod_bad.lua:4:"},
		{"a stanza of 10 MB", long, `module:send(st.message({ from = module.host, to = event.origin.full_jid }, ("x"):rep(10 * 2^20)))`, ""}, // its size, or its memory
		{"a stanza of 2 MB", long, `module:send(st.message({ from = module.host, to = event.origin.full_jid }, ("x"):rep(2 * 2^20)))`, "larger than any stanza may be"},
		{"a text of 10 MB", long, `event.origin.send("<message><body>" .. ("x"):rep(10 * 2^20) .. "</body></message>")`, "mod_bad.lua:4:"},
		{"a message made large", long, `event.stanza:tag("x"):text(("x"):rep(2 * 2^20)):up()`, "larger than any stanza may be"},
		{"a million children", long, `local s = st.reply(event.stanza) for i = 1, 1e5 do s:tag("x"):up() end event.origin.send(s)`, "mod_bad.lua:4:"},
		{"a deep reply", long, `local s = st.reply(event.stanza) for i = 1, 1e5 do s:tag("x") end event.origin.send(s)`, "mod_bad.lua:4:"},
		{"a reply that holds itself", long, `local s = st.reply(event.stanza) s:add_direct_child(s) event.origin.send(s)`, "mod_bad.lua:4:"},
		{"a stanza of another kind", long, `event.stanza.name = "nonsense"`, "not a stanza"},
		{"a command of 10 s", short, `os.execute("sleep 10")`, "held up all of Lua for 1s"},
		{"a pipe of 10 s", short, `io.popen("sleep 10; echo"):read("*a")`, "held up all of Lua for 1s"},
		{"an end of 10 s", short, `io.popen("exec sleep 10"):close()`, "held up all of Lua for 1s"},
		{"a full pipe", short, `local f = io.popen("sleep 10", "w") f:write(("x"):rep(1e6))`, "held up all of Lua for 1s"},
		{"a named pipe", short, `io.open("` + fifo + `")`, "held up all of Lua for 1s"},
		{"a file without end", long, `io.open("/dev/zero"):read("*a")`, "needs more than 38 MiB"},
		{"a line without end", long, `io.open("/dev/zero"):read("*l")`, "needs more than 38 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := stages[tt.config]
			w.log.Forget()
			if err := w.rewrite("bad", meddle(tt.what)); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			w.say("go")
			w.others()
			if got := w.juliet.Next(); got.ChildText("jabber:client", "body") != "go" {
				t.Errorf("got %s", got)
			}
			t.Log(time.Since(began))
			w.log.One("guest failed", "example.org:bad", "mod_bad: pre-message/bare on example.org", tt.err)
			w.say("fine")
			if got := w.juliet.Next(); got.ChildText("jabber:client", "body") != "fine" {
				t.Errorf("then got %s", got)
			}
			w.romeo.Quiet()
			if state := w.state("bad"); state != "loaded" {
				t.Errorf("the module is %q", state)
			}
		})
	}
}

// A handler is stopped within 50 ms beyond its limit. The machine that tests
// may be busy: the best of several counts.
func TestStopped(t *testing.T) {
	for _, what := range []string{`while true do end`, `(("a"):rep(1000)):find(("a*"):rep(100) .. "b")`} {
		w := newStage(t, `lua_handler_timeout = "50ms"`, "bad", meddle(what))
		best := time.Hour
		for i := 0; i < 20 && best > 100*time.Millisecond; i++ {
			if i%5 == 4 { // before it is suspended
				if err := w.rewrite("bad", meddle(what)); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			w.say("go")
			w.juliet.Next()
			best = min(best, time.Since(began))
		}
		if best < 50*time.Millisecond || best > 100*time.Millisecond {
			t.Errorf("%s: stopped after %v at best, want 50 to 100 ms", what, best)
		}
	}
}

// Ten failures in a row suspend a module; what it leaves behind is its policy,
// which for those that are critical is to stop.
func TestPolicies(t *testing.T) {
	for _, tt := range []struct {
		name, config, state string
		bounced             bool
	}{
		{"pass", `lua_on_failure = { bad = "pass" }`, "suspended", false},
		{"none", ``, "suspended", false},
		{"stop", `lua_on_failure = { bad = "stop" }`, "suspended", true},
		{"unload", `lua_on_failure = { bad = "unload" }`, "", false},
		{"critical", `modules_critical = { "bad" }`, "suspended", true},
		{"pass, of one that is critical", `modules_critical = { "bad" } lua_on_failure = { bad = "pass" }`, "suspended", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newStage(t, tt.config, "bad", meddle(`error("always")`))
			for i := range 12 {
				w.say("go")
				if tt.bounced {
					if e := w.romeo.Next(); e.Attr("type") != "error" || e.First().First().Local() != "internal-server-error" {
						t.Fatalf("%d: got %s", i, e)
					}
				} else if e := w.juliet.Next(); e.ChildText("jabber:client", "body") != "go" {
					t.Fatalf("%d: got %s", i, e)
				}
				if i == 8 && w.state("bad") != "loaded" {
					t.Errorf("after nine failures it is %s", w.state("bad"))
				}
			}
			coretest.Eventually(t, "the state "+tt.state, func() bool { return w.state("bad") == tt.state })
			w.log.One("guest failed", "example.org:bad")
			w.log.One("guest suspended after ten failures in a row", "example.org:bad")
			if tt.bounced { // the door is closed to all
				w.nurse.Send("<message type='chat' id='o' to='peter@example.org'><body>calm</body></message>")
				if e := w.nurse.Next(); e.Attr("type") != "error" {
					t.Errorf("got %s", e)
				}
				return
			}
			w.others()
			if tt.state != "" {
				if err := w.rewrite("bad", meddle("")); err != nil {
					t.Fatal(err)
				}
				if state := w.state("bad"); state != "loaded" {
					t.Errorf("loaded anew it is %s", state)
				}
			}
		})
	}
}
