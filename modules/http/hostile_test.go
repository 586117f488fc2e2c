// SPDX-License-Identifier: Apache-2.0

package http_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"tercet/core/ext"
	"tercet/core/module"
	web "tercet/modules/http"
)

// What no proper client sends is answered with an error or closed, and none of
// it reaches an app.
func TestHostileRequests(t *testing.T) {
	seen := make(chan string, 64)
	w := start(t, "http_max_content_size = 100\n", static(
		web.App{Name: "app", Routes: routes("* /*", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			seen <- fmt.Sprint(r.Method, " ", r.URL.Path, " ", err == nil)
		}))},
	))
	const h = "Host: example.org\r\n"
	for _, tt := range []struct {
		name, send string
		status     string // "" is: closed without a word
		reaches    string
	}{
		{"proper", "GET /app/x HTTP/1.1\r\n" + h + "\r\n", "200", "GET /app/x true"},
		{"HTTP/1.0", "GET /app/x HTTP/1.0\r\n" + h + "\r\n", "200", "GET /app/x true"},
		{"HTTP/1.0 without a host", "GET /app/x HTTP/1.0\r\n\r\n", "400", ""},
		{"HTTP/1.1 without a host", "GET /app/x HTTP/1.1\r\n\r\n", "400", ""},
		{"two hosts", "GET /app/x HTTP/1.1\r\n" + h + "Host: example.com\r\n\r\n", "400", ""},
		{"a host with a slash", "GET /app/x HTTP/1.1\r\nHost: example.org/\r\n\r\n", "400", ""},
		{"a host with a NUL", "GET /app/x HTTP/1.1\r\nHost: example.org\x00\r\n\r\n", "400", ""},
		{"a long host", "GET /app/x HTTP/1.1\r\nHost: " + strings.Repeat("a.", 5000) + "example.org\r\n\r\n", "404", ""},
		{"odd Punycode", "GET /app/x HTTP/1.1\r\nHost: xn--a-\r\n\r\n", "404", ""},
		{"absolute form", "GET http://example.org/app/x HTTP/1.1\r\nHost: evil.example\r\n\r\n", "200", "GET /app/x true"},
		{"absolute form, another host", "GET http://evil.example/app/x HTTP/1.1\r\n" + h + "\r\n", "404", ""},
		{"absolute form without a path", "GET http://example.org HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"authority form", "CONNECT example.org:443 HTTP/1.1\r\n" + h + "\r\n", "501", ""},
		{"asterisk form", "OPTIONS * HTTP/1.1\r\n" + h + "\r\n", "204", ""},
		{"asterisk with GET", "GET * HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"climbing", "GET /app/../../etc/passwd HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"climbing, encoded", "GET /app/%2e%2e%2fx HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"climbing at the end", "GET /app/.. HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"a dot", "GET /app/./x HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"encoded twice", "GET /app/%252e%252e/x HTTP/1.1\r\n" + h + "\r\n", "200", "GET /app/%2e%2e/x true"},
		{"NUL", "GET /app/%00 HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"a line in the path", "GET /app/%0d%0aX:%20y HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"bad encoding", "GET /app/%zz HTTP/1.1\r\n" + h + "\r\n", "400", ""},
		{"no version", "GET /app/x\r\n" + h + "\r\n", "400", ""},
		{"HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400", ""},
		{"HTTP/9", "GET /app/x HTTP/9.0\r\n" + h + "\r\n", "505", ""},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 100) + "\r\n\r\n", "400", ""},
		{"XMPP", "<?xml version='1.0'?><stream:stream to='example.org'>\r\n\r\n", "400", ""},
		{"a header without a name", "GET /app/x HTTP/1.1\r\n" + h + ": x\r\n\r\n", "400", ""},
		{"space before the colon", "POST /app/x HTTP/1.1\r\n" + h + "Content-Length : 5\r\n\r\nhello", "400", ""},
		{"two lengths", "POST /app/x HTTP/1.1\r\n" + h + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "400", ""},
		{"a negative length", "POST /app/x HTTP/1.1\r\n" + h + "Content-Length: -1\r\n\r\n", "400", ""},
		{"a huge length", "POST /app/x HTTP/1.1\r\n" + h + "Content-Length: 99999999999999999999\r\n\r\n", "400", ""},
		{"more than may be", "POST /app/x HTTP/1.1\r\n" + h + "Content-Length: 101\r\n\r\n", "413", ""},
		{"an odd encoding", "POST /app/x HTTP/1.1\r\n" + h + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501", ""},
		{"a bad chunk", "POST /app/x HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "200", "POST /app/x false"},
		{"an expectation", "POST /app/x HTTP/1.1\r\n" + h + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", "417", ""},
		{"an upgrade to h2c", "GET /app/x HTTP/1.1\r\n" + h + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n", "200", "GET /app/x true"},
		{"a WebSocket to nowhere", "GET /xmpp-websocket HTTP/1.1\r\n" + h + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "404", ""},
		{"TRACE", "TRACE /app/x HTTP/1.1\r\n" + h + "\r\n", "501", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := *w
			w.t = t
			// The second request shows what is left of the first: nothing may be.
			got, _ := w.raw(tt.send, 300*time.Millisecond)
			_, status, _ := strings.Cut(got, " ")
			status, _, _ = strings.Cut(status, " ")
			if status != tt.status {
				t.Errorf("got %.200q, want %s", got, tt.status)
			}
			for _, leak := range []string{"goroutine", ".go:", "tercet/"} {
				if strings.Contains(got, leak) {
					t.Errorf("leaks %q: %q", leak, got)
				}
			}
			reached := ""
			select {
			case reached = <-seen:
			default:
			}
			if reached != tt.reaches {
				t.Errorf("the app got %q, want %q", reached, tt.reaches)
			}
		})
	}
}

// RFC 9112 11.2: a request that is hidden in the body of another is not one.
func TestSmuggling(t *testing.T) {
	seen := make(chan string, 8)
	w := start(t, "", static(web.App{Name: "app", Routes: routes("* /*", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.URL.Path }))}))
	for _, send := range []string{
		"POST /app/1 HTTP/1.1\r\nHost: example.org\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /app/hidden HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"POST /app/1 HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nGET /app/hidden HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"POST /app/1 HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /app/hidden HTTP/1.1\r\nHost: example.org\r\n\r\n",
	} {
		got, _ := w.raw(send, 300*time.Millisecond)
		n := strings.Count(got, "HTTP/1.1 200")
		for len(seen) > 0 {
			if path := <-seen; path == "/app/hidden" && n > 1 && !strings.Contains(send, "Content-Length: 60") {
				t.Errorf("%q: the hidden request was served", send)
			}
		}
	}
}

