// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/coretest"
	"tercet/modules/guest/lua/web"
)

// The methods of responses and connections, as modules use them.
func TestResponse(t *testing.T) {
	path, large := filepath.Join(t.TempDir(), "large"), strings.Repeat("0123456789", 30_000)
	if err := os.WriteFile(path, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, web.Options{}, `(function()
		local timer = require "util.timer"
		destroyed, closed = {}, {}
		local function watch(event)
			function event.response:on_destroy() destroyed[self.request.path] = (destroyed[self.request.path] or 0) + 1 end
			return event.response
		end
		return { name = "app", route = {
			["GET /pieces"] = function(event)
				local r = watch(event)
				r.headers.content_type = "text/x"
				r:write_headers()
				r:write_headers()
				r.conn:write("one ")
				timer.add_task(0.02, function()
					r.conn:write("two ")
					timer.add_task(0.02, function() r.conn:write("three") r:done() r:done() end)
				end)
				return true
			end;
			["GET /file"] = function(event) return watch(event):send_file(assert(io.open("`+path+`", "rb"))) end;
			["GET /source"] = function(event)
				local n = 0
				return watch(event):send_file({
					read = function(_, size)
						n = n + 1
						if n < 4 then return "part" .. n .. " " end
					end;
					close = function() closed.source = true end;
				})
			end;
			["GET /broken"] = function(event)
				local n = 0
				return watch(event):send_file({ read = function() n = n + 1 if n > 2 then error("no more") end return "part" end, close = function() closed.broken = true end })
			end;
			["GET /raw"] = function(event)
				local r = event.response
				r.finished = true
				r.conn:write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Fine\r\nX-Raw: yes\r\n")
				r.conn:write("Content-Length: 4\r\n\r\nbo")
				r.conn:write("dy")
				r:finish_cb()
				return true
			end;
			["GET /twice"] = function(event)
				watch(event):send("once")
				event.response:send("twice")
				event.response.conn:write("thrice")
				return "four times"
			end;
			["GET /replaced"] = function(event)
				local send = event.response.send
				function event.response:send(body) return send(self, "<" .. tostring(body) .. ">") end
				return event.request.url.query and 404 or "text"
			end;
			["GET /silent"] = function(event) watch(event):done() return true end;
			["GET /head"] = "text";
			["HEAD /head"] = function(event) event.response.headers.x_head = "yes" end;
			["GET /*"] = "the rest";
		} }
	end)()`)
	for _, c := range []struct {
		request string
		status  int
		text    string
	}{
		{"GET /app/pieces", 200, "one two three"},
		{"GET /app/file", 200, large},
		{"GET /app/source", 200, "part1 part2 part3 "},
		{"GET /app/raw", 202, "body"},
		{"GET /app/twice", 200, "once"},
		{"GET /app/replaced", 200, "<text>"},
		{"GET /app/replaced?error", 404, "<<!DOCTYPE html>"},
		{"GET /app/silent", 200, ""},
		{"GET /app/anything", 200, "the rest"},
	} {
		r := s.do(c.request)
		r.want(t, c.status, c.text)
		if strings.HasPrefix(c.text, "<<") {
			continue
		}
		if r.text != c.text {
			t.Errorf("%s: got %d bytes, want %d", c.request, len(r.text), len(c.text))
		}
	}
	if r, err := s.send(context.Background(), "GET /app/broken", nil); err == nil {
		t.Errorf("a broken file: got %d %q, want a broken connection", r.StatusCode, r.text)
	}
	r := s.do("HEAD /app/head") // its own handler answers nil, so that of GET is asked
	r.want(t, 200, "")
	r.header(t, "X-Head", "yes")
	r.header(t, "Content-Length", "4")
	if got := s.run(`return closed.source and closed.broken`); got != lua.LTrue {
		t.Error("a file was not closed")
	}
	for _, path := range []string{"pieces", "file", "source", "broken", "twice", "silent"} {
		if got := s.run(`return destroyed["/app/` + path + `"]`); got != lua.LNumber(1) {
			t.Errorf("%s: on_destroy was called %v times", path, got)
		}
	}
}

