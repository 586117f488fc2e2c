// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/modules/guest/lua/web"
)

// Each kind of what a handler may return.
func TestResults(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = {
		["GET"] = "constant";
		["GET /string"] = function(event) return "text" end;
		["GET /number"] = function(event) return 204 end;
		["GET /false"] = function(event) event.response.body = "own" return false end;
		["GET /nil"] = function(event) end;
		["GET /page"] = 410;
		["GET /tree/*"] = function(event, rest) return rest end;
		["GET /tree/deep/*"] = function(event, rest) if rest ~= "mine" then return nil end return "deep" end;
		["GET /table"] = { status_code = 201; headers = { content_type = "text/x-test"; ["X-Y"] = 1 }; body = "made" };
		["GET /error"] = function() return require "util.error".new { type = "cancel", condition = "gone", text = "not any more", code = 409 } end;
		["GET /promise"] = function() return require "util.promise".new(function (resolve) require "util.timer".add_task(0.02, function() resolve("late") end) end) end;
		["GET /later"] = function(event)
			require "util.timer".add_task(0.02, function() event.response:send("later") end)
			return true
		end;
	} }`)
	for _, c := range []struct {
		request string
		status  int
		text    string
	}{
		{"GET /app", 200, "constant"},
		{"GET /app/string", 200, "text"},
		{"GET /app/number", 204, ""},
		{"GET /app/false", 200, "own"},
		{"GET /app/nil", 404, "404 Not Found"},
		{"GET /app/page", 410, "410 Gone"},
		{"GET /app/tree/a/b%20c", 200, "a/b c"},
		{"GET /app/tree/deep/mine", 200, "deep"},
		{"GET /app/tree/deep//yours", 200, "deep/yours"}, // the shorter one, for that answers nil
		{"GET /app/tree?q", 301, ""},
		{"GET /app/error", 409, "not any more"},
		{"GET /app/promise", 200, "late"},
		{"GET /app/later", 200, "later"},
		{"POST /app/later", 405, ""},
		{"GET /other", 404, ""},
	} {
		s.do(c.request).want(t, c.status, c.text)
	}
	r := s.do("GET /app/table")
	r.want(t, 201, "made")
	r.header(t, "Content-Type", "text/x-test")
	r.header(t, "X-Y", "1")
	s.do("GET /app/tree?q").header(t, "Location", "/app/tree/?q")
}

// What a handler sees of a request.
func TestRequest(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", default_path = "/at/$host", route = {
		["* /*"] = function(event, rest)
			local r, resp = event.request, event.response
			assert(r == resp.request and r.conn == resp.conn and resp.conn._http_open_response == resp)
			assert(require "net.http.server".get_request_from_conn(r.conn) == r)
			assert(resp.status_code == 200 and not resp.finished and resp.persistent == true)
			local h = r.headers
			return table.concat({ r.method, r.path, r.url.path, tostring(r.url.query), rest, r.httpversion, r.ip, r.conn:ip(),
				tostring(r.secure), h.host, tostring(h.x_test), tostring(h.x_spoof), h.content_type or "none", r.body, tostring(resp.is_head_request) }, " ")
		end;
	} }`)
	s.post("PUT /at/example.org/a%2f%20b//c?x=1&y", strings.NewReader("body"), "X-Test", "1", "X-Test", "2", "X_spoof", "no", "Content-Type", "text/x").
		want(t, 200, "PUT /at/example.org/a/ b/c /at/example.org/a%2f%20b//c x=1&y a/ b/c 1.1 127.0.0.1 127.0.0.1 nil example.org 1,2 nil text/x body false")
	s.do("GET /at/example.org/", "X-Forwarded-For", "192.0.2.7", "X-Forwarded-Proto", "https").
		want(t, 200, "GET /at/example.org/ /at/example.org/ nil  1.1 192.0.2.7 192.0.2.7 true example.org nil nil none  false")
	if v := s.web.URL(s.scope, "app", "/at/$host"); v != "http://"+coretest.Domain+":"+port(s.addr)+"/at/example.org" {
		t.Errorf("got %s", v)
	}
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// What a handler says in a header goes out as that, and as nothing else.
func TestHeaders(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = {
		["GET"] = function(event)
			event.response.headers = { x_one = "a\r\nX-Two: b", ["bad name"] = "x", set_cookie = { "a=1", "b=2" }, x_true = true,
				transfer_encoding = "chunked", connection = "upgrade", upgrade = "x", content_length = 99, location = "/x" }
			return "text"
		end;
		["GET /status"] = function(event) event.response.status = "202 Fine" return "x" end;
		["GET /wrong"] = function(event) event.response.status_code = 7 return "x" end;
		["GET /close"] = function(event) event.response.headers.connection = "close" return "x" end;
	} }`)
	r := s.do("GET /app")
	r.want(t, 200, "text")
	if len(r.Header["X-Two"]) > 0 || len(r.Header["Bad Name"]) > 0 || len(r.Header["Upgrade"]) > 0 || r.ContentLength != 4 {
		t.Errorf("got %v", r.Header)
	}
	r.header(t, "X-True", "true")
	r.header(t, "Location", "/x")
	if got := r.Header["Set-Cookie"]; len(got) != 2 || got[1] != "b=2" {
		t.Errorf("got %v", got)
	}
	s.do("GET /app/status").want(t, 202, "x")
	s.do("GET /app/wrong").want(t, 500, "x")
	if r := s.do("GET /app/close"); !r.Close {
		t.Error("not closed")
	}
}

// A module that is suspended serves nothing until it is loaded anew.
func TestSuspended(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = { GET = "text" } }`)
	s.do("GET /app").want(t, 200, "text")
	s.scope.Suspend()
	s.do("GET /app").want(t, 503, "the module has failed too often\n")
	s.scope.Resume()
	s.do("GET /app").want(t, 200, "text")
}

