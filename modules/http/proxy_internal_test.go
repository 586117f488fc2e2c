// SPDX-License-Identifier: Apache-2.0

package http

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What proxies write is foreign: no panic, bounded work, and whoever is not
// named by a trusted proxy is not one of them.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1", "for=192.0.2.1;proto=https", `for="[2001:db8::1]:80", for=127.0.0.1`, "for=_x;by=unknown", ",,;=;\"", "127.0.0.1, ::1",
		"fe80::1%eth0", "::ffff:127.0.0.1", "1.2.3.4:80:90", strings.Repeat("127.0.0.1,", 50),
	} {
		f.Add(s)
	}
	trusted, err := networksOf([]string{"127.0.0.1", "::1", "10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, legacy := range []bool{true, false} {
			d := &server{trusted: trusted}
			d.Legacy = legacy
			h := http.Header{"X-Forwarded-For": {s, "198.51.100.7"}, "Forwarded": {s, "for=198.51.100.7"}}
			c := d.clientOf(&http.Request{RemoteAddr: "10.1.1.1:4", Header: h})
			if c.addr.String() != "198.51.100.7" {
				t.Errorf("%q: took %s for the client", s, c.addr)
			}
			alone := http.Header{"X-Forwarded-For": {s}, "Forwarded": {s}}
			c = d.clientOf(&http.Request{RemoteAddr: "10.1.1.1:4", Header: alone})
			if c.addr.Zone() != "" || c.addr.Is4In6() {
				t.Errorf("%q: %s", s, c.addr)
			}
			c = d.clientOf(&http.Request{RemoteAddr: "192.0.2.9:4", Header: alone})
			if c.addr.String() != "192.0.2.9" || c.secure {
				t.Errorf("%q: believed a stranger: %v", s, c)
			}
		}
	})
}

// Paths are compared as they are served.
func TestCleanPath(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "/": "", "//": "", "x": "/x", "/x/": "/x", "//x//y": "/x/y", "/$host/x": "/example.org/x", "/a$host": "/aexample.org",
	} {
		if got := cleanPath(in, "example.org"); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzParseRoute(f *testing.F) {
	for _, s := range []string{"GET", "GET /", "GET /*", "PUT /a/b/*", "* /*", "GET  /x", " /", "GET /a/../b", "GET /a*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		method, at, err := parseRoute(s, "/base")
		if err != nil {
			return
		}
		if method == "" || !strings.HasPrefix(at.path, "/base") || at.tree != strings.HasSuffix(s, "/*") || strings.Contains(at.path, "*") || !wellFormed(at.path) {
			t.Errorf("%q: got %q, %+v", s, method, at)
		}
	})
}

// Host headers are foreign, too.
func FuzzHostName(f *testing.F) {
	for _, s := range []string{"example.org", "EXAMPLE.org:80", "[::1]:5280", "::1", "xn--bcher-kva.example", "xn--", "a..b", ":", "x:99999999", "b\xfccher"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := hostName(s)
		if len(got) > 4*maxName || strings.ToLower(got) != got && !strings.Contains(strings.ToLower(s), "xn--") {
			t.Errorf("%q: got %q", s, got)
		}
	})
}

// Trees are not looked for deeper than they can be.
func TestReach(t *testing.T) {
	for in, want := range map[string]int{"/": 1, "/a/b": 4, strings.Repeat("/", 16): 16, strings.Repeat("/x", 20): 32, strings.Repeat("/", 8000): 16} {
		if got := reach(in); got != want {
			t.Errorf("%.20q: got %d, want %d", in, got, want)
		}
	}
}

// The header of an answer that CORS allows is put together once.
func TestAllowedHeaders(t *testing.T) {
	got := allowedHeaders([]string{"content-type", "x-a"}, map[string]bool{"X-A": false, "x-b": true, "Content-Type": true})
	if got != "Content-Type, X-B" {
		t.Errorf("got %q", got)
	}
	if got := allowedMethods([]string{"get"}, []string{"PUT", "*", "GET"}); got != "GET, PUT" {
		t.Errorf("got %q", got)
	}
	if !slices.Contains(alpn, "h2") {
		t.Error("no HTTP/2")
	}
}
