// SPDX-License-Identifier: Apache-2.0

package http_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"tercet/core/module"
	web "tercet/modules/http"
)

// failing shows the pages of errors.
var failing = web.App{Name: "fail", Routes: routes(
	"GET /plain", web.Func(func(http.ResponseWriter, *http.Request) error { return errors.New("the table accounts is gone") }),
	"GET /gone", web.Func(func(http.ResponseWriter, *http.Request) error {
		return &web.Error{Code: 410, Text: "It <was> here.", Err: errors.New("row 7")}
	}),
	"GET /odd", web.Func(func(http.ResponseWriter, *http.Request) error { return &web.Error{Code: 99} }),
	"GET /late", web.Func(func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "begun")
		return errors.New("late")
	}),
	"GET /404", web.Func(func(http.ResponseWriter, *http.Request) error { return &web.Error{Code: 404} }),
	"POST", web.Func(func(w http.ResponseWriter, r *http.Request) error {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%d bytes", n)
		return nil
	}),
)}

// Error pages: nothing internal is shown unless http_errors_detailed says so,
// HTML only for those who want it, and escaped.
func TestErrorPages(t *testing.T) {
	w := start(t, "", static(failing))
	r := w.do("GET /fail/plain")
	r.want(t, 500, "500 Internal Server Error\nThere is nothing more")
	if strings.Contains(r.text, "accounts") || r.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("got %q %v", r.text, r.Header)
	}
	w.do("GET /fail/gone").want(t, 410, "It <was> here.")
	html := w.do("GET /fail/gone", "Accept", "text/html,*/*")
	html.want(t, 410, "<p>It &lt;was&gt; here.</p>")
	if !strings.HasPrefix(html.Header.Get("Content-Type"), "text/html") || strings.Contains(html.text, "row 7") {
		t.Errorf("got %q %v", html.text, html.Header)
	}
	w.do("GET /fail/odd").want(t, 500, "500")
	w.do("GET /fail/late").want(t, 200, "begun")
	w.do("GET /", "Accept", "text/html").want(t, 200, "It works")
	w.do("GET /x").want(t, 404, "404 Not Found")

	for _, tt := range []struct {
		lua, request string
		status       int
		want, not    string
	}{
		{"http_errors_detailed = true\n", "GET /fail/plain", 500, "the table accounts is gone", ""},
		{"http_errors_detailed = true\n", "GET /fail/gone", 410, "row 7", ""},
		{"http_errors_default_message = \"Ask the admin.\"\n", "GET /x", 404, "Ask the admin.", "nothing more"},
		{"http_errors_messages = { [404] = { \"Not %.\", \"here\", \"here\" } }\n", "GET /x", 404, "Not here.", "nothing more"},
		{"http_errors_messages = { [404] = { \"Lost.\" } }\n", "GET /fail/404", 404, "Lost.", ""},
		{"http_errors_messages = { [\"/\"] = { \"Hi.\" } }\n", "GET /", 200, "Hi.", "XMPP"},
		{"http_errors_always_show = false\n", "GET /x", 404, "", "404"},
		{"http_errors_always_show = false\n", "GET /fail/gone", 410, "It <was> here.", ""},
		{"http_errors_always_show = false\nhttp_errors_messages = { [404] = { \"Lost.\" } }\n", "GET /x", 404, "Lost.", ""},
	} {
		t.Run(tt.lua, func(t *testing.T) {
			r := start(t, tt.lua, static(failing)).do(tt.request)
			r.want(t, tt.status, tt.want)
			if tt.not != "" && strings.Contains(r.text, tt.not) {
				t.Errorf("got %q", r.text)
			}
		})
	}
}

// http_max_content_size, for a server, a host and an app: a body of known
// length is refused before it is read, another when it is too long.
func TestContentSize(t *testing.T) {
	own := failing
	own.Name, own.MaxBody = "own", 30
	free := failing
	free.Name, free.MaxBody = "free", -1
	w := start(t, "http_max_content_size = 20\nVirtualHost \"example.org\"\nVirtualHost \"example.com\"\nhttp_max_content_size = 10\n", static(failing, own, free))
	for _, tt := range []struct {
		host, app string
		size      int
		ok        bool
	}{
		{"example.org", "fail", 20, true},
		{"example.org", "fail", 21, false},
		{"example.com", "fail", 10, true},
		{"example.com", "fail", 11, false},
		{"example.com", "own", 30, true},
		{"example.com", "own", 31, false},
		{"example.com", "free", 300_000, true},
	} {
		for _, known := range []bool{true, false} {
			var body io.Reader = strings.NewReader(strings.Repeat("x", tt.size))
			if !known {
				body = struct{ io.Reader }{body}
			}
			status, want := 200, fmt.Sprintf("%d bytes", tt.size)
			if !tt.ok {
				status, want = 413, "413"
			}
			w.post("POST /"+tt.app, body, "Host", tt.host).want(t, status, want)
		}
	}
}

