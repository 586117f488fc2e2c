// SPDX-License-Identifier: Apache-2.0

package http_test

import (
	"net/http"
	"strings"
	"testing"

	"tercet/core/module"
	web "tercet/modules/http"
)

// Which handler answers: the path with the most segments, one without "*"
// first; of a host's and a server's app at the same path the server's.
func TestRoutes(t *testing.T) {
	w := start(t, "http_paths = { moved = \"/at/$host/\" }\n",
		onServer(
			web.App{Name: "metrics", Routes: routes("GET", says("metrics"))},
			web.App{Name: "both", Path: "/both", Routes: routes("GET", says("server's"))},
		),
		static(
			web.App{Name: "files", Routes: routes("GET /*", says("tree"), "GET /one", says("one"), "PUT /one", says("put"), "GET /deep/*", told, "POST", says("base"))},
			web.App{Name: "root", Path: "/", Routes: routes("GET /*", says("root tree"), "GET /index.html", says("index"), "GET", says("the root"))},
			web.App{Name: "moved", Path: "/before", Routes: routes("GET", told)},
			web.App{Name: "any", Routes: routes("* /*", told)},
			web.App{Name: "slash", Routes: routes("GET /end/", says("end"))},
			web.App{Name: "both", Path: "/both", Routes: routes("GET", says("host's"))},
		))
	for _, tt := range []struct {
		request, host string
		status        int
		text          string
	}{
		{"GET /metrics", "", 200, "metrics"},
		{"GET /metrics", "elsewhere.example", 200, "metrics"}, // under every name
		{"GET /both", "", 200, "server's"},
		{"GET /files/", "", 200, "tree"},
		{"GET /files/a/b?x=1", "", 200, "tree"},
		{"GET /files/one", "", 200, "one"},
		{"PUT /files/one", "", 200, "put"},
		{"POST /files", "", 200, "base"},
		{"GET /files/deep/a%2Fb/c", "", 200, "rest=/a/b/c"},
		{"GET /files/deeper", "", 200, "tree"},
		{"GET /", "", 200, "the root"},
		{"GET /x", "", 200, "root tree"},
		{"GET /index.html", "", 200, "index"},
		{"GET /files/one/", "", 200, "tree"},
		{"GET /at/example.org", "", 200, "app=moved host=example.org"},
		{"GET /before", "", 200, "root tree"},
		{"PATCH /any/x", "", 200, "PATCH app=any"},
		{"GET /slash/end/", "", 200, "end"},
		{"GET /FILES/one", "", 200, "root tree"}, // paths have case
		{"GET /x", "elsewhere.example", 404, "404"},
		{"GET /x", "EXAMPLE.org.:5280", 200, "root tree"}, // names have none
	} {
		host := tt.host
		if host == "" {
			host = "example.org"
		}
		t.Run(tt.request+" "+host, func(t *testing.T) {
			w := *w
			w.t = t
			w.do(tt.request, "Host", host).want(t, tt.status, tt.text)
		})
	}
}

