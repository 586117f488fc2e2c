// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules/guest/lua/universe"
	httpd "tercet/modules/http"
)

// A route is one handler of an app.
type route struct {
	web     *Web
	method  string
	path    string // below the app's own, without the "/*" of a tree
	tree    bool
	handler lua.LValue
	chain   []*route // itself, and who is asked when it answers nil
	task    *universe.Task
	scope   *module.Scope
	meter   *ext.Meter // the module's
}

// Provide serves the item of a module:provides("http", item) on the host of s
// for the life of s; an item of a module of the server is served under every
// name. host is where the module wants it, "" for where it is, "*" for
// everywhere; another place than that of s is an error. The item has a name.
func (w *Web) Provide(l *lua.LState, s *module.Scope, host string, item *lua.LTable) error {
	if err := hostFits(s, host); err != nil {
		return err
	}
	name := lua51.ToText(item.RawGetString("name"))
	if name == "" {
		return errors.New("HTTP app has no name")
	}
	table, ok := item.RawGetString("route").(*lua.LTable)
	if !ok {
		return fmt.Errorf("HTTP app %s has no route", name)
	}
	w.prepare(l)
	owner := cmp.Or(lua51.ToText(item.RawGetString("_provided_by")), s.Name())
	found := w.routes(s, name, owner, table)
	app := httpd.App{
		Name: name, Path: lua51.ToText(item.RawGetString("default_path")), Routes: make(map[string]http.Handler, len(found)),
		Origins: origins(item.RawGetString("cors")),
	}
	for key, r := range found {
		app.Routes[key] = httpd.Func(r.serve)
	}
	if err := httpd.Mount(s, app); err != nil {
		return err
	}
	s.Log.InfoContext(s.Context(), "serving HTTP", "app", name, "url", httpd.URL(s, app.Name, app.Path))
	return nil
}

// hostFits refuses to mount elsewhere than where s is.
func hostFits(s *module.Scope, host string) error {
	switch {
	case s.Host == nil && host != "" && host != "*":
		return fmt.Errorf("a module of the server can not serve HTTP on %s alone", host)
	case s.Host != nil && host != "" && host != s.Host.Name:
		return fmt.Errorf("a module on %s can not serve HTTP on %q", s.Host.Name, host)
	}
	return nil
}

// URL is module:http_url: where an app is reached from outside. path is the
// default_path of the app, or "".
func (w *Web) URL(s *module.Scope, app, path string) string { return httpd.URL(s, app, path) }

// routes reads the table of an app, by "METHOD /path". What is no route is
// logged and left out.
func (w *Web) routes(s *module.Scope, app, owner string, table *lua.LTable) map[string]*route {
	where := "all hosts"
	if s.Host != nil {
		where = s.Host.Name
	}
	found := make(map[string]*route)
	for k, v := table.Next(lua.LNil); k != lua.LNil; k, v = table.Next(k) {
		r := &route{web: w, handler: v, scope: s, meter: ext.MeterOf(s)}
		key, ok := r.parse(lua51.ToText(k))
		switch {
		case !ok:
			s.Log.ErrorContext(s.Context(), "no route of HTTP", "app", app, "route", lua51.ToText(k))
			continue
		case found[key] != nil:
			s.Log.WarnContext(s.Context(), "HTTP route is there twice", "app", app, "route", key)
			continue
		}
		r.task = &universe.Task{Name: "mod_" + strings.TrimPrefix(owner, "mod_") + ": " + key + " on " + where, Limit: w.limit, Waits: true}
		found[key] = r
	}
	for _, r := range found {
		r.chain = append([]*route{r}, r.behind(found)...)
	}
	return found
}

// parse reads "METHOD /path", "METHOD /path/*" or "METHOD".
func (r *route) parse(key string) (clean string, ok bool) {
	method, path := key, ""
	if i := strings.IndexAny(key, " \t"); i >= 0 {
		method, path = key[:i], strings.TrimLeft(key[i:], " \t")
	}
	if method == "" || method[0] == '/' || path != "" && path[0] != '/' {
		return "", false
	}
	r.method = strings.ToUpper(method)
	clean = strings.TrimSuffix(r.method+" "+path, " ")
	r.path, r.tree = strings.CutSuffix(path, "/*")
	return clean, true
}

// behind lists the routes that match what r matches, the longest first.
func (r *route) behind(all map[string]*route) []*route {
	list := slices.DeleteFunc(slices.Collect(maps.Values(all)), func(o *route) bool { return !o.follows(r) })
	slices.SortFunc(list, func(a, b *route) int {
		return cmp.Or(cmp.Compare(len(b.path), len(a.path)), cmp.Compare(b.method, a.method))
	})
	return list
}

func (r *route) follows(first *route) bool {
	switch {
	case r == first:
		return false
	case r.path == first.path && r.tree == first.tree:
		return first.method == http.MethodHead && r.method == http.MethodGet
	case !r.tree || r.path == first.path && first.tree:
		return false
	}
	return (r.method == first.method || first.method == http.MethodHead && r.method == http.MethodGet) && strings.HasPrefix(first.path, r.path+"/")
}

// origins reads the cors table of an app.
func origins(v lua.LValue) (o httpd.Origins) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return o
	}
	if t.RawGetString("enabled") == lua.LFalse {
		return httpd.Origins{Closed: true}
	}
	o.Enabled = true
	o.Credentials = lua.LVAsBool(t.RawGetString("credentials"))
	if headers, ok := t.RawGetString("headers").(*lua.LTable); ok {
		for k, v := headers.Next(lua.LNil); k != lua.LNil; k, v = headers.Next(k) {
			if lua.LVAsBool(v) {
				o.Headers = append(o.Headers, lua51.ToText(k))
			}
		}
		slices.Sort(o.Headers)
	}
	switch allowed := t.RawGetString("origins").(type) {
	case lua.LString:
		o.Allowed = []string{string(allowed)}
	case *lua.LTable:
		for i := 1; i <= allowed.Len(); i++ {
			o.Allowed = append(o.Allowed, lua51.ToText(allowed.RawGetInt(i)))
		}
	}
	return o
}
