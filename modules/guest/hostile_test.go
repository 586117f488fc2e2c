// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
	"tercet/modules/guest/guesttest"
)

// echoLua answers each message to ME with one to YOU, and counts them.
const echoLua = `
local st = require "util.stanza";
local count = 0;
local function answer(event)
	if event.stanza.attr.to ~= "ME" then return; end
	count = count + 1;
	module:send(st.message({ from = "FROM", to = "YOU", type = "chat" }, "again"));
	return true;
end
module:hook("message/bare", answer, 10);
module:hook("message/host", answer, 10);
module:hook("iq-get/host/urn:example:NAME:count", function (event)
	event.origin.send(st.reply(event.stanza):tag("count", { xmlns = "urn:example", n = tostring(count) }));
	return true;
end);
`

// echoC is the same in WebAssembly.
const echoC = `
static i32 asked;
static i32 has(const char *text, i32 n, const char *word, i32 wn) {
	for (i32 i = 0; i < n; i++) if (starts(text + i, n - i, word, wn)) return 1;
	return 0;
}
EXPORT(load) i32 load(void) {
	asked = tercet_hook(T("iq-get/host/urn:example:NAME:count"), 0, T(""));
	return asked < 0 || tercet_hook(T("message/bare"), 10, T("")) < 0 || tercet_hook(T("message/host"), 10, T("")) < 0;
}
EXPORT(event) i32 event(i32 handler, const char *text, i32 n) {
	if (handler == asked) {
		text_start();
		text_add(T("<count xmlns='urn:example' n='"));
		text_number(tercet_count(T(""), T("n"), 0));
		text_add(T("'/>"));
		return tercet_reply(tercet_text, tercet_length) == OK ? STOP : FAILED;
	}
	if (!has(text, n, T("to='ME'"))) return NEXT;
	tercet_count(T(""), T("n"), 1);
	return tercet_send(T("<message type='chat' from='FROM' to='YOU'><body>again</body></message>")) == OK ? STOP : FAILED;
}
`

// A duo is two modules that answer each other for ever, and two clients that
// have nothing to do with them.
type duo struct {
	*coretest.Server
	t            *testing.T
	log          *guesttest.Log
	romeo, nurse *coretest.Client
	peter        *coretest.Client
}

// newDuo has the modules "one" and "two" answer what comes to two addresses.
func newDuo(t *testing.T, kinds, addresses [2]string) *duo {
	t.Helper()
	dir := t.TempDir()
	var wasm string
	for i, kind := range kinds {
		name, from := [...]string{"one", "two"}[i], addresses[i]
		if kind == "wasm" && strings.Contains(from, "@") {
			from = coretest.Domain // a guest speaks for the host, and nobody else
		}
		fill := strings.NewReplacer("NAME", name, "ME", addresses[i], "YOU", addresses[1-i], "FROM", from)
		if kind == "lua" {
			guesttest.Write(t, filepath.Join(dir, "mod_"+name+".lua"), []byte(fill.Replace(echoLua)))
			continue
		}
		path := guesttest.Write(t, filepath.Join(dir, name+".wasm"), guesttest.C(t, fill.Replace(echoC)))
		wasm += fmt.Sprintf("%s = { path = %q, memory = \"1MB\", limit = \"5s\", allow = { \"hook:*\", \"send\", \"store\" } },\n", name, path)
	}
	d := &duo{t: t, log: guesttest.NewLog(t)}
	d.Server = coretest.New(t, fmt.Sprintf("modules_enabled = { \"one\", \"two\" }\nlua_handler_timeout = \"10s\"\nplugin_paths = { %q }\nbundled_plugin_paths = { }\nwasm_modules = { %s }\n", dir, wasm)+d.log.Option("warn"), modules.All...)
	d.romeo, d.nurse, d.peter = d.Login("romeo", "orchard"), d.Login("nurse", "hall"), d.Login("peter", "street")
	d.peter.Send("<presence/>")
	d.peter.Next()
	return d
}

// count asks a module how many messages it has had.
func (d *duo) count(name string) int {
	d.t.Helper()
	d.romeo.Send("<iq type='get' id='c' to='example.org'><count xmlns='urn:example:" + name + "'/></iq>")
	e := d.romeo.Next()
	n, err := strconv.Atoi(e.First().Attr("n"))
	if err != nil || e.Attr("id") != "c" {
		d.t.Fatalf("got %s", e)
	}
	return n
}

