// SPDX-License-Identifier: Apache-2.0

package wasm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
)

// A guest that registers nothing of its own but what load says.
func loading(load, event string) string {
	return `static i32 a, b; static char buf[64];
EXPORT(load) i32 load(void) { (void)a; (void)b; (void)buf; ` + load + ` return a < 0 || b < 0; }
EXPORT(event) i32 event(i32 handler, const char *text, i32 n) { (void)handler; (void)text; (void)n; ` + event + ` }
`
}

// A timer is an event without a stanza.
func TestEvery(t *testing.T) {
	path := c(t, loading(`a = tercet_every(100);`,
		`return n == 2 && tercet_reply(T("<x/>")) == ERR_DENIED ? tercet_send(T("<message to='juliet@example.org' id='tick'><body>tick</body></message>")) : FAILED;`))
	w := newWorld(t, path, `allow = { "send" }`)
	for range 2 {
		if e := w.juliet.Next(); e.Attr("id") != "tick" || e.Attr("from") != "example.org" {
			t.Fatalf("got %s", e)
		}
	}
}

// Values cross as JSON: of what happens to accounts a guest is told, and a wish
// for one it may refuse.
func TestValues(t *testing.T) {
	path := c(t, loading(`a = tercet_hook(T("user-registering"), 0, T("")); b = tercet_hook(T("user-registered"), 0, T(""));`,
		`if (handler == b) return tercet_send(T("<message to='juliet@example.org' id='new'><body>somebody is new</body></message>"));
		for (i32 i = 0; i < n; i++)
			if (starts(text + i, n - i, T("\"user\":\"mallory\"")))
				return tercet_replace(T("{\"refuse\":\"Not you.\"}")) == OK ? STOP : FAILED;
		return NEXT;`))
	s := coretest.New(t, "allow_registration = true\n"+strings.Replace(guestConfig(path, `allow = { "hook:user-*", "send", "replace" }, on_failure = "stop"`),
		"'disco'", "'register'", 1), modules.All...)
	juliet := s.Login("juliet", "balcony")
	juliet.Send("<presence/>")
	juliet.Next()
	for user, want := range map[string]string{"mallory": "error", "nurse": "result"} {
		stranger := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
		stranger.Open()
		stranger.Send("<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>" + user + "</username><password>calliope-7</password></query></iq>")
		if e := stranger.Next(); e.Attr("type") != want {
			t.Errorf("%s: got %s", user, e)
		}
	}
	if e := juliet.Next(); e.Attr("id") != "new" {
		t.Errorf("got %s", e)
	}
}

// HTTP goes where it was granted, after the handler has returned; the response
// is an event of its own. A redirection elsewhere is not followed.
func TestHTTP(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/v1/check":
			fmt.Fprintf(w, "%s %s", r.Method, b)
		case "/v1/away":
			http.Redirect(w, r, other.URL+"/v1/check", http.StatusFound)
		}
	}))
	defer srv.Close()
	path := c(t, loading(`a = tercet_hook(T("pre-message/bare"), 0, T("")); b = tercet_hook(T("http-response"), 0, T(""));`,
		`if (handler == a) {
			if (tercet_http(T("{\"url\":\"`+other.URL+`/v1/check\"}")) != ERR_DENIED || tercet_http(T("{\"url\":\"`+srv.URL+`/v2\"}")) != ERR_DENIED)
				return FAILED;
			return tercet_http(T("{\"url\":\"`+srv.URL+`/v1/away\"}")) == 1
				&& tercet_http(T("{\"method\":\"POST\",\"url\":\"`+srv.URL+`/v1/check\",\"body\":\"ok?\"}")) == 2 ? STOP : FAILED;
		}
		text_start();
		text_add(T("<message to='juliet@example.org'><body>"));
		for (i32 i = 0; i < n; i++)
			text_add(text[i] == '"' || text[i] == '<' || text[i] == '&' ? "'" : text + i, 1);
		text_add(T("</body></message>"));
		return tercet_send(tercet_text, tercet_length);`))
	w := newWorld(t, path, `allow = { "hook:*", "send", "http:`+srv.URL+`/v1/" }, limit = "1s", on_failure = "stop"`)
	w.message("hello")
	var got []string
	for range 2 {
		got = append(got, w.juliet.Next().First().Text())
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{"'id':1,'status':0", "redirected to where", "'id':2,'status':200", "'body':'POST ok?'"} {
		if !strings.Contains(all, want) {
			t.Errorf("got %s, want %s in it", all, want)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went where they were not granted", n)
	}
}

// A large reply is refused, and costs the host nothing.
func TestLargeReply(t *testing.T) {
	w := newWorld(t, probe(t, "", `i32 at = __builtin_wasm_memory_grow(0, 160) << 16; char *p = (char *)at;
		__builtin_memset(p, 'x', 10 << 20); __builtin_memcpy(p, "<body>", 6); __builtin_memcpy(p + (10 << 20) - 7, "</body>", 7);
		return tercet_reply(p, 10 << 20) == ERR_LARGE && tercet_replace(p, 10 << 20) == ERR_LARGE ? STOP : FAILED;`),
		`allow = { "hook:*", "replace" }, memory = "16MB", limit = "2s", on_failure = "stop"`)
	w.message("hello")
	w.romeo.Quiet()
	w.juliet.Quiet()
}

// Under traffic a guest is loaded anew, its instances fail and are replaced,
// and each event has its answer: no count is lost, nothing is answered twice.
func TestHammer(t *testing.T) {
	const each, workers = 300, 4
	path := probe(t, "", `i64 k = tercet_count(T(""), T("n"), 1); if (k % 50 == 0) __builtin_trap(); return STOP;`)
	s := coretest.New(t, guestConfig(path, `allow = { "hook:*", "store" }, limit = "5s", instances = 3`), modules.All...)
	h := s.Host(coretest.Domain)
	st, err := stanza.Parse([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	var stopped, passed atomic.Int32
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				pass := h.Table.Enter()
				ev := route.Event{Stanza: st, Host: h, Pass: pass}
				if route.Out[stanza.Message][route.Bare].Fire(context.Background(), pass, &ev) == ext.Stop {
					stopped.Add(1)
				} else {
					passed.Add(1)
				}
				pass.Leave()
			}
		})
	}
	for range 5 {
		if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "probe"); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if n, want := passed.Load(), int32(each*workers/50); n != want || stopped.Load() != each*workers-want {
		t.Errorf("%d were stopped, %d passed; want %d of these", stopped.Load(), n, want)
	}
}

