// SPDX-License-Identifier: Apache-2.0

package http_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/module"
	web "tercet/modules/http"
)

// secure is a server with certificates and its https port.
func secure(t *testing.T, lua string, certificates []string, mods ...module.Definition) (w *world, addr string, trusted *x509.CertPool) {
	t.Helper()
	dir, trusted := coretest.Certificates(t, certificates...)
	w = start(t, fmt.Sprintf("certificates = %q\nhttps_ports = { 0 }\nhttps_interfaces = { \"127.0.0.1\" }\n", dir)+lua, mods...)
	return w, w.address("https"), trusted
}

// over makes a client that connects to addr under whatever name.
func over(t *testing.T, addr string, cfg *tls.Config, h2 bool) *http.Client {
	t.Helper()
	tr := &http.Transport{
		TLSClientConfig: cfg, ForceAttemptHTTP2: h2,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		},
	}
	if !h2 {
		tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

func get(t *testing.T, c *http.Client, url string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return reply{resp, string(b)}
}

// SNI picks the certificate of the host, also that of http_host; ALPN picks
// HTTP/2.
func TestTLS(t *testing.T) {
	w, addr, trusted := secure(t, `
VirtualHost "example.org"
VirtualHost "example.com"
	http_host = "www.example.com"
`, []string{"example.org", "example.com", "www.example.com"}, static(web.App{Name: "who", Routes: routes("GET", told)}))
	for _, tt := range []struct{ url, host string }{
		{"https://example.org/who", "example.org"},
		{"https://www.example.com/who", "example.com"},
	} {
		for _, h2 := range []bool{true, false} {
			r := get(t, over(t, addr, &tls.Config{RootCAs: trusted}, h2), tt.url)
			r.want(t, 200, "host="+tt.host+" remote=127.0.0.1 secure=true")
			if want := map[bool]int{true: 2, false: 1}[h2]; r.ProtoMajor != want {
				t.Errorf("%s: HTTP/%d, want %d", tt.url, r.ProtoMajor, want)
			}
			if name := r.TLS.PeerCertificates[0].Subject.CommonName; "https://"+name+"/who" != tt.url {
				t.Errorf("%s: certificate of %s", tt.url, name)
			}
		}
	}
	_ = w
}

// https_certificate, https_ssl: what the port shows to whom names no host of
// ours, and which versions it speaks.
func TestTLSOptions(t *testing.T) {
	other, pool := coretest.Certificates(t, "web.example")
	_, addr, trusted := secure(t, fmt.Sprintf("https_certificate = \"%s/web.example.crt\"\nhttps_ssl = { protocol = \"tlsv1_3+\", certificate = \"%s/web.example.crt\", key = \"%s/web.example.key\" }\n", other, other, other),
		nil, static(web.App{Name: "who", Routes: routes("GET", told)}))
	_ = trusted
	r := get(t, over(t, addr, &tls.Config{RootCAs: pool, ServerName: "web.example"}, true), "https://example.org/who")
	r.want(t, 200, "host=example.org")
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: "web.example", MaxVersion: tls.VersionTLS12})
	if err == nil {
		_ = c.Close()
		t.Error("TLS 1.2 is spoken")
	}
}

// Without a certificate connections are closed; plain HTTP on a TLS port is
// told so.
func TestTLSErrors(t *testing.T) {
	_, addr, _ := secure(t, "https_ssl = { certificate = \"nowhere.crt\", key = \"nowhere.key\" }\n", nil, static())
	if c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}); err == nil {
		_ = c.Close()
		t.Error("TLS without a certificate")
	}
	w, addr, _ := secure(t, "", []string{"example.org"}, static())
	w.addr = addr
	got, closed := w.raw("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 5*time.Second)
	if !closed || !strings.Contains(got, "400 Bad Request") || !strings.Contains(got, "HTTPS") {
		t.Errorf("got %q, closed %v", got, closed)
	}
	got, closed = w.raw("<stream:stream>", 5*time.Second)
	if !closed || strings.Contains(got, "HTTP") {
		t.Errorf("got %q, closed %v", got, closed)
	}
}

// http_header_timeout and http_max_handshakes: those that begin a handshake and
// stop hold up others no longer than the time.
func TestHandshakes(t *testing.T) {
	_, addr, trusted := secure(t, "http_header_timeout = 1\nhttp_max_handshakes = 1\n", []string{"example.org"}, static(failing))
	begun := time.Now()
	silent, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, _ = io.WriteString(silent, "\x16\x03\x01")
	<-time.After(100 * time.Millisecond) // it is in
	get(t, over(t, addr, &tls.Config{RootCAs: trusted}, true), "https://example.org/x").want(t, 404, "")
	if took := time.Since(begun); took < 500*time.Millisecond || took > 8*time.Second {
		t.Errorf("it took %v, and one handshake at a time is allowed", took)
	}
}

