// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/modules/guest/lua/web"
)

// Row 29 of the plan: a folder with types, tags, and no way out of it.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "base")
	large := strings.Repeat("0123456789", 20_000)
	for name, text := range map[string]string{
		"index.html": "<p>index", "a b.txt": "spaced", "style.css": "p{}", "sub/index.htm": "below", "empty/.keep": "", "large.css": large, "../secret": "secret",
	} {
		at := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, web.Options{}, `{ name = "share", route = {
		["GET /*"] = require "net.http.files".serve({ path = "`+base+`", mime_map = { css = "text/css" } });
		["GET /one"] = require "net.http.files".serve("`+base+`/index.html");
		["GET /list/*"] = require "net.http.files".serve({ path = "`+base+`", directory_index = true, index_files = {} });
		["GET /nowhere/*"] = require "net.http.files".serve({});
	} }`)
	for _, c := range []struct {
		request string
		status  int
		text    string
		kind    string
	}{
		{"GET /share/", 200, "<p>index", ""},
		{"GET /share/style.css", 200, "p{}", "text/css"},
		{"GET /share/a%20b.txt", 200, "spaced", ""},
		{"GET /share/sub/", 200, "below", ""},
		{"GET /share/large.css", 200, large, "text/css"},
		{"GET /share/empty/", 403, "", "text/plain; charset=utf-8"},
		{"GET /share/none", 404, "", "text/plain; charset=utf-8"},
		{"GET /share/style.css/", 404, "", "text/plain; charset=utf-8"},
		{"GET /share/../secret", 400, "", "text/plain; charset=utf-8"},
		{"GET /share/%2e%2e/secret", 400, "", "text/plain; charset=utf-8"},
		{"GET /share/sub/..%2f..%2fsecret", 400, "", "text/plain; charset=utf-8"},
		{"GET /share/%252e%252e/secret", 404, "", "text/plain; charset=utf-8"},
		{"GET /share/one", 200, "<p>index", "text/html"},
		{"GET /share/list/", 403, "", "text/plain; charset=utf-8"},
		{"GET /share/nowhere/etc/passwd", 500, "", "text/plain; charset=utf-8"},
	} {
		r := s.do(c.request)
		r.want(t, c.status, c.text)
		r.header(t, "Content-Type", c.kind)
		if strings.Contains(r.text, "secret") {
			t.Errorf("%s: %q", c.request, r.text)
		}
	}
	r := s.do("GET /share/sub")
	r.want(t, 301, "")
	r.header(t, "Location", "/share/sub/")

	r = s.do("GET /share/style.css")
	tag, modified := r.Header.Get("Etag"), r.Header.Get("Last-Modified")
	if tag == "" || modified == "" {
		t.Errorf("no tag or time: %v", r.Header)
	}
	s.do("GET /share/style.css", "If-None-Match", tag).want(t, 304, "")
	s.do("GET /share/style.css", "If-None-Match", `"x", W/`+tag).want(t, 304, "")
	s.do("GET /share/style.css", "If-None-Match", `"x"`, "If-Modified-Since", modified).want(t, 200, "p{}")
	s.do("GET /share/style.css", "If-Modified-Since", modified).want(t, 304, "")
	for _, name := range []string{"style.css", "large.css"} {
		get, head := s.do("GET /share/"+name), s.do("HEAD /share/"+name)
		head.want(t, 200, "")
		head.header(t, "Content-Length", get.Header.Get("Content-Length"))
		head.header(t, "Content-Type", "text/css")
		if head.text != "" {
			t.Errorf("a body: %q", head.text)
		}
	}
	s.run(`require "net.http.server".add_handler("directory-index", function(event) return "list of " .. event.path end)`)
	s.do("GET /share/list/sub/").want(t, 200, "list of /share/list/sub/")
}
