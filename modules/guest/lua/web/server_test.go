// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"testing"

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
