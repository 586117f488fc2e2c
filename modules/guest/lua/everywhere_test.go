// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// get asks the server for a page.
func get(t *testing.T, s *coretest.Server, host, path string) (status int, body string) {
	t.Helper()
	conn := s.Dial("http")
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// A module that stands on no host serves HTTP on each that has it, with what it
// provides before and after that.
func TestGlobalHTTP(t *testing.T) {
	dir := plugins(t, map[string]string{"everywhere": `
module:set_global();
module:depends "http";
local asked = 0;
module:provides("http", { name = "first"; route = { GET = function (event) asked = asked + 1; return module.host .. " " .. asked; end } });
function module.add_host(host_module)
	if host_module.host == "example.org" then
		module:provides("http", { name = "second"; default_path = "/two"; route = { ["GET /*"] = function (event, rest)
			return rest .. " " .. module:http_url("second", "/two");
		end } });
	end
end
`})
	s := coretest.New(t, fmt.Sprintf("plugin_paths = { %q }\nhttp_external_url = \"https://pages.example/\"\nVirtualHost \"example.org\"\nmodules_enabled = { \"everywhere\" }\n"+
		"VirtualHost \"example.net\"\nmodules_enabled = { \"everywhere\" }\nVirtualHost \"example.com\"\n", dir), modules.All...)
	for _, tt := range []struct {
		host, path string
		status     int
		body       string
	}{
		{"example.org", "/first", 200, "* 1"},
		{"example.net", "/first", 200, "* 2"},
		{"example.org", "/two/x", 200, "x https://pages.example/two"},
		{"example.net", "/two/y", 200, "y https://pages.example/two"},
		{"example.com", "/first", 404, ""},
	} {
		status, body := get(t, s, tt.host, tt.path)
		if status != tt.status || tt.body != "" && body != tt.body {
			t.Errorf("%s at %s: %d %q, want %d %q", tt.path, tt.host, status, body, tt.status, tt.body)
		}
	}
}