// A module may cut a connection, and must not write nonsense to it.
func TestCut(t *testing.T) {
	s := newSite(t, web.Options{Pending: 100 * time.Millisecond}, `{ name = "app", route = {
		["GET /close"] = function(event) event.response.conn:close() return true end;
		["GET /nonsense"] = function(event) event.response.conn:write("nonsense\r\n\r\n") return true end;
		["GET /endless"] = function(event) event.response.conn:write(("x"):rep(70000)) return true end;
		["GET /half"] = function(event) event.response:write_headers() event.response.conn:write("half") return true end;
		["GET /closed"] = function(event) event.response:send("fine") event.response.conn:close() return true end;
		["GET /never"] = function(event) function event.response:on_destroy() gone = true end return true end;
	} }`)
	for _, path := range []string{"close", "nonsense", "endless", "half"} {
		if r, err := s.send(context.Background(), "GET /app/"+path, nil); err == nil {
			t.Errorf("%s: got %d %q, want a broken connection", path, r.StatusCode, r.text)
		}
	}
	s.do("GET /app/closed").want(t, 200, "fine")
	s.do("GET /app/never").want(t, 504, "504")
	if s.run("return gone") != lua.LTrue {
		t.Error("on_destroy was not called")
	}
}

// A client that hangs up ends the response; a handler that waits may go on.
func TestHangUp(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = {
		["GET /pending"] = function(event)
			function event.response:on_destroy() gone, finished = (gone or 0) + 1, self.finished end
			pending = event.response
			return true
		end;
		["GET /waiting"] = function(event)
			function event.response:on_destroy() gone, finished = (gone or 0) + 1, self.finished end
			pending = event.response
			require "util.async".sleep(0.3)
			went_on = true
			return "nobody listens"
		end;
	} }`)
	for _, path := range []string{"pending", "waiting"} {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := s.send(ctx, "GET /app/"+path, nil)
			done <- err
		}()
		coretest.Eventually(t, "the handler is at work", func() bool { return s.run("return pending ~= nil") == lua.LTrue })
		cancel()
		if err := <-done; err == nil {
			t.Error("an answer")
		}
		coretest.Eventually(t, "Lua is told", func() bool { return s.run("return gone") == lua.LNumber(1) })
		if s.run("return finished and pending:send('x') and pending.conn:ip()") != lua.LString("127.0.0.1") {
			t.Errorf("%s: the response is not finished", path)
		}
		s.run("pending, gone, finished = nil, nil, nil")
	}
	coretest.Eventually(t, "the handler goes on", func() bool { return s.run("return went_on") == lua.LTrue })
	if strings.Contains(s.logged(), "failed") {
		t.Errorf("logged %s", s.logged())
	}
}

// Bodies have the limits of the server's HTTP, and one for all together.
func TestUploads(t *testing.T) {
	s := newSite(t, web.Options{Bodies: 6 << 20}, `{ name = "app", streaming_uploads = true, route = {
		PUT = function(event) return tostring(#event.request.body) end;
	} }`)
	for range 3 {
		s.post("PUT /app", bytes.NewReader(make([]byte, 5<<20))).want(t, 200, "5242880")
	}
	s.post("PUT /app", bytes.NewReader(make([]byte, 11<<20)), "Expect", "100-continue").want(t, 413, "413")
	s.post("PUT /app", bytes.NewReader(make([]byte, 6<<20+100_000))).want(t, 503, "503")
	s.post("PUT /app", strings.NewReader("text")).want(t, 200, "4")
}

// A reload keeps what is at work, and serves what is new; what is unloaded is
// not served any more.
func TestReload(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = { ["GET"] = function(event)
		if event.request.url.query then
			started = true
			require "util.async".sleep(0.4)
		end
		return version
	end } }`, `test_version = "one"`)
	slow := make(chan reply, 1)
	go func() { slow <- s.do("GET /app?slow") }()
	coretest.Eventually(t, "the handler is at work", func() bool { return s.run("return started") == lua.LTrue })
	s.reload(`"http"; "served"; "pages"`, `test_version = "two"`)
	s.do("GET /app").want(t, 200, "two")
	(<-slow).want(t, 200, "one")
	s.reload(`"http"; "pages"`)
	s.do("GET /app").want(t, 404, "")
	s.reload(`"http"; "served"; "pages"`, `test_version = "three"`)
	s.do("GET /app").want(t, 200, "three")
}
