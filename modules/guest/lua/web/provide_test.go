// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules/guest/lua/web"
)

// The table cors of an app says who may use it.
func TestOrigins(t *testing.T) {
	item := func(cors string) string { return `{ name = "app", cors = ` + cors + `, route = { PUT = "fine" } }` }
	for _, c := range []struct{ name, cors, origin, credentials, headers string }{
		{"what the options say", "nil", "*", "", "Content-Type"},
		{"closed", "{ enabled = false }", "", "", ""},
		{"on", "{ enabled = true, credentials = true, headers = { ['X-Token'] = true, ['X-No'] = false }, origins = { 'https://a.example' } }", "https://a.example", "true", "Content-Type, X-Token"},
		{"for others", "{ enabled = true, origins = { 'https://b.example' } }", "", "", ""},
		{"for all", "{ enabled = true, origins = '*' }", "*", "", "Content-Type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, web.Options{}, item(c.cors))
			r := s.do("OPTIONS /app", "Origin", "https://a.example", "Access-Control-Request-Method", "PUT")
			r.want(t, 204, "")
			r.header(t, "Access-Control-Allow-Origin", c.origin)
			r.header(t, "Access-Control-Allow-Credentials", c.credentials)
			r.header(t, "Access-Control-Allow-Headers", c.headers)
			if c.origin != "" {
				r.header(t, "Access-Control-Allow-Methods", "GET, OPTIONS, PUT")
			}
			s.do("PUT /app", "Origin", "https://a.example").header(t, "Access-Control-Allow-Origin", c.origin)
		})
	}
}

// A module of the server serves under every name.
func TestEverywhere(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = { ["GET"] = "mine" } }`, everywhere+`{ name = "all", route = { ["GET"] = "for all"; ["GET /*"] = function(_, rest) return rest end } }`)
	s.do("GET /app").want(t, 200, "mine")
	s.do("GET /app", "Host", "elsewhere.example").want(t, 404, "")
	s.do("GET /all").want(t, 200, "for all")
	s.do("GET /all", "Host", "elsewhere.example").want(t, 200, "for all")
	s.do("GET /all/x", "Host", "elsewhere.example").want(t, 200, "x")
}

// What can not be served is said.
func TestProvideErrors(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = {
		["GET"] = "fine"; ["get"] = "twice"; ["/path"] = "no method"; ["GET path"] = "no slash"; [""] = "nothing";
	} }`)
	s.do("GET /app").want(t, 200, "")
	if got := s.logged(); strings.Count(got, "no route of HTTP") != 3 || strings.Count(got, "HTTP route is there twice") != 1 {
		t.Errorf("logged %s", got)
	}
	for _, c := range []struct{ host, item, want string }{
		{coretest.Domain, `{ route = { GET = "x" } }`, "no name"},
		{coretest.Domain, `{ name = "x" }`, "no route"},
		{coretest.Domain, `{ name = "x", route = {} }`, "no routes"},
		{coretest.Domain, `{ name = "app", route = { GET = "x" } }`, "taken"},
		{coretest.Domain, `{ name = "x", default_path = "/a b", route = { GET = "x" } }`, "is no path"},
		{"elsewhere.example", `{ name = "x", route = { GET = "x" } }`, "can not serve HTTP on"},
		{"*", `{ name = "x", route = { GET = "x" } }`, "can not serve HTTP on"},
	} {
		if err := s.provide(s.scope, c.host, c.item, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s on %s: got %v, want %q", c.item, c.host, err, c.want)
		}
	}
	for _, c := range []string{"listen_on(1)", "hijack_response()"} {
		if _, err := s.try(t.Context(), `require "net.http.server".`+c); err == nil || !strings.Contains(err.Error(), "module:provides") {
			t.Errorf("%s: got %v", c, err)
		}
	}
	s.run(`local server = require "net.http.server"
		server.add_host("x") server.remove_host("x") server.set_default_host("x") server.set_option("body_size_limit", 1)
		assert(server.codes[404] == "404 Not Found" and server._events.add_handler == server.add_handler and server.listener)
		assert(server.get_request_from_conn(nil) == nil)`)
}

// The page of http-message, which other events than errors have.
func TestMessage(t *testing.T) {
	s := newSite(t, web.Options{}, `{ name = "app", route = { ["GET"] = function(event)
		return message { response = event.response, title = "<Title>", message = "Message", warning = "Warning" }
	end } }`)
	s.global("message", s.web.Message)
	r := s.do("GET /app")
	r.want(t, 200, "<h1>&lt;Title&gt;</h1>\n<p>Message</p>\n<p><strong>Warning</strong></p>")
	r.header(t, "Content-Type", "text/html; charset=utf-8")
}
