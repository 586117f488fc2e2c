// SPDX-License-Identifier: Apache-2.0

package http

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"tercet/core/ext"
	"tercet/core/module"
)

// An App is what a module serves by HTTP: on its host, or, if it is a module of
// the server, under every name.
type App struct {
	// Name stands for the app in http_paths and http_cors_override: "file_share".
	Name string
	// Path is where the app is unless http_paths says otherwise; "" is "/" and
	// its name. $host is replaced by the host's name.
	Path string
	// Routes are its handlers by method and path below the app's own, as in
	// "GET /page", "PUT /file/*", "POST" (the app's own path) or "* /*" (any
	// method). A path that ends in "/*" is all that begins so. GET answers HEAD,
	// too. The path with the most segments wins, one without "*" first.
	Routes map[string]http.Handler
	// Origins says which pages of other origins may use the app.
	Origins Origins
	// MaxBody is the most bytes of a request's body; 0 is what the option
	// http_max_content_size says. The app counts by itself if it is negative.
	MaxBody int64
}

// Origins is what an app wants of cross-origin requests; http_cors_override
// goes before it. The zero value leaves it to the options.
type Origins struct {
	Enabled     bool     // also if http_default_cors_enabled is false
	Closed      bool     // not even if it is true
	Credentials bool     // pages may send cookies and passwords
	Headers     []string // further headers that pages may send
	Allowed     []string // origins whose pages may; none: those of access_control_allow_origins
}

// maxSegments is how deep a route may be: more are not looked for.
const maxSegments = 16

// Mount serves the app for the life of s. A path that another app of the same
// host has fails the load of the module, or Mount itself once s is live.
func Mount(s *module.Scope, a App) error {
	o := optionsOf(s)
	base := appPath(o, s, a.Name, a.Path)
	if err := checkPath(base); err != nil {
		return fmt.Errorf("mount %s: %w", a.Name, err)
	}
	if len(a.Routes) == 0 {
		return fmt.Errorf("mount %s: it has no routes", a.Name)
	}
	limit := a.MaxBody
	if limit == 0 {
		limit = int64(o.MaxContent)
	}
	m := &mount{
		app: a.Name, scope: s.Scope, host: s.Host, limit: limit, flights: make(map[*flight]bool), grace: graceOf(s.Env),
	}
	found := make(map[pattern]*target)
	for _, key := range slices.Sorted(maps.Keys(a.Routes)) {
		method, at, err := parseRoute(key, base)
		if err == nil && a.Routes[key] == nil {
			err = errors.New("it has no handler")
		}
		if err != nil {
			return fmt.Errorf("mount %s: route %q: %w", a.Name, key, err)
		}
		t := found[at]
		if t == nil {
			t = &target{mount: m, methods: make(map[string]http.Handler)}
			found[at] = t
		}
		if t.methods[method] != nil {
			return fmt.Errorf("mount %s: route %q is there twice", a.Name, key)
		}
		t.methods[method] = a.Routes[key]
		m.methods = appendNew(m.methods, method)
	}
	m.cors = corsOf(o, a, m.methods)
	if s.Live() { // else the swap tells
		if at, taken := takenOf(s, found); taken {
			return fmt.Errorf("mount %s: %s is taken", a.Name, at)
		}
	}
	for at, t := range found {
		routes.Set(s, at, t)
	}
	m.watch()
	return nil
}

// takenOf finds a pattern that another app has already.
func takenOf(s *module.Scope, found map[pattern]*target) (pattern, bool) {
	table := s.Env.Router.Table
	if s.Host != nil {
		table = s.Host.Table
	}
	p := table.Enter()
	defer p.Leave()
	for at := range found {
		if _, taken := routes.Get(p, at); taken {
			return at, true
		}
	}
	return pattern{}, false
}

// appPath is the path of an app on the host of s, without a slash at its end.
func appPath(o options, s *module.Scope, app, path string) string {
	if path == "" {
		path = "/" + app
	}
	if p, ok := o.Paths[app]; ok {
		path = p
	}
	host := "*"
	if s.Host != nil {
		host = s.Host.Name
	}
	return cleanPath(path, host)
}

// cleanPath begins with a slash and ends without one; the root is "".
func cleanPath(path, host string) string {
	path = strings.ReplaceAll(path, "$host", host)
	path = strings.Join(strings.FieldsFunc(path, func(r rune) bool { return r == '/' }), "/")
	if path == "" {
		return ""
	}
	return "/" + path
}

// checkPath says what is wrong with a path that is to be served.
func checkPath(path string) error {
	switch {
	case strings.ContainsAny(path, "?#*\\ ") || !wellFormed(path):
		return fmt.Errorf("%q is no path", path)
	case strings.Count(path, "/") > maxSegments:
		return fmt.Errorf("the path has more than %d segments", maxSegments)
	}
	return nil
}

// wellFormed refuses paths that climb, or hold bytes that no path has.
func wellFormed(path string) bool {
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f {
			return false
		}
	}
	return !strings.HasSuffix(path, "/..") && !strings.HasSuffix(path, "/.") &&
		!strings.Contains(path, "/../") && !strings.Contains(path, "/./")
}

// A pattern is where a target is found: a path, or all that begins with it.
type pattern struct {
	path string
	tree bool
}

func (p pattern) String() string {
	if p.tree {
		return p.path + "*"
	}
	return p.path
}

// A target is what an app has at a pattern.
type target struct {
	*mount
	methods map[string]http.Handler // "*" is any
}

// routes are what all apps have mounted, on the table of a host or the server.
var routes = ext.NewMap[pattern, *target]("http-route")

// parseRoute reads a key of App.Routes.
func parseRoute(key, base string) (method string, at pattern, err error) {
	method, path, _ := strings.Cut(key, " ")
	switch {
	case method == "" || strings.ContainsAny(method, "/\r\n\t"):
		return "", at, errors.New("want a method, or a method and a path")
	case path != "" && path[0] != '/':
		return "", at, errors.New("the path does not begin with a slash")
	}
	full, tree := strings.CutSuffix(base+path, "/*")
	if tree {
		full += "/"
	}
	if full == "" {
		full = "/"
	}
	return strings.ToUpper(method), pattern{full, tree}, checkPath(full)
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