// RFC 9110 9.3.2, 9.3.7, 15.5.6: HEAD is answered by what answers GET, OPTIONS
// and methods that are not there by Allow; a path without its slash is sent to
// the one with it.
func TestMethods(t *testing.T) {
	w := start(t, "", static(
		web.App{Name: "page", Routes: routes("GET", says("hello"), "POST /form", says("thanks"))},
		web.App{Name: "tree", Routes: routes("GET /*", says("tree"))},
		web.App{Name: "own", Routes: routes("GET", says("x"), "OPTIONS", says("own options"))},
	))
	head := w.do("HEAD /page")
	head.want(t, 200, "")
	if head.text != "" || head.ContentLength != 5 {
		t.Errorf("HEAD: body %q, length %d, want none and 5", head.text, head.ContentLength)
	}
	for _, tt := range []struct {
		request string
		status  int
		allow   string
	}{
		{"POST /page", 405, "GET, HEAD, OPTIONS"},
		{"DELETE /page/form", 405, "OPTIONS, POST"},
		{"OPTIONS /page", 204, "GET, HEAD, OPTIONS"},
		{"OPTIONS /page/form", 204, "OPTIONS, POST"},
		{"OPTIONS /own", 200, ""},
		{"TRACE /page", 501, ""},
		{"get /page", 405, "GET, HEAD, OPTIONS"}, // methods have case
		{"GET /nothing", 404, ""},
		{"OPTIONS /nothing", 404, ""},
	} {
		r := w.do(tt.request)
		if r.StatusCode != tt.status || r.Header.Get("Allow") != tt.allow {
			t.Errorf("%s: got %d, Allow %q, want %d, %q", tt.request, r.StatusCode, r.Header.Get("Allow"), tt.status, tt.allow)
		}
	}
	for _, tt := range []struct {
		request string
		status  int
		to      string
	}{
		{"GET /tree", 301, "/tree/"},
		{"GET /tree?a=b&c", 301, "/tree/?a=b&c"},
		{"HEAD /tree", 301, "/tree/"},
		{"POST /tree", 405, ""},
		{"GET //tree", 400, ""}, // it would lead to another server
	} {
		r := w.do(tt.request)
		if r.StatusCode != tt.status || r.Header.Get("Location") != tt.to {
			t.Errorf("%s: got %d, Location %q, want %d, %q", tt.request, r.StatusCode, r.Header.Get("Location"), tt.status, tt.to)
		}
	}
}

// What cannot be mounted fails the load, and says what and where.
func TestMountErrors(t *testing.T) {
	good := routes("GET", says(""))
	for _, tt := range []struct {
		name string
		apps []web.App
		want string
	}{
		{"taken", []web.App{{Name: "a", Path: "/x", Routes: good}, {Name: "b", Path: "/x/", Routes: good}}, "http-route: /x is set by app and by app"},
		{"taken tree", []web.App{{Name: "a", Path: "/x", Routes: routes("GET /*", says(""))}, {Name: "b", Path: "/x", Routes: routes("PUT /*", says(""))}}, "/x/*"},
		{"no routes", []web.App{{Name: "a"}}, "mount a: it has no routes"},
		{"no handler", []web.App{{Name: "a", Routes: routes("GET", says(""), "PUT /x", says(""))}, {Name: "b", Routes: map[string]http.Handler{"GET /y": nil}}}, `mount b: route "GET /y": it has no handler`},
		{"no method", []web.App{{Name: "a", Routes: routes("/x", says(""))}}, "want a method"},
		{"no slash", []web.App{{Name: "a", Routes: routes("GET x", says(""))}}, "does not begin with a slash"},
		{"climbing", []web.App{{Name: "a", Path: "/x/../y", Routes: good}}, "is no path"},
		{"star inside", []web.App{{Name: "a", Routes: routes("GET /*/x", says(""))}}, "is no path"},
		{"query", []web.App{{Name: "a", Path: "/x?y", Routes: good}}, "is no path"},
		{"deep", []web.App{{Name: "a", Path: strings.Repeat("/x", 20), Routes: good}}, "more than 16 segments"},
		{"twice", []web.App{{Name: "a", Routes: routes("GET", says(""), "get", says(""))}}, "is there twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var apps []web.App
			w := start(t, "", onHost(func(_ *module.Scope, version string) []web.App {
				if version == "" {
					return nil
				}
				return apps
			}))
			apps = tt.apps
			w.Write(config + "http_ports = { 0 }\ntest_version = \"2\"\n")
			_, err := w.Reload(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A module that is live mounts at once, where nobody is yet.
func TestMountLive(t *testing.T) {
	var scope *module.Scope
	w := start(t, "", onHost(func(s *module.Scope, _ string) []web.App {
		scope = s
		return []web.App{{Name: "first", Routes: routes("GET", says("first"))}}
	}))
	if err := web.Mount(scope, web.App{Name: "late", Routes: routes("GET", says("late"))}); err != nil {
		t.Fatal(err)
	}
	w.do("GET /late").want(t, 200, "late")
	err := web.Mount(scope, web.App{Name: "again", Path: "/first", Routes: routes("GET", says("again"))})
	if err == nil || !strings.Contains(err.Error(), "/first is taken") {
		t.Errorf("got %v", err)
	}
	w.do("GET /first").want(t, 200, "first")
}