// Two modules that answer each other for ever, of one kind or of two, and in
// the lanes of accounts or outside of all lanes, come to an end: one of them is
// named in the log. Others get their messages meanwhile.
func TestEndless(t *testing.T) {
	for _, kinds := range [][2]string{{"lua", "lua"}, {"wasm", "wasm"}, {"lua", "wasm"}, {"wasm", "lua"}} {
		for _, addresses := range [][2]string{{"example.org/one", "example.org/two"}, {"one@example.org", "two@example.org"}, {"one@example.org", "example.org"}} {
			t.Run(fmt.Sprint(kinds, addresses), func(t *testing.T) {
				d := newDuo(t, kinds, addresses)
				d.romeo.Send("<message type='chat' to='" + addresses[0] + "'><body>go</body></message>")
				for i := range 5 {
					d.nurse.Send(fmt.Sprintf("<message type='chat' id='o%d' to='peter@example.org'><body>calm</body></message>", i))
					if e := d.peter.Next(); e.Attr("id") != fmt.Sprint("o", i) {
						t.Errorf("another stream got %s", e)
					}
				}
				coretest.Eventually(t, "one of them is named", func() bool {
					return len(d.log.Lines("example.org:one", "guest failed", "answer each other without end"))+
						len(d.log.Lines("example.org:two", "guest failed", "answer each other without end")) == 1
				})
				one, two := d.count("one"), d.count("two")
				if one < 10 || two < 10 || one+two > 200 {
					t.Errorf("they have answered %d and %d times", one, two)
				}
				if o, w := d.count("one"), d.count("two"); o != one || w != two {
					t.Errorf("they go on: %d and %d times, then %d and %d", one, two, o, w)
				}
				for _, s := range d.Env.Manager.List() {
					if s.State != "loaded" {
						t.Errorf("%s is %s", s.Name, s.State)
					}
				}
				d.romeo.Quiet()
			})
		}
	}
}

// A module in Lua that has the driver of the stores unloaded is named, and
// takes nothing from anybody: what is stored is there, accounts log in, and a
// guest stores on.
func TestStorageUnloaded(t *testing.T) {
	dir := t.TempDir()
	guesttest.Write(t, filepath.Join(dir, "mod_bad.lua"), []byte(`
local mm = require "core.modulemanager";
local notes = module:open_store("notes");
local st = require "util.stanza";
module:hook("iq-set/host/urn:example:bad:go", function (event)
	for _, name in ipairs { "storage/memory", "storage_memory", "storage/sqlite", "storage_internal" } do
		mm.unload("*", name); mm.unload(module.host, name);
	end
	event.origin.send(st.reply(event.stanza));
	return true;
end);
module:hook("iq-set/host/urn:example:bad:note", function (event)
	local had = notes:get("romeo") or { n = 0 };
	had.n = had.n + 1;
	assert(notes:set("romeo", had));
	event.origin.send(st.reply(event.stanza):tag("count", { xmlns = "urn:example", n = tostring(notes:get("romeo").n) }));
	return true;
end);
`))
	count := guesttest.Write(t, "count.wasm", guesttest.C(t, strings.NewReplacer("NAME", "count", "ME", "x", "YOU", "x", "FROM", "x").Replace(strings.Replace(echoC, `T("n"), 0)`, `T("n"), 1)`, 1))))
	log := guesttest.NewLog(t)
	s := coretest.New(t, fmt.Sprintf(`modules_enabled = { "bad", "count", "private" }
plugin_paths = { %q }
bundled_plugin_paths = { }
wasm_modules = { count = { path = %q, memory = "1MB", limit = "5s", allow = { "hook:*", "store" } } }`, dir, count)+log.Option("info"), modules.All...)
	romeo := s.Login("romeo", "orchard")
	ask := func(xml string) element.Element {
		t.Helper()
		romeo.Send(xml)
		e := romeo.Next()
		if e.Attr("type") != "result" {
			t.Fatalf("sent %s, got %s", xml, e)
		}
		return e
	}
	const note, counted = "<iq type='set' id='n' to='example.org'><note xmlns='urn:example:bad'/></iq>", "<iq type='get' id='c' to='example.org'><count xmlns='urn:example:count'/></iq>"
	const keep = "<iq type='set' id='p'><query xmlns='jabber:iq:private'><kept xmlns='urn:example:kept'/></query></iq>"
	ask(note)
	ask(counted)
	ask(keep)
	ask("<iq type='set' id='g' to='example.org'><go xmlns='urn:example:bad'/></iq>")
	coretest.Eventually(t, "it is named", func() bool { return len(log.Lines("mod_bad: iq-set/host/urn:example:bad:go", "change=unload")) == 8 })
	if e := ask(note); e.First().Attr("n") != "2" {
		t.Errorf("a module in Lua has %s, want 2", e)
	}
	if e := ask(counted); e.First().Attr("n") != "2" {
		t.Errorf("a guest has %s, want 2", e)
	}
	ask(keep)
	if e := ask("<iq type='get' id='p'><query xmlns='jabber:iq:private'><kept xmlns='urn:example:kept'/></query></iq>"); !strings.Contains(e.String(), "kept") {
		t.Errorf("got %s", e)
	}
	s.Login("newcomer", "hall")
	if _, err := s.Reload(t.Context()); err != nil {
		t.Errorf("reload of the config: %v", err)
	}
	if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "bad"); err != nil {
		t.Error(err)
	}
	if e := ask(note); e.First().Attr("n") != "3" {
		t.Errorf("loaded anew it has %s, want 3", e)
	}
}

