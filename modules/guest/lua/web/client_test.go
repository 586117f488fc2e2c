// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/web"
)

// ask makes a request and waits for what its callback gets.
const ask = `
local http, async = require "net.http", require "util.async"
local function ask(url, ex)
	local wait, done = async.waiter()
	local results
	http.request(url, ex, function (...) results = { n = select("#", ...), ... } done() end)
	wait()
	return results[1], results[2], results[3], results[4]
end
`

func mirror(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Test", "yes")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s type=%s agent=%s auth=%s body=%s", r.Method, r.URL, r.Header.Get("Content-Type"), r.UserAgent(), r.Header.Get("Authorization"), body)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestClient(t *testing.T) {
	b, s := newLab(t, web.Options{}), mirror(t)
	for _, c := range []struct{ ex, want string }{
		{`nil`, `GET /p;x?q=1 type= agent=Tercet auth= body=|202|yes`},
		{`{ body = "a=b" }`, `POST /p;x?q=1 type=application/x-www-form-urlencoded agent=Tercet auth= body=a=b|202|yes`},
		{`{ method = "PUT", body = "b", headers = { ["Content-Type"] = "text/x", ["User-Agent"] = "me" } }`, `PUT /p;x?q=1 type=text/x agent=me auth= body=b|202|yes`},
		{`{ onlystatus = true }`, `|202|yes`},
	} {
		got := b.run(ask + `local body, code, response, request = ask("` + s.URL + `/p;x?q=1#frag", ` + c.ex + `)
			assert(request.url and response.code == code and response.body == body)
			return body .. "|" .. code .. "|" .. response.headers["x-test"]`)
		if got != lua.LString(c.want) {
			t.Errorf("%s: got %s, want %s", c.ex, got, c.want)
		}
	}
	auth := strings.Replace(s.URL, "http://", "http://user:pass@", 1)
	if got := b.run(ask + `return (ask("` + auth + `"))`).String(); !strings.Contains(got, "GET / ") || !strings.Contains(got, "auth=Basic dXNlcjpwYXNz") {
		t.Errorf("got %s", got)
	}
	if got := b.run(`local r = require "util.async".wait_for(require "net.http".request("` + s.URL + `"))
		return r.code .. r.headers["x-test"] .. r.request.url`).String(); got != "202yes"+s.URL {
		t.Errorf("promise: got %s", got)
	}
}

func TestClientErrors(t *testing.T) {
	silent := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10<<20)) })
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/large", http.StatusFound) })
	s, secure := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	t.Cleanup(secure.Close)
	t.Cleanup(func() { close(silent) })
	b := newLab(t, web.Options{Timeout: 500 * time.Millisecond, MaxResponse: 1 << 20})
	for _, c := range []struct{ url, ex, want string }{
		{s.URL + "/never", "nil", "0|connection timeout"},
		{s.URL + "/large", "nil", "0|max-buffer-size-exceeded"},
		{s.URL + "/redirect", "nil", "302|"},
		{secure.URL + "/redirect", "nil", "0|certificate-chain-invalid"},
		{secure.URL + "/redirect", "{ insecure = true }", "302|"},
		{"http://127.0.0.1:1/", "nil", "0|connection failed"},
		{"http://name.invalid/", "nil", "0|unable to resolve service"},
		{"nothing", "nil", "0|invalid-url"},
		{"ftp://example.org/", "nil", "0|invalid-url"},
	} {
		got := b.run(ask + `local body, code = ask("` + c.url + `", ` + c.ex + `) return code .. "|" .. body`).String()
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %.80s, want %s", c.url, got, c.want)
		}
	}
	got := b.run(`local ok, err = require "util.async".wait_for(require "net.http".request("` + secure.URL + `/never")) return tostring(err)`).String()
	if got != "error<cancel:remote-server-not-found:Certificate chain not trusted>" {
		t.Errorf("promise: got %s", got)
	}
}