// A handler that fails is answered with 500 and one line in the log; the
// server goes on.
func TestFailures(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", _provided_by = "failing", route = {
		["GET /raise"] = function() local x = nil; return x.y end;
		["GET /behind"] = function(event) event.response:send("sent") error("too late") end;
		["GET /half"] = function(event) event.response.status_code = 206 event.response:write_headers() error("half") end;
		["GET /rejected"] = function() return require "util.promise".reject("words") end;
		["GET /refused"] = function() return require "util.promise".reject(require "util.error".new { code = 403, text = "not you" }) end;
		["GET /numbered"] = function() return require "util.promise".reject(503) end;
		["GET /empty"] = function() return require "util.promise".reject() end;
		["GET /resolved"] = function() return require "util.promise".resolve({ status_code = 203, body = "x", send = 1 }) end;
		["GET /destroy"] = function(event) function event.response:on_destroy() error("on the way out") end return "fine" end;
		["GET /coded"] = function() return require "util.error".new { code = 7 } end;
	} }`)
	for _, c := range []struct {
		path   string
		status int
		text   string
		logged string
	}{
		{"raise", 500, "500 Internal", "mod_failing: GET /raise on example.org: mod_test.lua:2: attempt to index"},
		{"behind", 200, "sent", "mod_failing: GET /behind"},
		{"half", 500, "500 Internal", "mod_failing: GET /half"},
		{"rejected", 500, "500 Internal", "mod_failing: GET /rejected on example.org: promise rejected: words"},
		{"refused", 403, "not you", ""},
		{"numbered", 503, "503", ""},
		{"empty", 500, "500", ""},
		{"resolved", 500, "500", "mod_failing: GET /resolved"},
		{"destroy", 200, "fine", "mod_failing: GET /destroy"},
		{"coded", 500, "500", ""},
	} {
		before, counted := len(s.logged()), ext.MeterOf(s.scope).Total()
		r := s.do("GET /app/" + c.path)
		r.want(t, c.status, c.text)
		logged := s.logged()[before:]
		failures := strings.Count(logged, "error\t") + strings.Count(logged, "level=ERROR")
		if !strings.Contains(logged, c.logged) || c.logged != "" && failures != 1 {
			t.Errorf("%s: logged %s", c.path, logged)
		}
		now := ext.MeterOf(s.scope).Total()
		if now.Events != counted.Events+1 || now.Time <= counted.Time || now.Errors != counted.Errors+uint64(failures) {
			t.Errorf("%s: the meter had %+v, and has %+v", c.path, counted, now)
		}
		if c.status == 500 && strings.Contains(r.text, "mod_test") {
			t.Errorf("%s tells %s", c.path, r.text)
		}
	}
}

// Modules make the pages of errors, their own and the server's.
func TestErrorPages(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = {
		["GET"] = function() return 404 end;
		["GET /error"] = function() return require "util.error".new { code = 409, text = "why" } end;
		["GET /raise"] = function() error("secret") end;
		["GET /fired"] = function(event)
			event.response.status_code = 410
			return event.response:send(require "net.http.server".fire_event("http-error", { code = 410, message = "<gone>", response = event.response }))
		end;
	} }`)
	r := s.do("GET /app/fired")
	r.want(t, 410, "&lt;gone&gt;")
	r.header(t, "Content-Type", "text/html; charset=utf-8")
	s.do("GET /app", "Accept", "text/html").want(t, 404, "<h1>404 Not Found</h1>")

	s.run(`local server = require "net.http.server"
	page = function(event)
		if event.response then event.response.headers.x_page = "yes" end
		return ("page %d %s %s %s"):format(event.code, event.request and event.request.path or "none", tostring(event.error and event.error.text or event.message),
			event.private_message and "private" or "public")
	end
	server.add_handler("http-error", page)`)
	r = s.do("GET /app")
	r.want(t, 404, "page 404 /app nil public")
	r.header(t, "X-Page", "yes")
	s.do("GET /app/error").want(t, 409, "page 409 /app/error why public")
	s.do("GET /app/raise").want(t, 500, "page 500 /app/raise nil private")
	s.do("GET /app/fired").want(t, 410, "page 410 none <gone> public")
	s.do("GET /nowhere").want(t, 404, "page 404 none")
	s.run(`require "net.http.server".remove_handler("http-error", page)`)
	s.do("GET /app").want(t, 404, "404 Not Found\n")
	s.do("GET /nowhere").want(t, 404, "404 Not Found\n")
}

