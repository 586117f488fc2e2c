// SPDX-License-Identifier: Apache-2.0

package http_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/core/metric"
	web "tercet/modules/http"
)

// Each request is counted by its status and logged without what may be secret.
func TestMetricsAndLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "debug.log")
	w := start(t, fmt.Sprintf("log = { debug = %q }\n", file), static(web.App{Name: "files", Routes: routes("GET /*", says("x"))}, failing))
	for _, path := range []string{"/files/key-in-path?key=in-query", "/elsewhere/key-in-path?key=in-query", "/fail/gone", "/" + strings.Repeat("a", 1000)} {
		w.do("GET "+path, "Authorization", "Bearer in-header", "Cookie", "in-cookie")
	}
	w.do("POST /files/x")
	_, _ = w.raw("POST /fail HTTP/1.1\r\nHost: example.org\r\nAuthorization: Basic in-header\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 1e9)
	count := func(class string) uint64 {
		return w.Env.Metrics.Counter("http_requests", "", metric.Label{Name: "status", Value: class}).Value()
	}
	if count("2xx") != 2 || count("4xx") != 4 || count("5xx") != 0 {
		t.Errorf("2xx %d, 4xx %d, 5xx %d", count("2xx"), count("4xx"), count("5xx"))
	}
	if n := w.Env.Metrics.Histogram("http_request_seconds", "", metric.Seconds).Count(); n != 6 {
		t.Errorf("%d times", n)
	}
	var text string
	coretest.Eventually(t, "the log", func() bool {
		b, _ := os.ReadFile(file)
		text = string(b)
		return strings.Count(text, "request method=") == 6
	})
	for _, want := range []string{"app=files", "path=elsewhere", "status=410", "host=example.org", "address=127.0.0.1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, not := range []string{"in-path", "in-query", "in-header", "in-cookie", strings.Repeat("a", 40)} {
		if strings.Contains(text, not) {
			t.Errorf("%s is in\n%s", not, text)
		}
	}
}

// BenchmarkHello is one request on a connection that is kept, client included:
// writing 60 bytes and reading the answer. The first is net/http alone.
func BenchmarkHello(b *testing.B) {
	hello := says("hello")
	plain := &http.Server{Handler: hello, ReadHeaderTimeout: 1e10}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = plain.Serve(l) }()
	defer plain.Close()
	w := start(b, "", static(web.App{Name: "hello", Routes: routes("GET /*", hello)}))
	for _, bb := range []struct{ name, addr string }{{"net_http", l.Addr().String()}, {"tercet", w.addr}} {
		b.Run(bb.name, func(b *testing.B) {
			c, err := net.Dial("tcp", bb.addr)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			r := bufio.NewReader(c)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = io.WriteString(c, "GET /hello/world HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n")
				for line := []byte("begin"); len(line) > 2; {
					if line, err = r.ReadSlice('\n'); err != nil {
						b.Fatal(err)
					}
				}
				_, _ = r.Discard(len("hello"))
			}
		})
	}
}

// BenchmarkIdle is the memory of a connection that waits for its next request,
// both ends of its client's side left out as far as that can be.
func BenchmarkIdle(b *testing.B) {
	dir, trusted := coretest.Certificates(b, "example.org")
	w := start(b, fmt.Sprintf("certificates = %q\nhttps_ports = { 0 }\nhttps_interfaces = { \"127.0.0.1\" }\n", dir), static(web.App{Name: "hello", Routes: routes("GET /*", says("hello"))}))
	memory := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	open := func(b *testing.B, secured, asks bool) {
		const n = 500
		before := memory()
		conns := make([]net.Conn, n)
		for i := range conns {
			var err error
			if secured {
				conns[i], err = tls.Dial("tcp", w.address("https"), &tls.Config{RootCAs: trusted, ServerName: "example.org"})
			} else {
				conns[i], err = net.Dial("tcp", w.addr)
			}
			if err != nil {
				b.Fatal(err)
			}
			if asks {
				_, _ = io.WriteString(conns[i], "GET /hello/ HTTP/1.1\r\nHost: example.org\r\n\r\n")
				var buf [512]byte
				if _, err := conns[i].Read(buf[:]); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(memory()-before)/n, "B/conn")
		for _, c := range conns {
			_ = c.Close()
		}
	}
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			open(b, false, true)
		}
	})
	b.Run("tls_with_client", func(b *testing.B) {
		for b.Loop() {
			open(b, true, true)
		}
	})
}
