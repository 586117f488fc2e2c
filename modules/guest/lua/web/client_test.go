// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/coretest"
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

// A certificate must be trusted, and the host's.
func TestClientTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") }))
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	b := newLab(t, web.Options{TLS: &tls.Config{RootCAs: pool}})
	other := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	for _, c := range []struct{ url, ex, want string }{
		{s.URL, "nil", "200|secret"},
		{other, "nil", "0|certificate-verify-failed"},
		{other, "{ insecure = true }", "200|secret"},
		{other, "{ sslctx = { verify = 'none' } }", "200|secret"},
	} {
		if got := b.run(ask + `local body, code = ask("` + c.url + `", ` + c.ex + `) return code .. "|" .. body`).String(); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.url, c.ex, got, c.want)
		}
	}
}

// Many at a time are let through a few at a time; too many are refused.
func TestClientParallel(t *testing.T) {
	const few = 10
	var now, most atomic.Int64
	var once sync.Once
	all, open := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-open
			return
		}
		n := now.Add(1)
		defer now.Add(-1)
		if n == few {
			once.Do(func() { close(all) })
		}
		for m := most.Load(); n > m; m = most.Load() {
			most.CompareAndSwap(m, n)
		}
		<-all
	}))
	t.Cleanup(s.Close)
	many := func(path string) string {
		return `
		local http, async = require "net.http", require "util.async"
		codes, reasons = {}, {}
		local wait, done = async.waiter(100)
		for i = 1, 100 do
			http.request("` + s.URL + path + `", nil, function (body, code)
				codes[code] = (codes[code] or 0) + 1
				reasons[body] = (reasons[body] or 0) + 1
				done()
			end)
		end
		wait()`
	}
	b := newLab(t, web.Options{MaxRequests: few})
	if got := b.run(many("/") + "return codes[200]"); got != lua.LNumber(100) {
		t.Errorf("got %v", got)
	}
	if m := most.Load(); m != few {
		t.Errorf("%d at a time", m)
	}

	b = newLab(t, web.Options{MaxRequests: 1}) // and 16 that wait
	done := make(chan error, 1)
	go func() {
		_, err := b.try(t.Context(), many("/slow"))
		done <- err
	}()
	count := func(of string) int {
		n, _ := b.run("return " + of).(lua.LNumber)
		return int(n)
	}
	coretest.Eventually(t, "most are refused", func() bool { return count(`reasons and reasons["too many requests"]`) >= 83 })
	close(open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if ok, refused := count("codes[200]"), count("codes[0]"); ok < 16 || ok > 17 || ok+refused != 100 {
		t.Errorf("%d went through, %d were refused", ok, refused)
	}
}

// A request can be taken back, and ends with the server.
func TestClientEnds(t *testing.T) {
	begun := make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	b := newLab(t, web.Options{})
	begin := `told = nil; req = require "net.http".request("` + s.URL + `", nil, function (body, code, r, r2) told = body .. code .. tostring(r == req and r2 == req) end)`
	b.run(begin)
	<-begun
	b.run(`req:cancel("why")`)
	if got := b.run(`return told`); got != lua.LString("why0true") {
		t.Errorf("got %v", got)
	}
	b.run(begin)
	<-begun
	b.run(`require "net.http".destroy_request(req)`)
	b.run(begin + ` told = nil`)
	<-begun
	b.web.Close()
	coretest.Eventually(t, "the callback is called", func() bool { return b.run("return told") == lua.LString("cancelled0true") })
	if got := b.run(ask + `return (ask("` + s.URL + `"))`); got != lua.LString("cancelled") {
		t.Errorf("after the end: got %v", got)
	}
}

// Modules watch and change requests by events, and make clients of their own.
func TestClientEvents(t *testing.T) {
	b, s := newLab(t, web.Options{}), mirror(t)
	got := b.run(ask + `
		local log = {}
		local client = http.new({ name = "outer" }).new({ more = true })
		assert(client.options.name == "outer" and client.options.more)
		for _, name in ipairs { "pre-request", "request", "response" } do
			client.events.add_handler(name, function (event)
				assert(event.http == client and event.request and event.url)
				log[#log + 1] = name
				if name == "pre-request" and event.options.stop then return "stopped" end
				if name == "pre-request" then event.options.headers = { ["User-Agent"] = "changed" } end
				if name == "response" then event.content = event.content .. "!" end
			end)
		end
		assert(client:request("` + s.URL + `", { stop = true }, error) == "stopped")
		local wait, done = async.waiter()
		client:request("` + s.URL + `", {}, function (body) log[#log + 1] = body done() end)
		wait()
		for _, name in ipairs { "urlencode", "urldecode", "formencode", "formdecode" } do assert(http[name] == require "util.http"[name]) end
		assert(http.features.sni and http.events == http.default.events)
		return table.concat(log, " ")`).String()
	if got != "pre-request pre-request request response GET / type= agent=changed auth= body=!" {
		t.Errorf("got %s", got)
	}
	b.run(ask + `
		said = ""
		require "util.logger".add_simple_sink(function (_, _, text) said = said .. text end, { "error" })
		http.request("` + s.URL + `", nil, function () error("in the callback") end)`)
	coretest.Eventually(t, "the error is logged", func() bool {
		return strings.Contains(b.run("return said").String(), "error in callback: test.lua:") && strings.Contains(b.run("return said").String(), "in the callback")
	})
}

