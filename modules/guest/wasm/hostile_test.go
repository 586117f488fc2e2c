// SPDX-License-Identifier: Apache-2.0

package wasm_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
)

// probe is a guest whose hook on messages to bare JIDs runs body.
func probe(t testing.TB, declarations, body string) string {
	t.Helper()
	return c(t, declarations+`
EXPORT(load) i32 load(void) { return tercet_hook(T("pre-message/bare"), 0, T("")) < 0; }
EXPORT(event) i32 event(i32 handler, const char *text, i32 n) { (void)handler; (void)text; (void)n; `+body+` }
`)
}

// A world is a server with one guest, and romeo and juliet.
type world struct {
	*coretest.Server
	t             testing.TB
	romeo, juliet *coretest.Client
}

func newWorld(t testing.TB, path, more string) *world {
	t.Helper()
	s := coretest.New(t, guestConfig(path, more), modules.All...)
	w := &world{Server: s, t: t, romeo: s.Login("romeo", "orchard"), juliet: s.Login("juliet", "balcony")}
	w.juliet.Send("<presence/>")
	w.juliet.Next()
	return w
}

func (w *world) message(body string) {
	w.romeo.Send("<message type='chat' to='juliet@example.org' id='m'><body>" + body + "</body></message>")
}

func (w *world) state() string {
	for _, s := range w.Env.Manager.List() {
		if s.Name == "probe" {
			return s.State
		}
	}
	return ""
}

// Whatever a guest does, its message comes through with on_failure = "pass",
// soon after the limit, and the next one finds another instance at work.
func TestFailures(t *testing.T) {
	for _, tt := range []struct{ name, declarations, body string }{
		{"endless loop", "", `for (;;) __asm__ volatile("");`},
		{"endless loop through calls", `static volatile i32 x;
static __attribute__((noinline)) void again(i32 n) { if (n) { again(n - 1); again(n - 1); } x++; }`, `again(60); return x;`},
		{"deep recursion", `static volatile i32 x;
static __attribute__((noinline)) i32 deep(i32 n) { return n < 0 ? 0 : deep(n + 1) + x; }`, `return deep(0);`},
		{"endless loop deep down", `static volatile i32 x;
static __attribute__((noinline)) i32 deep(i32 n) { while (n == 0) x = 1; return n < 0 ? 0 : deep(n - 1) + x; }`, `return deep(40000);`},
		{"trap", "", `__builtin_trap();`},
		{"bad verdict", "", `return 7;`},
		{"failed", "", `return FAILED;`},
		{"null pointer far away", "", `return *(volatile char *)0x7fffffff;`},
		{"memory bomb", "", `for (;;) { i32 at = __builtin_wasm_memory_grow(0, 1); if (at < 0) __builtin_trap(); ((volatile char *)(at << 16))[0] = 1; }`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, probe(t, tt.declarations, tt.body), `allow = { "hook:*" }, limit = "50ms", memory = "2MB"`)
			for range 3 {
				began := time.Now()
				w.message("hello")
				if got := w.juliet.Next(); got.Local() != "message" {
					t.Fatalf("got %s", got)
				}
				took := time.Since(began)
				t.Log(took)
				if took > 8*time.Second {
					t.Errorf("it took %v", took)
				}
			}
			if state := w.state(); state != "loaded" {
				t.Errorf("state %q", state)
			}
		})
	}
}