// A handler may ask that others go on while it waits.
func TestWaiting(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = {
		["GET /slow"] = function() require "util.async".sleep(1) return "slow" end;
		["GET /fast"] = function() return "fast" end;
	} }`)
	start := time.Now()
	done := make(chan time.Time, 1)
	go func() {
		s.do("GET /app/slow").want(t, 200, "slow")
		done <- time.Now()
	}()
	for time.Since(start) < 200*time.Millisecond {
		s.do("GET /app/fast").want(t, 200, "fast")
	}
	if len(done) > 0 {
		t.Error("the fast ones have waited for the slow one")
	}
	if end := <-done; end.Sub(start) < time.Second {
		t.Errorf("slept for %v", end.Sub(start))
	}
}

// A handler that does not end is ended.
func TestEndless(t *testing.T) {
	s := newSite(t, web.Options{Limit: 100 * time.Millisecond}, `{ name = "app", route = {
		["GET /endless"] = function() while true do end end;
		["GET /tough"] = function() while true do pcall(function() while true do end end) end end;
		["GET /fast"] = function() return "fast" end;
	} }`)
	for _, path := range []string{"endless", "tough"} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.do("GET /app/"+path).want(t, 500, "500")
		}()
		for range 5 {
			s.do("GET /app/fast").want(t, 200, "fast")
		}
		<-done
	}
	if !strings.Contains(s.logged(), "mod_served: GET /endless on example.org: mod_test.lua:2: stopped: it ran for more than 100ms") {
		t.Errorf("logged %s", s.logged())
	}
}
