// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/ext"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
)

// FuzzSanitize: no path leads out of the folder.
func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{"", "/", "a/b", "a/../b/", "..", "a/../../b", "a//./b", "...", "a\x00b", "/etc/passwd"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		clean, ok := sanitize(path)
		if !ok {
			return
		}
		joined := filepath.Join("/base", clean)
		if joined != "/base" && !strings.HasPrefix(joined, "/base/") || strings.IndexByte(clean, 0) >= 0 || clean[0] != '/' || strings.Contains(clean, "//") {
			t.Errorf("%q is %q", path, clean)
		}
		if again, ok := sanitize(clean); !ok || again != clean {
			t.Errorf("%q is %q, then %q", path, clean, again)
		}
	})
}

// FuzzRaw: what a module writes by itself is a whole answer or none.
func FuzzRaw(f *testing.F) {
	for _, seed := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nA: b\r\n\r\nbody", "nonsense\r\n\r\n", "HTTP/1.0 999 x\r\nContent-Length: -1\r\n\r\n"} {
		f.Add(seed, 5)
	}
	w := &Web{log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody)
		x := &exchange{web: w, route: &route{task: &universe.Task{}, meter: new(ext.Meter)}, r: r, wake: make(chan struct{}, 1)}
		cut = min(max(cut, 0), len(text))
		x.writeRaw(text[:cut])
		x.writeRaw(text[cut:])
		queue, _, _ := x.take()
		if len(queue) > 0 && (queue[0].status < http.StatusOK || queue[0].header == nil) {
			t.Errorf("%q begins with status %d", text, queue[0].status)
		}
	})
}

// bench answers requests with a handler, without a network.
func bench(b *testing.B, handler, path string, tree bool) {
	b.Helper()
	u := universe.New(universe.Options{Loaders: lib.Loaders()})
	defer u.Close()
	w := New(u, Options{})
	defer w.Close()
	for name, loader := range w.Loaders() {
		u.Register(name, loader)
	}
	r := &route{web: w, tree: tree, task: &universe.Task{Name: "bench", Waits: true}, meter: new(ext.Meter)}
	err := u.Do(b.Context(), &universe.Task{Name: "load"}, func(l *lua.LState) {
		w.prepare(l)
		fn, err := u.Load(l, "bench.lua", []byte("return "+handler), nil)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(fn)
		l.Call(0, 1)
		r.handler = l.Get(-1)
	})
	if err != nil {
		b.Fatal(err)
	}
	r.chain = []*route{r}
	req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, http.NoBody)
	req.Header = http.Header{"User-Agent": {"bench"}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip"}}
	b.ReportAllocs()
	for b.Loop() {
		out := httptest.NewRecorder()
		if err := r.serve(out, req); err != nil || out.Code != http.StatusOK {
			b.Fatal(err, out.Code)
		}
	}
}

func BenchmarkString(b *testing.B) {
	bench(b, `function(event) event.response.headers.content_type = "text/plain" return "hello" end`, "/", false)
}

func BenchmarkFile(b *testing.B) {
	name := filepath.Join(b.TempDir(), "a.css")
	if err := os.WriteFile(name, []byte("p {}"), 0o600); err != nil {
		b.Fatal(err)
	}
	bench(b, `require "net.http.files".serve("`+name+`")`, "/a.css", false)
}

// BenchmarkRecorder is the yardstick: what the test's own part costs.
func BenchmarkRecorder(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		out := httptest.NewRecorder()
		out.Header().Set("Content-Type", "text/plain")
		out.Header().Set("Content-Length", "5")
		out.WriteHeader(http.StatusOK)
		_, _ = out.WriteString("hello")
	}
}