// A runaway guest is stopped within 50 ms beyond its limit. The machine that
// tests may be busy: the best of several counts.
func TestStopped(t *testing.T) {
	w := newWorld(t, probe(t, "", `for (;;) __asm__ volatile("");`), `allow = { "hook:*" }, limit = "50ms", memory = "1MB"`)
	best := time.Hour
	for i := 0; i < 20 && best > 100*time.Millisecond; i++ {
		if i%5 == 4 { // before it is suspended
			if err := w.Env.Manager.Reload(t.Context(), coretest.Domain, "probe"); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		w.message("hello")
		w.juliet.Next()
		best = min(best, time.Since(began))
	}
	if best < 50*time.Millisecond || best > 100*time.Millisecond {
		t.Errorf("stopped after %v at best, want 50 to 100 ms", best)
	}
}

// Ten failures in a row suspend a guest; what it leaves behind is its policy.
func TestSuspended(t *testing.T) {
	for _, tt := range []struct {
		policy, more, state string
		bounced             bool
	}{
		{"pass", `on_failure = "pass"`, "suspended", false},
		{"default", ``, "suspended", false},
		{"stop", `on_failure = "stop"`, "suspended", true},
		{"unload", `on_failure = "unload"`, "", false},
	} {
		t.Run(tt.policy, func(t *testing.T) {
			w := newWorld(t, probe(t, "", `return FAILED;`), tt.more+`, allow = { "hook:*" }`)
			for range 12 {
				w.message("hello")
				got := w.juliet
				if tt.bounced {
					got = w.romeo
				}
				if e := got.Next(); e.Attr("type") != map[bool]string{true: "error", false: "chat"}[tt.bounced] {
					t.Fatalf("got %s", e)
				}
			}
			coretest.Eventually(t, "the state "+tt.state, func() bool { return w.state() == tt.state })
			if tt.state == "" {
				return
			}
			if err := w.Env.Manager.Reload(t.Context(), coretest.Domain, "probe"); err != nil {
				t.Errorf("reload: %v", err)
			}
			coretest.Eventually(t, "it is loaded", func() bool { return w.state() == "loaded" })
		})
	}
}

// A guest that the config calls critical closes its door when it fails.
func TestCritical(t *testing.T) {
	path := probe(t, "", `return FAILED;`)
	s := coretest.New(t, "modules_critical = { 'probe' }\n"+guestConfig(path, `allow = { "hook:*" }`), modules.All...)
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<message type='chat' to='juliet@example.org' id='m'><body>x</body></message>")
	if e := romeo.Next(); e.Attr("type") != "error" || e.First().First().Local() != "internal-server-error" {
		t.Errorf("got %s", e)
	}
}

// At some extension points another limit and another policy may hold.
func TestPoints(t *testing.T) {
	path := c(t, loading(`a = tercet_hook(T("pre-message/bare"), 0, T("")); b = tercet_hook(T("pre-message/host"), 0, T(""));`,
		`i64 until = tercet_now() + (handler == a ? 0 : 300); while (tercet_now() < until) continue; return handler == a ? FAILED : STOP;`))
	w := newWorld(t, path, `allow = { "hook:*" }, limit = "50ms", on_failure = "stop",
		points = { ["pre-message/*"] = { on_failure = "pass" }, ["pre-message/host"] = { limit = "9s" } }`)
	w.message("hello")
	if e := w.juliet.Next(); e.First().Text() != "hello" {
		t.Errorf("where it may pass: got %s", e)
	}
	w.romeo.Send("<message to='example.org'><body>x</body></message>") // which is answered unless it is stopped
	w.romeo.Quiet()
	if n := w.Env.Manager.Meters()["probe"].Total().Errors; n != 1 {
		t.Errorf("%d failures, want that at pre-message/bare alone", n)
	}
}

// refused are calls of a guest, and the codes that it gets.
var refused = []struct{ name, call, want string }{
	{"send: no XML", `tercet_send(T("<message to='juliet@example.org'>"))`, "ERR_MALFORMED"},
	{"send: two stanzas", `tercet_send(T("<presence to='a@example.org'/><presence to='b@example.org'/>"))`, "ERR_MALFORMED"},
	{"send: no stanza", `tercet_send(T("<iqq to='juliet@example.org'/>"))`, "ERR_MALFORMED"},
	{"send: to nobody", `tercet_send(T("<message/>"))`, "ERR_MALFORMED"},
	{"send: forged account", `tercet_send(T("<message from='romeo@example.org' to='juliet@example.org'/>"))`, "ERR_DENIED"},
	{"send: forged domain", `tercet_send(T("<message from='example.com' to='juliet@example.org'/>"))`, "ERR_DENIED"},
	{"send: forged subdomain", `tercet_send(T("<message from='x.example.org' to='juliet@example.org'/>"))`, "ERR_DENIED"},
	{"send: pointer outside", `tercet_send((const char *)0x7ffffff0, 64)`, "ERR_MALFORMED"},
	{"send: negative length", `tercet_send("x", -1)`, "ERR_MALFORMED"},
	{"send: wraps around", `tercet_send((const char *)0xfffffff0, 0x20)`, "ERR_MALFORMED"},
	{"reply: no XML", `tercet_reply(T("<body>"))`, "ERR_MALFORMED"},
	{"reply: closes the stanza", `tercet_reply(T("</message><message>"))`, "ERR_MALFORMED"},
	{"reply: in another's name", `tercet_reply(T("<body>I am juliet</body>"))`, "ERR_DENIED"},
	{"reply: entity", `tercet_reply(T("<body>&x;</body>"))`, "ERR_MALFORMED"},
	{"reply: 10 MB", `tercet_reply((const char *)0, 10 << 20)`, "ERR_MALFORMED"},
	{"replace: another sender", `tercet_replace(T("<message type='chat' id='m' from='juliet@example.org/x' to='juliet@example.org'/>"))`, "ERR_MALFORMED"},
	{"replace: another kind", `tercet_replace(T("<presence/>"))`, "ERR_MALFORMED"},
	{"hook: too late", `tercet_hook(T("message/bare"), 0, T(""))`, "ERR_DENIED"},
	{"add: too late", `tercet_add(T("feature"), T("\"x\""))`, "ERR_DENIED"},
	{"option: none", `tercet_option(T("nothing"), buf, 8)`, "ERR_NONE"},
	{"option: buffer outside", `tercet_option(T("a"), (char *)0x7ffffff0, 64)`, "ERR_MALFORMED"},
	{"option: short buffer", `tercet_option(T("a"), buf, 0)`, "5"},
	{"get: none", `tercet_get(T("romeo"), T("k"), buf, 8)`, "ERR_NONE"},
	{"get: long key", `tercet_get(T("romeo"), (const char *)1024, 2000, buf, 8)`, "ERR_LARGE"},
	{"put: outside", `tercet_put(T("romeo"), T("k"), (const char *)0x7ffffff0, 64)`, "ERR_MALFORMED"},
	{"http: no JSON", `tercet_http(T("{"))`, "ERR_MALFORMED"},
	{"http: not granted", `tercet_http(T("{\"url\":\"http://127.0.0.1:1/\"}"))`, "ERR_DENIED"},
	{"http: a file", `tercet_http(T("{\"url\":\"file:///etc/passwd\"}"))`, "ERR_DENIED"},
}

// What a guest gives the host is not believed: each of these calls is refused
// with its code, and the message goes on. The guest stops the message if a code
// is not what it expects.
func TestRefused(t *testing.T) {
	var cases strings.Builder
	for i, tt := range refused {
		fmt.Fprintf(&cases, "case %d: return %s == %s ? NEXT : STOP;\n", i, tt.call, tt.want)
	}
	path := probe(t, "static char buf[64];", `switch (tercet_count(T(""), T("case"), 1) - 1) {
`+cases.String()+`} return FAILED;`)
	w := newWorld(t, path, `allow = { "hook:pre-message/bare", "store", "send", "replace" }, memory = "1MB", on_failure = "stop", options = { a = "abc" }`)
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			w.message("hello")
			if e, err := w.juliet.Try(time.Second); err != nil || e.Attr("type") != "chat" || e.First().Text() != "hello" {
				t.Errorf("got %s, %v", e, err)
			}
		})
	}
}