// RFC 9112 9.3.2: pipelined requests are answered in order.
func TestPipelining(t *testing.T) {
	w := start(t, "", static(web.App{Name: "app", Routes: routes("* /*", told)}))
	c, r := w.dial()
	for i := range 20 {
		fmt.Fprintf(c, "POST /app/%d HTTP/1.1\r\nHost: example.org\r\nContent-Length: 3\r\n\r\nabc", i)
	}
	for i := range 20 {
		answer(t, r).want(t, 200, fmt.Sprintf("rest=/%d", i))
	}
}

// RFC 9110 10.1.1: whoever waits to be told to go on is not told so if the body
// would be too long.
func TestExpect(t *testing.T) {
	w := start(t, "http_max_content_size = 10\n", static(failing))
	c, r := w.dial()
	_, _ = io.WriteString(c, "POST /fail HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
	answer(t, r).want(t, 413, "")
	c, r = w.dial()
	_, _ = io.WriteString(c, "POST /fail HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	line, _ := r.ReadString('\n')
	if !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q", line)
	}
	_, _ = r.ReadString('\n')
	_, _ = io.WriteString(c, "ab")
	answer(t, r).want(t, 200, "2 bytes")
}

// A hundred thousand paths that nobody serves leave nothing behind.
func TestManyPaths(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	w := start(t, "", static(web.App{Name: "app", Routes: routes("GET /*", says("x"))}))
	c, r := w.dial()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const all, batch = 100_000, 100
	for i := 0; i < all; i += batch {
		var b strings.Builder
		for j := range batch {
			fmt.Fprintf(&b, "GET /%d/%s HTTP/1.1\r\nHost: h%d.example\r\n\r\n", i+j, strings.Repeat("a/", j), i+j)
		}
		_, _ = io.WriteString(c, b.String())
		for range batch {
			answer(t, r)
		}
	}
	if after := heap(); after > before+4<<20 {
		t.Errorf("%d bytes are left", after-before)
	}
}

// Many that send their header a byte at a time are closed, and do not keep
// others from being served.
func TestSlowHeaders(t *testing.T) {
	w := start(t, "http_header_timeout = 1\n", static(failing))
	const many = 200
	closed := make(chan bool, many)
	for range many {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			go func() {
				for _, b := range []byte("GET / HTTP/1.1\r\nX-A: " + strings.Repeat("a", 50)) {
					if _, err := c.Write([]byte{b}); err != nil {
						return
					}
					<-time.After(100 * time.Millisecond)
				}
			}()
			_, err := io.ReadAll(c)
			closed <- err == nil || !isTimeout(err)
		}()
	}
	w.do("GET /x").want(t, 404, "")
	for range many {
		if !<-closed {
			t.Fatal("a slow client was not closed")
		}
	}
}