// While a module in Lua holds its lock for as long as it may, or longer, whoever
// has nothing to do with Lua is served at once, and others behind it; the log
// says who holds it, and then that it was stopped.
func TestLockHeld(t *testing.T) {
	for _, tt := range []struct{ name, timeout, what, want string }{
		{"by a loop of 10 s", "3s", `local t = os.time() + 10 while os.time() < t do end`, "ran for more than 3s"},
		{"by a loop of 10 s, with the default", "200ms", `local t = os.time() + 10 while os.time() < t do end`, "ran for more than 200ms"},
		{"by a command of 10 s", "3s", `os.execute("sleep 10")`, "held up all of Lua for 3s"},
		{"by a command of 10 s, with the default", "200ms", `os.execute("sleep 10")`, "held up all of Lua for 1s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			guesttest.Write(t, filepath.Join(dir, "mod_bad.lua"), []byte(`module:hook("iq-set/host/urn:example:bad:go", function (event)
	module:send(require "util.stanza".message({ from = module.host, to = "peter@example.org/street", id = "held" }));
	`+tt.what+"\nend, 10);"))
			guesttest.Write(t, filepath.Join(dir, "mod_good.lua"), []byte(`module:hook("message/bare", function (event) event.stanza:tag("good", { xmlns = "urn:example" }):up() end, 10);`))
			log := guesttest.NewLog(t)
			s := coretest.New(t, fmt.Sprintf("modules_enabled = { \"bad\", \"good\", \"ping\" }\nplugin_paths = { %q }\nbundled_plugin_paths = { }\nlua_handler_timeout = %q\n", dir, tt.timeout)+log.Option("warn"), modules.All...)
			romeo, nurse, peter := s.Login("romeo", "orchard"), s.Login("nurse", "hall"), s.Login("peter", "street")
			peter.Send("<presence/>")
			peter.Next()
			began := time.Now()
			romeo.Send("<iq type='set' id='g' to='example.org'><go xmlns='urn:example:bad'/></iq>")
			if e := peter.Next(); e.Attr("id") != "held" {
				t.Fatalf("got %s", e)
			}
			for range 10 {
				nurse.Send("<iq type='get' id='p' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
				if e := nurse.Next(); e.Attr("type") != "result" {
					t.Errorf("got %s", e)
				}
				nurse.Send("<message type='chat' id='f' to='" + peter.JID + "'><body>calm</body></message>")
				if e := peter.Next(); e.Attr("id") != "f" {
					t.Errorf("got %s", e)
				}
			}
			free := time.Since(began)
			nurse.Send("<message type='chat' id='b' to='peter@example.org'><body>calm</body></message>")
			if e := peter.Next(); e.Attr("id") != "b" || !strings.Contains(e.String(), "<good") {
				t.Errorf("got %s", e)
			}
			behind := time.Since(began)
			t.Logf("without Lua %v, behind the lock %v", free, behind)
			if free > time.Second || behind > 9*time.Second {
				t.Errorf("others waited for %v, those behind the lock for %v", free, behind)
			}
			if e := romeo.Next(); e.Attr("id") != "g" || e.Attr("type") != "error" { // nobody else answers it
				t.Errorf("got %s", e)
			}
			log.One("example.org:bad", "guest failed", "mod_bad: iq-set/host/urn:example:bad:go on example.org", tt.want)
			if strings.HasPrefix(tt.timeout, "3") {
				log.One("Lua is held up", "mod_bad: iq-set/host/urn:example:bad:go on example.org")
			}
		})
	}
}