// What is granted has its effect, after the handler has returned.
func TestEffects(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{
			"send", `tercet_send(T("<message to='juliet@example.org' id='s'><body>from the host</body></message>")); return STOP;`,
			"<message xml:lang='en' from='example.org' to='juliet@example.org' id='s'><body>from the host</body></message>",
		},
		{
			"replace", `return tercet_replace(T("<message type='chat' id='m' from='romeo@example.org/orchard' to='juliet@example.org'><body>changed</body></message>"));`,
			"<message xml:lang='en' from='romeo@example.org/orchard' to='juliet@example.org' type='chat' id='m'><body>changed</body></message>",
		},
		{
			"nothing after a failure", `tercet_send(T("<message to='juliet@example.org' id='s'/>"));
			tercet_replace(T("<message type='chat' id='m' from='romeo@example.org/orchard' to='juliet@example.org'/>"));
			tercet_reply(T("<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")); return FAILED;`,
			"<message xml:lang='en' from='romeo@example.org/orchard' to='juliet@example.org' type='chat' id='m'><body>hello</body></message>",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, probe(t, "", tt.body), `allow = { "hook:*", "send", "replace" }`)
			w.message("hello")
			got := w.juliet.Next()
			if got.Child("jabber:client", "body").Text() == "" || !sameAttrs(got.String(), tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			w.romeo.Quiet()
		})
	}
}