// http_host, http_default_host and http_external_url, and the URLs that come
// of them.
func TestNames(t *testing.T) {
	urls := onHost(func(s *module.Scope, _ string) []web.App {
		return []web.App{{Name: "files", Path: "/f", Routes: routes("GET", told, "GET /url", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, web.URL(s, "files", "/f")+" "+web.URL(s, "other", ""))
		}))}}
	})
	w := start(t, `
http_default_host = "www.example.com"
http_paths = { other = "/o/$host" }
VirtualHost "example.org"
VirtualHost "example.com"
	http_host = "www.example.com"
	http_external_url = "https://example.com:443/xmpp/"
VirtualHost "bücher.example"
	http_paths = { files = "/" }
VirtualHost "shared.example"
	http_host = "Example.org"
	http_paths = { files = "/shared" }
`, urls)
	for _, tt := range []struct{ host, path, want string }{
		{"example.org", "/f", "host=example.org"},
		{"example.org:80", "/f", "host=example.org"},
		{"www.example.com", "/f", "host=example.com"},
		{"example.com", "/f", "host=example.com"}, // by http_default_host
		{"nowhere.example", "/f", "host=example.com"},
		{"[::1]:5280", "/f", "host=example.com"},
		{"xn--bcher-kva.example", "/", "host=bücher.example"},
		{"example.org", "/shared", "host=shared.example"},
		{"example.org", "/f/url", "http://example.org:" + port(w.addr) + "/f http://example.org:" + port(w.addr) + "/o/example.org"},
		{"www.example.com", "/f/url", "https://example.com/xmpp/f https://example.com/xmpp/o/example.com"},
		{"xn--bcher-kva.example", "/url", "http://xn--bcher-kva.example:" + port(w.addr) + "/ http://xn--bcher"},
		{"example.org", "/shared/url", "http://example.org:" + port(w.addr) + "/shared http://example.org:" + port(w.addr) + "/o/shared.example"},
	} {
		w.do("GET "+tt.path, "Host", tt.host).want(t, 200, tt.want)
	}
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

// Without ports there is no URL.
func TestNoURL(t *testing.T) {
	got := make(chan string, 1)
	w := onHost(func(s *module.Scope, _ string) []web.App { got <- web.URL(s, "x", ""); return nil })
	startWithoutPorts(t, w)
	if u := <-got; u != web.NoURL {
		t.Errorf("got %s", u)
	}
}