// A connection over HTTP/2 goes on over a reload of the app, and ends without
// harm when the sockets' module is replaced.
func TestReloadHTTP2(t *testing.T) {
	v := newVersions()
	dir, trusted := coretest.Certificates(t, "example.org")
	p := freePort(t)
	lua := func(version, idle int) string {
		return fmt.Sprintf("certificates = %q\nhttps_interfaces = { \"127.0.0.1\" }\nhttp_idle_timeout = %d\ntest_version = \"%d\"\nhttps_ports = { %d }\nhttp_ports = { 0 }\n", dir, idle, version, p)
	}
	w := start(t, lua(1, 60), v.module())
	c := over(t, w.address("https"), &tls.Config{RootCAs: trusted}, true)
	get(t, c, "https://example.org/v").want(t, 200, "version 1")
	var wg sync.WaitGroup
	wg.Go(func() { get(t, c, "https://example.org/v/wait").want(t, 200, "waited in 1") })
	<-v.entered
	w.Reconfigure(config + lua(2, 60))
	get(t, c, "https://example.org/v").want(t, 200, "version 2")
	w.Reconfigure(config + lua(3, 61))
	get(t, c, "https://example.org/v").want(t, 200, "version 3")
	close(v.leave)
	wg.Wait()
	get(t, c, "https://example.org/v").want(t, 200, "version 3")
}

// http_max_buffer_size: what a client may send that nobody has read.
func TestBuffer(t *testing.T) {
	for _, tt := range []struct {
		lua  string
		most int64
	}{{"http_max_buffer_size = 65536\n", 64 << 10}, {"http_max_buffer_size = 1048576\n", 1 << 20}} {
		entered, leave := make(chan bool), make(chan bool)
		_, addr, trusted := secure(t, tt.lua, []string{"example.org"}, static(web.App{Name: "app", MaxBody: -1, Routes: routes("POST", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-leave
			_, _ = io.Copy(io.Discard, r.Body)
		}))}))
		counted := &counter{left: 8 << 20}
		done := make(chan error, 1)
		go func() {
			r, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://example.org/app", counted)
			resp, err := over(t, addr, &tls.Config{RootCAs: trusted}, true).Do(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			done <- err
		}()
		<-entered
		last, still := int64(-1), 0
		coretest.Eventually(t, "the client waits", func() bool {
			n := counted.read()
			if n == last {
				still++
			} else {
				last, still = n, 0
			}
			return still > 60
		})
		if last > tt.most+512<<10 || last < tt.most {
			t.Errorf("%s: %d bytes were taken, want about %d", tt.lua, last, tt.most)
		}
		close(leave)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := counted.read(); n != 8<<20 {
			t.Errorf("%d bytes were sent in the end", n)
		}
	}
}

// A counter is a body that knows how much of it was taken.
type counter struct {
	mu   sync.Mutex
	left int64
	n    int64
}

func (c *counter) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), c.left)
	c.left -= n
	c.n += n
	return int(n), nil
}

func (c *counter) read() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// An app that waits longer than all of the times is answered with what it has
// to say, and reads and writes on: a long poll, a slow disk.
func TestSlowApps(t *testing.T) {
	_, addr, trusted := secure(t, "http_send_timeout = 1\nhttp_body_timeout = 1\n", []string{"example.org"}, static(web.App{Name: "app", Routes: routes(
		"POST", web.Func(func(w http.ResponseWriter, r *http.Request) error {
			b := make([]byte, 1)
			if _, err := io.ReadFull(r.Body, b); err != nil {
				return err
			}
			<-time.After(1500 * time.Millisecond)
			rest, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(w, "%d ", 1+len(rest))
			w.(http.Flusher).Flush()
			<-time.After(1500 * time.Millisecond)
			_, err = io.WriteString(w, "done")
			return err
		}),
	)}))
	for _, h2 := range []bool{true, false} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.org/app", strings.NewReader(strings.Repeat("x", 1000)))
		resp, err := over(t, addr, &tls.Config{RootCAs: trusted}, h2).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(b) != "1000 done" || err != nil {
			t.Errorf("HTTP/2 %v: got %q, %v", h2, b, err)
		}
	}
}

// A stream of HTTP/2 whose client does not read is given up, and so is one
// whose body does not come; the connection goes on.
func TestSlowStreams(t *testing.T) {
	ended := make(chan error, 2)
	_, addr, trusted := secure(t, "http_send_timeout = 1\nhttp_body_timeout = 1\n", []string{"example.org"}, static(web.App{Name: "app", Routes: routes(
		"GET /big", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			b := make([]byte, 1<<20)
			for range 64 {
				if _, err := w.Write(b); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}),
		"POST /read", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			ended <- err
		}),
		"GET /small", says("small"),
	)}))
	c := over(t, addr, &tls.Config{RootCAs: trusted}, true)
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://example.org/app/big", nil)
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("all of it was written")
	}
	get(t, c, "https://example.org/app/small").want(t, 200, "small")
	_ = resp.Body.Close()
	pr, pw := io.Pipe()
	defer pw.Close()
	go func() { _, _ = io.WriteString(pw, "begun") }()
	r, _ = http.NewRequestWithContext(context.Background(), http.MethodPost, "https://example.org/app/read", pr)
	go func() {
		if resp, err := c.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}()
	var e *web.Error
	if err := <-ended; !errors.As(err, &e) || e.Code != http.StatusRequestTimeout {
		t.Errorf("reading: %v", err)
	}
	get(t, c, "https://example.org/app/small").want(t, 200, "small")
}