// A handler that panics is answered with 500 if that can be, and takes nothing
// with it.
func TestPanic(t *testing.T) {
	w := start(t, "log = {}\n", static(web.App{Name: "p", Routes: routes(
		"GET /early", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Secret", "1"); panic("secret") }),
		"GET /late", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
			panic("secret")
		}),
		"GET /abort", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"GET /hijacked", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _, _ = w.(http.Hijacker).Hijack()
			panic("secret")
		}),
	)}))
	r := w.do("GET /p/early")
	r.want(t, 500, "500")
	if strings.Contains(r.text, "secret") || r.Header.Get("X-Secret") != "" {
		t.Errorf("leaks: %q %v", r.text, r.Header)
	}
	for _, path := range []string{"late", "abort", "hijacked"} {
		got, closed := w.raw("GET /p/"+path+" HTTP/1.1\r\nHost: example.org\r\n\r\n", 5*time.Second)
		if !closed || strings.Contains(got, "secret") || strings.HasSuffix(got, "\r\n0\r\n\r\n") {
			t.Errorf("%s: got %q, closed %v", path, got, closed)
		}
	}
	w.do("GET /x").want(t, 404, "")
	if n := w.Env.Metrics.Gauge("http_requests_in_flight", "").Value(); n != 0 {
		t.Errorf("%d requests are at work", n)
	}
}

// A hijacked connection is the app's, and its deadlines with it; a module that
// ends waits for the handler.
func TestHijack(t *testing.T) {
	w := start(t, "http_send_timeout = 1\n", static(web.App{Name: "ws", Routes: routes("GET", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "echo "+line)
		}
	}))}))
	c, r := w.dial()
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	for _, want := range []string{"HTTP/1.1 101", ""} {
		if line, _ := r.ReadString('\n'); !strings.HasPrefix(line, want) {
			t.Fatalf("got %q", line)
		}
	}
	for i := range 3 {
		<-time.After(500 * time.Millisecond)
		fmt.Fprintf(c, "%d\n", i)
		if line, err := r.ReadString('\n'); line != fmt.Sprintf("echo %d\n", i) {
			t.Fatalf("got %q, %v", line, err)
		}
	}
}

// The hook http-error may write its own page.
func TestErrorHook(t *testing.T) {
	hook := module.Define("pages", module.OnServer, struct{}{}, func(s *module.Scope, _ struct{}) error {
		web.ErrorPage.Handle(s, 0, func(_ context.Context, ev *web.ErrorEvent) ext.Verdict {
			if ev.Code == 404 {
				ev.Type, ev.Body = "text/x-own", []byte("own page of "+ev.Request.URL.Path)
			}
			return ext.Next
		})
		return nil
	})
	w := start(t, "modules_enabled = { \"app\", \"pages\" }\n", static(failing), hook)
	r := w.do("GET /x")
	r.want(t, 404, "own page of /x")
	if r.Header.Get("Content-Type") != "text/x-own" {
		t.Errorf("got %v", r.Header)
	}
	w.do("GET /fail/gone").want(t, 410, "It <was> here.")
}