// trusted_proxies and http_legacy_x_forwarded: who the client is.
func TestProxies(t *testing.T) {
	for _, tt := range []struct {
		name, lua string
		headers   []string
		remote    string
		secure    bool
	}{
		{"none", "", nil, "127.0.0.1", false},
		{"one hop", "", []string{"X-Forwarded-For", "192.0.2.1"}, "192.0.2.1", false},
		{"the nearest that is not ours", "", []string{"X-Forwarded-For", "203.0.113.1, 192.0.2.1, 127.0.0.1"}, "192.0.2.1", false},
		{"two headers", "", []string{"X-Forwarded-For", "203.0.113.1", "X-Forwarded-For", "192.0.2.1"}, "192.0.2.1", false},
		{"a chain of ours", "trusted_proxies = { \"127.0.0.1\", \"10.0.0.0/8\" }\n", []string{"X-Forwarded-For", "192.0.2.1, 10.1.2.3"}, "192.0.2.1", false},
		{"ours alone", "", []string{"X-Forwarded-For", "127.0.0.1"}, "127.0.0.1", false},
		{"IPv6 with a port", "", []string{"X-Forwarded-For", "[2001:db8::1]:4711"}, "2001:db8::1", false},
		{"nonsense", "", []string{"X-Forwarded-For", "unknown"}, "invalid IP", false},
		{"nonsense is not skipped", "", []string{"X-Forwarded-For", "127.0.0.1, x"}, "invalid IP", false},
		{"a proxy that does not tell", "", []string{"X-Forwarded-Proto", "https"}, "invalid IP", true},
		{"the other header", "", []string{"Forwarded", "for=127.0.0.1"}, "invalid IP", false},
		{"TLS at the proxy", "", []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https"}, "192.0.2.1", true},
		{"no trust", "trusted_proxies = {}\n", []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https"}, "127.0.0.1", false},
		{"another is trusted", "trusted_proxies = \"192.0.2.7\"\n", []string{"X-Forwarded-For", "192.0.2.1"}, "127.0.0.1", false},
		{"Forwarded", "http_legacy_x_forwarded = false\n", []string{"Forwarded", `for="[2001:db8::1]:1";proto=https;by=x, for=127.0.0.1;proto=http`}, "2001:db8::1", true},
		{"Forwarded, a client's lie", "http_legacy_x_forwarded = false\n", []string{"Forwarded", "for=127.0.0.1;proto=https, for=192.0.2.1"}, "192.0.2.1", false},
		{"Forwarded, hidden", "http_legacy_x_forwarded = false\n", []string{"Forwarded", "for=_hidden"}, "invalid IP", false},
		{"Forwarded, and the old one", "http_legacy_x_forwarded = false\n", []string{"X-Forwarded-For", "192.0.2.1"}, "invalid IP", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, tt.lua, static(web.App{Name: "who", Routes: routes("GET", told)}))
			w.do("GET /who", tt.headers...).want(t, 200, fmt.Sprintf("remote=%s secure=%v", tt.remote, tt.secure))
		})
	}
}

// The ports: where they listen, and what a header, a body, an answer and a
// pause may take.
func TestListeners(t *testing.T) {
	p := freePort(t)
	w := start(t, fmt.Sprintf("http_ports = { %d, 0 }\nuse_ipv6 = false\n", p), static(failing))
	if port(w.addr) != fmt.Sprint(p) && len(w.Env.Listeners.List()) < 3 {
		t.Errorf("listens on %v", w.Env.Listeners.List())
	}
	count := func(service string) (n int) {
		for _, l := range w.Env.Listeners.List() {
			if l.Service == service && l.Accepting {
				n++
			}
		}
		return n
	}
	if count("http") != 2 || count("https") != 0 {
		t.Errorf("%d of http and %d of https", count("http"), count("https"))
	}
	w.Reconfigure("modules_enabled = { \"app\" }\nhttp_ports = \"0\"\nhttps_ports = { 0 }\nhttps_interfaces = { \"127.0.0.1\" }\nlocal_interfaces = { \"127.0.0.2\" }\n")
	got := map[string]string{}
	for _, l := range w.Env.Listeners.List() {
		if l.Accepting {
			host, _, _ := net.SplitHostPort(l.Address)
			got[l.Service] = fmt.Sprint(host, l.TLS, l.Private)
		}
	}
	if got["http"] != "127.0.0.2"+"none"+"true" || got["https"] != "127.0.0.1"+"direct"+"false" {
		t.Errorf("got %v", got)
	}
}

func TestTimes(t *testing.T) {
	slow := web.App{Name: "slow", Routes: routes("GET", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b := make([]byte, 1<<20)
		for range 64 {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}))}
	ended := make(chan error, 1)
	body := web.App{Name: "body", Routes: routes("POST", web.Func(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
		return err
	}), "POST /ignored", says("not read"))}
	w := start(t, "http_header_timeout = 1\nhttp_idle_timeout = 1\nhttp_body_timeout = 1\nhttp_send_timeout = 1\n", static(slow, body))
	t.Run("header", func(t *testing.T) {
		start := time.Now()
		if got, closed := w.raw("GET /slow HTTP/1.1\r\nHost: exa", 10*time.Second); !closed || time.Since(start) > 8*time.Second {
			t.Errorf("got %q, closed %v after %v", got, closed, time.Since(start))
		}
	})
	t.Run("idle", func(t *testing.T) {
		if got, closed := w.raw("GET /x HTTP/1.1\r\nHost: example.org\r\n\r\n", 10*time.Second); !closed || !strings.HasPrefix(got, "HTTP/1.1 404") {
			t.Errorf("got %q, closed %v", got, closed)
		}
	})
	t.Run("body", func(t *testing.T) {
		if got, closed := w.raw("POST /body HTTP/1.1\r\nHost: example.org\r\nContent-Length: 100\r\n\r\nxxx", 10*time.Second); !closed {
			t.Errorf("got %q, not closed", got)
		}
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the handler got %v", err)
		}
	})
	t.Run("body that nobody reads", func(t *testing.T) {
		if got, closed := w.raw("POST /body/ignored HTTP/1.1\r\nHost: example.org\r\nContent-Length: 100\r\n\r\nxxx", 10*time.Second); !closed || !strings.Contains(got, "not read") {
			t.Errorf("got %q, closed %v", got, closed)
		}
	})
	t.Run("send", func(t *testing.T) {
		c, _ := w.dial()
		_, _ = io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: example.org\r\n\r\n")
		waitIdle(t, w)
	})
}