// A streaming handler gets the body in pieces, of whatever length.
func TestClientStream(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 20 {
			_, _ = w.Write(make([]byte, 1<<20))
		}
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(s.Close)
	b := newLab(t, web.Options{})
	stream := func(path, result string) string {
		return b.run(ask + `
			local bytes, first, last = 0, nil, nil
			local body, code, response = ask("` + s.URL + path + `", { streaming_handler = function (r)
				first = r
				assert(r.partial and r.code == 200)
				return { write = function (_, data) bytes = bytes + #data return ` + result + ` end }, function (r) last = r end
			end })
			return bytes .. " " .. tostring(body) .. " " .. code .. " " .. tostring(last == first and first == response and not response.partial)`).String()
	}
	if got := stream("/", "true"); got != "20971520 nil 200 true" {
		t.Errorf("got %s", got)
	}
	if got := stream("/", "nil"); !strings.HasSuffix(got, " body-sink-write-failure 0 false") {
		t.Errorf("a sink that is full: got %s", got)
	}
	if got := stream("/cut", "true"); !strings.HasSuffix(got, " connection-closed 0 false") {
		t.Errorf("cut off: got %s", got)
	}
}

// ssl.https and socket.http wait for the answer; others go on meanwhile.
func TestBlocking(t *testing.T) {
	b, s := newLab(t, web.Options{Timeout: time.Second}), mirror(t)
	got := b.run(`
		local https, ltn12 = require "ssl.https", require "ltn12"
		assert(require "socket.http".request)
		local body, code, headers, status = https.request("` + s.URL + `/x")
		assert(code == 202 and headers["x-test"] == "yes" and status == "HTTP/1.1 202 Accepted", status)
		local parts = {}
		local one, code2 = https.request { url = "` + s.URL + `", method = "PUT", source = ltn12.source.string("data"), sink = ltn12.sink.table(parts) }
		assert(one == 1 and code2 == 202)
		local posted = https.request("` + s.URL + `", "a=b")
		local none, reason = https.request("https://127.0.0.1:1/")
		assert(none == nil)
		local none2, reason2 = https.request { url = "nothing" }
		return table.concat({ body, table.concat(parts), posted, reason, tostring(reason2) }, "|")`).String()
	if want := "GET /x type= agent=Tercet auth= body=|PUT / type= agent=Tercet auth= body=data|" +
		"POST / type=application/x-www-form-urlencoded agent=Tercet auth= body=a=b|connection failed|invalid URL"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}

	begun := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	done := make(chan lua.LValue, 1)
	go func() {
		v, _ := b.try(t.Context(), `local none, reason = require "ssl.https".request("`+silent.URL+`") return reason`)
		done <- v
	}()
	<-begun
	start := time.Now()
	b.run("return 1")
	if d := time.Since(start); d > 500*time.Millisecond {
		t.Errorf("others have waited for %v", d)
	}
	if v := <-done; v != lua.LString("connection timeout") {
		t.Errorf("got %v", v)
	}
}

// A handler may answer when another server has.
func TestClientInHandler(t *testing.T) {
	other := mirror(t)
	s := newSite(t, web.Options{}, `{ name = "app", route = {
		["POST /callback"] = function(event)
			require "net.http".request("`+other.URL+`/check", { body = event.request.body }, function (body, code)
				event.response.status_code = code
				event.response:send(body)
			end)
			return true
		end;
		["POST /promise"] = function(event)
			return require "net.http".request("`+other.URL+`/check", { body = event.request.body }):next(function (r) return r.body end)
		end;
		["POST /wait"] = function(event)
			return (require "util.async".wait_for(require "net.http".request("`+other.URL+`/check", { body = event.request.body }))).body
		end;
	} }`)
	for path, status := range map[string]int{"callback": 202, "promise": 200, "wait": 200} {
		s.post("POST /app/"+path, strings.NewReader("x=1")).want(t, status, "POST /check type=application/x-www-form-urlencoded agent=Tercet auth= body=x=1")
	}
}