// Hosts with the same guest share its machine code, and each goes on when the
// other has let go of it.
func TestTwoHosts(t *testing.T) {
	path := probe(t, "", `return tercet_reply(T("<error type='cancel'><x xmlns='y'/></error>")) == OK ? STOP : FAILED;`)
	s := coretest.New(t, guestConfig(path, `allow = { "hook:*" }`)+"VirtualHost 'example.org'\nVirtualHost 'example.com'\n", modules.All...)
	ask := func(host string) ext.Verdict {
		h := s.Host(host)
		st, err := stanza.Parse([]byte(message))
		if err != nil {
			t.Fatal(err)
		}
		pass := h.Table.Enter()
		defer pass.Leave()
		ev := route.Event{Stanza: st, Host: h, Pass: pass}
		return route.Out[stanza.Message][route.Bare].Fire(t.Context(), pass, &ev)
	}
	for range 3 {
		if ask("example.org") != ext.Stop || ask("example.com") != ext.Stop {
			t.Fatal("not stopped")
		}
		if err := s.Env.Manager.Unload(t.Context(), "example.com", "probe"); err != nil {
			t.Fatal(err)
		}
		coretest.Eventually(t, "it has gone", func() bool {
			return ask("example.com") == ext.Next && len(s.Env.Manager.Points("example.com", "probe")) == 0
		})
		if ask("example.org") != ext.Stop {
			t.Fatal("not stopped")
		}
		if err := s.Env.Manager.Load(t.Context(), "example.com", "probe"); err != nil {
			t.Fatal(err)
		}
	}
}

// The meter and the metric have the memory of all instances on all hosts, also
// when one of them is loaded anew and the old one goes.
func TestMemoryOfAll(t *testing.T) {
	path := probe(t, "", `return NEXT;`)
	s := coretest.New(t, guestConfig(path, `allow = { "hook:*" }`)+"VirtualHost 'example.org'\nVirtualHost 'example.com'\n", modules.All...)
	m := s.Env.Manager
	want := func(what string, bytes int64) {
		t.Helper()
		coretest.Eventually(t, what, func() bool {
			var told float64
			for sample := range s.Env.Metrics.All() {
				if sample.Name == "tercet_module_memory_bytes" && sample.Labels == `module="probe"` {
					told = sample.Value
				}
			}
			return m.Meters()["probe"].Total().Memory == bytes && told == float64(bytes)
		})
	}
	want("two hosts", 2*65536)
	for range 3 {
		if err := m.Reload(t.Context(), "example.com", "probe"); err != nil {
			t.Fatal(err)
		}
		want("one of them loaded anew", 2*65536)
	}
	for i, host := range []string{"example.com", "example.org"} {
		if err := m.Unload(t.Context(), host, "probe"); err != nil {
			t.Fatal(err)
		}
		want("unloaded on "+host, int64(1-i)*65536)
	}
}

// What comes while all instances are at work, for longer than an event may take,
// is answered by policy, told once in the log, and no failure of the guest.
func TestBusy(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	path := probe(t, "", `i64 until = tercet_now() + 600; while (tercet_now() < until) continue; return STOP;`)
	s := coretest.New(t, guestConfig(path, `allow = { "hook:*" }, limit = "10s", instances = 1, points = { ["pre-message/bare"] = { limit = "1200ms" } }`)+
		fmt.Sprintf("log = { error = %q }\n", log), modules.All...)
	h := s.Host(coretest.Domain)
	st, err := stanza.Parse([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	var passed atomic.Int32
	var wg sync.WaitGroup
	for range 20 { // the guest has no time for most of them
		wg.Go(func() {
			pass := h.Table.Enter()
			defer pass.Leave()
			ev := route.Event{Stanza: st, Host: h, Pass: pass}
			if route.Out[stanza.Message][route.Bare].Fire(context.Background(), pass, &ev) == ext.Next {
				passed.Add(1)
			}
		})
	}
	wg.Wait()
	told, err := os.ReadFile(log)
	if n := strings.Count(string(told), "all instances are at work"); passed.Load() < 10 || n != 1 || err != nil {
		t.Errorf("%d went on, %d lines, %v:\n%s", passed.Load(), n, err, told)
	}
	for _, st := range s.Env.Manager.List() {
		if st.Name == "probe" && st.State != "loaded" {
			t.Errorf("the guest is %s", st.State)
		}
	}
}