// waitIdle waits until no request is at work.
func waitIdle(t *testing.T, w *world) {
	t.Helper()
	g := w.Env.Metrics.Gauge("http_requests_in_flight", "")
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for seen := false; !seen || g.Value() > 0; {
		seen = seen || g.Value() > 0
		if time.Now().After(deadline) {
			t.Fatalf("%d requests are at work", g.Value())
		}
		<-tick.C
	}
}

// http_max_header_size.
func TestHeaderSize(t *testing.T) {
	w := start(t, "http_max_header_size = 8192\n", static(web.App{Name: "who", Routes: routes("GET", told)}))
	w.do("GET /who", "X-Long", strings.Repeat("x", 6000)).want(t, 200, "who")
	w.do("GET /who", "X-Long", strings.Repeat("x", 9000)).want(t, 431, "")
	if got, _ := w.raw("GET /who?"+strings.Repeat("x", 9000)+" HTTP/1.1\r\nHost: example.org\r\n\r\n", 5*time.Second); !strings.Contains(got, " 431 ") && !strings.Contains(got, " 400 ") {
		t.Errorf("a long path: got %.100q", got)
	}
}

// http_max_connections_per_address counts on addresses that others reach.
func TestPerAddress(t *testing.T) {
	for _, tt := range []struct {
		at  string
		cut bool
	}{{"127.0.0.1", false}, {"*", true}} {
		w := start(t, "http_max_connections_per_address = 2\nhttp_interfaces = { \""+tt.at+"\" }\nuse_ipv6 = false\n", static(failing))
		w.addr = "127.0.0.1:" + port(w.addr)
		for range 2 {
			c, r := w.dial()
			_, _ = io.WriteString(c, "GET /x HTTP/1.1\r\nHost: example.org\r\n\r\n")
			answer(t, r).want(t, 404, "")
		}
		got, _ := w.raw("GET /x HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n", 5*time.Second)
		if cut := got == ""; cut != tt.cut {
			t.Errorf("%s: got %q", tt.at, got)
		}
	}
}

// What is wrong in the config is said.
func TestCheck(t *testing.T) {
	w := start(t, "", static(failing))
	for _, tt := range []struct {
		lua, want string
		fails     bool
	}{
		{`http_external_url = "example.org"`, "http_external_url: want a URL", true},
		{`http_external_url = "ftp://example.org"`, "http_external_url: want a URL", true},
		{`http_paths = { fail = "/x?y" }`, "http_paths.fail", true},
		{`trusted_proxies = { "proxy.example" }`, "trusted_proxies: want an address", true},
		{`http_max_content_size = -1`, "http_max_content_size", true},
		{`access_control_allow_credentials = true`, "every page on the web", false},
		{`http_cors_override = { fail = { credentials = true } }`, "http_cors_override.fail: credentials without origins", false},
		{`access_control_allow_origins = { "example.org" }`, "an origin has a scheme", false},
		{`http_errors_messages = { [200] = { "x" } }`, "http_errors_messages.200: without effect", false},
	} {
		w.Write(config + "http_ports = { 0 }\n" + tt.lua + "\n")
		plan, err := w.Reload(t.Context())
		found := false
		for _, p := range plan.Problems {
			found = found || strings.Contains(p.String(), tt.want)
		}
		if !found || (err != nil) != tt.fails {
			t.Errorf("%s: got %v, %v, want %q", tt.lua, err, plan.Problems, tt.want)
		}
	}
}