// sameAttrs compares stanzas whatever order their attributes have.
func sameAttrs(a, b string) bool {
	sorted := func(s string) []string {
		f := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '<' || r == '>' })
		slices.Sort(f)
		return f
	}
	return slices.Equal(sorted(a), sorted(b))
}

// A guest cannot be loaded that is not what it says, or asks for more than it
// was given; the server goes on without it.
func TestNotLoaded(t *testing.T) {
	const event = `EXPORT(event) i32 event(i32 h, const char *x, i32 n) { (void)h; (void)x; (void)n; return 0; }`
	const fine = `EXPORT(load) i32 load(void) { return 0; }` + event
	write := func(content string) string {
		file := filepath.Join(t.TempDir(), "guest.wasm")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, tt := range []struct{ name, path, more, want string }{
		{"no such file", "/nowhere/guest.wasm", "", "no such file"},
		{"a folder", t.TempDir(), "", "not a file"},
		{"no WebAssembly", write("hello"), "", "not a WebAssembly binary"},
		{"cut off", write("\x00asm\x01\x00\x00\x00\x01\x7f"), "", "cut off"},
		{"nothing", write("\x00asm\x01\x00\x00\x00"), "", "does not export"},
		{"large table", write("\x00asm\x01\x00\x00\x00\x04\x07\x01\x70\x00\xff\xff\xff\x3f"), "", "a table of"},
		{"many tables", write("\x00asm\x01\x00\x00\x00\x04\x07\x02\x70\x00\x01\x70\x00\x01"), "", "2 tables"},
		{"no event", c(t, `EXPORT(load) i32 load(void) { return 0; }`), "", "does not export event"},
		{"another event", c(t, `EXPORT(load) i32 load(void) { return 0; } EXPORT(event) i32 event(void) { return 0; }`), "", "other parameters"},
		{"another ABI", write(strings.Replace(contentOf(t, c(t, fine+"/* ABI 1 */")), "\x04\x00\x41\x01\x0b", "\x04\x00\x41\x02\x0b", 1)), "", "version 2 of the ABI"},
		{"an unknown import", c(t, fine+`IMPORT(files) i32 files(void); EXPORT(x) i32 x(void) { return files(); }`), "", "files"},
		{"load fails", c(t, `EXPORT(load) i32 load(void) { return 3; }`+event), "", "load returned 3"},
		{"load hangs", c(t, `EXPORT(load) i32 load(void) { __builtin_trap(); }`+event), "", "load:"},
		{"not granted", c(t, `EXPORT(load) i32 load(void) { return tercet_hook(T("pre-iq/host"), 0, T("")) < 0; }`+event), "", "asks for hook:pre-iq/host"},
		{"no such hook", c(t, `EXPORT(load) i32 load(void) { return tercet_hook(T("auth-provider"), 0, T("")) < 0; }`+event), `allow = { "hook:*" }`, "load returned 1"},
		{"a bad grant", c(t, fine), `allow = { "files" }`, "none of hook"},
		{"too much memory", c(t, fine+`static char huge[4 << 20]; EXPORT(x) char *x(void) { return huge; }`), `memory = "1MB"`, "memory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := coretest.New(t, "", modules.All...)
			s.Write(guestConfig(tt.path, tt.more))
			plan, err := s.Reload(t.Context())
			text := ""
			if err != nil {
				text = err.Error()
			}
			for _, p := range plan.Problems {
				text += "\n" + p.String()
			}
			if tt.want == "" {
				if err != nil {
					t.Error(text)
				}
				return
			}
			if err == nil || !strings.Contains(text, tt.want) {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}

func contentOf(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A guest that is loaded anew and is broken leaves the old one in its place,
// under traffic.
func TestRollBack(t *testing.T) {
	good := probe(t, "", `return tercet_reply(T("<error type='cancel'><good xmlns='urn:example:good'/></error>")) == OK ? STOP : FAILED;`)
	w := newWorld(t, good, `allow = { "hook:*" }`)
	bad, err := os.ReadFile(c(t, `EXPORT(load) i32 load(void) { return 1; } EXPORT(event) i32 event(i32 h, const char *x, i32 n) { (void)h; (void)x; (void)n; return 0; }`))
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		w.message("hello")
		content := code
		if i%2 == 0 {
			content = bad
		}
		if err := os.WriteFile(good, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Reload(t.Context()); (err != nil) != (i%2 == 0) {
			t.Errorf("reload %d: %v", i, err)
		}
		if e := w.romeo.Next(); e.First().First().Name().Space != "urn:example:good" {
			t.Fatalf("got %s", e)
		}
	}
	w.juliet.Quiet()
}

// What one guest stores, another cannot read; nor after it was loaded anew is
// it lost, but with the account it goes.
func TestStore(t *testing.T) {
	writer := probe(t, "static char buf[8];", `i32 was = tercet_get(T("juliet"), T("k"), buf, 8);
		if (was == ERR_NONE) { tercet_put(T("juliet"), T("k"), T("v")); return NEXT; }
		return was == 1 && buf[0] == 'v' ? STOP : FAILED;`)
	reader := probe(t, "static char buf[8];", `return tercet_get(T("juliet"), T("k"), buf, 8) == ERR_NONE
		&& tercet_get(T("juliet"), T("../probe/k"), buf, 8) == ERR_NONE
		&& tercet_find(T("juliet"), T(""), buf, 8) == 2 ? NEXT : FAILED;`)
	config := "modules_enabled = { 'probe', 'reader' }\nwasm_modules = { probe = { path = '" + writer + "', limit = '5s', allow = { 'hook:*', 'store' }, on_failure = 'stop' }," +
		" reader = { path = '" + reader + "', limit = '5s', allow = { 'hook:*', 'store' }, on_failure = 'stop' } }"
	s := coretest.New(t, config, modules.All...)
	w := &world{Server: s, t: t, romeo: s.Login("romeo", "orchard"), juliet: s.Login("juliet", "balcony")}
	w.juliet.Send("<presence/>")
	w.juliet.Next()
	w.message("first")
	if e := w.juliet.Next(); e.First().Text() != "first" {
		t.Fatalf("got %s", e)
	}
	w.message("second")
	w.juliet.Quiet()
	w.romeo.Quiet()
	if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "probe"); err != nil {
		t.Fatal(err)
	}
	w.message("third")
	w.juliet.Quiet()
	w.romeo.Quiet()
	accounts, err := s.Env.Accounts(s.Host(coretest.Domain))
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.Remove(t.Context(), "juliet", module.Actor{Source: "test"}, nil); err != nil {
		t.Fatal(err)
	}
	again := s.Login("juliet", "hall")
	again.Send("<presence/>")
	again.Next()
	w.message("fourth")
	if e := again.Next(); e.First().Text() != "fourth" {
		t.Errorf("got %s", e)
	}
}

// An instance of a guest in C takes less than 100 KB: many are made by many
// messages at a time.
func TestMemory(t *testing.T) {
	const n = 16
	path := probe(t, "", `i64 until = tercet_now() + 200; while (tercet_now() < until) continue; return NEXT;`)
	s := coretest.New(t, guestConfig(path, fmt.Sprintf(`allow = { "hook:*" }, memory = "1MB", limit = "10s", instances = %d`, n)), modules.All...)
	meter := s.Env.Manager.Meters()["probe"]
	if got := meter.Total().Memory; got != 65536 {
		t.Errorf("one instance has %d bytes of memory, want 65536", got)
	}
	h := s.Host(coretest.Domain)
	st, err := stanza.Parse([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var wg sync.WaitGroup
	for range 4 * n {
		wg.Go(func() {
			pass := h.Table.Enter()
			defer pass.Leave()
			ev := route.Event{Stanza: st, Host: h, Pass: pass}
			route.Out[stanza.Message][route.Bare].Fire(context.Background(), pass, &ev)
		})
	}
	wg.Wait()
	made := uint64(meter.Total().Memory / 65536)
	if made < 8 {
		t.Fatalf("only %d instances were made", made)
	}
	each := (heap() - before) / (made - 1)
	t.Logf("%d instances, %d bytes each", made, each)
	if each > 100_000 {
		t.Errorf("an instance takes %d bytes, more than 100,000", each)
	}
}
