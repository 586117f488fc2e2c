// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
	"tercet/modules/guest/lua/web"
)

// A lab is a universe with HTTP.
type lab struct {
	t   testing.TB
	u   *universe.Universe
	web *web.Web
	log string // the file of what was logged
}

// logged is what has been logged.
func (b *lab) logged() string {
	text, err := os.ReadFile(b.log)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func newLab(t testing.TB, o web.Options) *lab {
	t.Helper()
	b := &lab{t: t, log: filepath.Join(t.TempDir(), "log")}
	file, err := os.OpenFile(b.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	b.u = universe.New(universe.Options{Loaders: lib.Loaders(), Log: slog.New(slog.NewTextHandler(file, nil))})
	t.Cleanup(b.u.Close)
	b.web = web.New(b.u, o)
	t.Cleanup(b.web.Close)
	for name, loader := range b.web.Loaders() {
		b.u.Register(name, loader)
	}
	return b
}

// run runs a source and returns its first result.
func (b *lab) run(source string) lua.LValue {
	b.t.Helper()
	v, err := b.try(context.Background(), source)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func (b *lab) try(ctx context.Context, source string) (v lua.LValue, err error) {
	err = b.u.Do(ctx, &universe.Task{Name: "test", Waits: true}, func(l *lua.LState) {
		fn, err := b.u.Load(l, "test.lua", []byte(source), nil)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(fn)
		l.Call(0, 1)
		v = l.Get(-1)
	})
	return v, err
}

const config = `
c2s_ports = {}
c2s_direct_tls_ports = {}
s2s_ports = {}
https_ports = {}
http_ports = { 0 }
http_interfaces = { "127.0.0.1" }
`

// A site is a server whose module "served" provides the app that a source
// returns.
type site struct {
	*lab
	server *coretest.Server
	addr   string
	scope  *module.Scope
}

type siteOptions struct {
	Version string `lua:"test_version" doc:"Told by the app."`
}

// everywhere begins the source of an app of the server's, in place of a line of
// the config.
const everywhere = "everywhere "

// newSite serves item, which is the source of a table; it stands in a function
// with the parameter version.
func newSite(t testing.TB, o web.Options, item string, more ...string) *site {
	t.Helper()
	s := &site{lab: newLab(t, o)}
	all := ""
	if len(more) > 0 && strings.HasPrefix(more[0], everywhere) {
		all, more = strings.TrimPrefix(more[0], everywhere), more[1:]
	}
	served := module.Define("served", module.OnHost, siteOptions{}, func(scope *module.Scope, o siteOptions) error {
		s.scope = scope
		return s.provide(scope, coretest.Domain, item, o.Version)
	}).Requiring("http")
	pages := module.Define("pages", module.OnServer, struct{}{}, func(scope *module.Scope, _ struct{}) error {
		s.web.Attach(scope)
		if all != "" {
			return s.provide(scope, "*", all, "")
		}
		return nil
	}).Requiring("httpd")
	s.server = coretest.New(t, s.config(`"served"; "pages"`, more), append([]module.Definition{served, pages}, modules.All...)...)
	s.addr = s.address()
	return s
}

func (s *site) config(enabled string, more []string) string {
	return config + "log = { info = \"" + s.log + "\" }\nmodules_enabled = { " + enabled + " }\n" + strings.Join(more, "\n")
}

// reload puts another config in force.
func (s *site) reload(enabled string, more ...string) {
	s.t.Helper()
	s.server.Reconfigure(s.config(enabled, more))
	s.addr = s.address()
}

// global gives Lua a function of Go.
func (b *lab) global(name string, fn lua.LGFunction) {
	b.t.Helper()
	err := b.u.Do(context.Background(), &universe.Task{Name: "test"}, func(l *lua.LState) { l.SetGlobal(name, l.NewFunction(fn)) })
	if err != nil {
		b.t.Fatal(err)
	}
}

func (s *site) provide(scope *module.Scope, host, item, version string) (err error) {
	raised := s.u.Do(context.Background(), &universe.Task{Name: "load"}, func(l *lua.LState) {
		fn, bad := s.u.Load(l, "mod_test.lua", []byte("local version = ... return "+item), nil)
		if bad != nil {
			l.RaiseError("%s", bad.Error())
		}
		l.Push(fn)
		l.Push(lua.LString(version))
		l.Call(1, 1)
		err = s.web.Provide(l, scope, host, l.CheckTable(-1))
	})
	return errors.Join(err, raised)
}

func (s *site) address() (addr string) {
	coretest.Eventually(s.t, "http listens", func() bool {
		for _, l := range s.server.Env.Listeners.List() {
			if l.Service == "http" && l.Accepting {
				addr = l.Address
			}
		}
		return addr != ""
	})
	return addr
}

// client does not follow redirects and keeps no connections.
func client(t testing.TB) *http.Client {
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true, ExpectContinueTimeout: 5 * time.Second}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type reply struct {
	*http.Response
	text string
}

func (s *site) do(request string, headers ...string) reply {
	s.t.Helper()
	return s.post(request, nil, headers...)
}

func (s *site) post(request string, body io.Reader, headers ...string) reply {
	s.t.Helper()
	got, err := s.send(context.Background(), request, body, headers...)
	if err != nil {
		s.t.Fatalf("%s: %v", request, err)
	}
	return got
}

func (s *site) send(ctx context.Context, request string, body io.Reader, headers ...string) (reply, error) {
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr, body)
	if err != nil {
		return reply{}, err
	}
	path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.URL.Opaque = path
	r.Host = coretest.Domain
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header[headers[i]] = append(r.Header[headers[i]], headers[i+1])
	}
	resp, err := client(s.t).Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp, string(b)}, err
}

// want compares the status and a part of the body.
func (r reply) want(t testing.TB, status int, part string) {
	t.Helper()
	if r.StatusCode != status || !strings.Contains(r.text, part) {
		t.Errorf("got %d %.200q, want %d with %.200q", r.StatusCode, r.text, status, part)
	}
}

func (r reply) header(t testing.TB, name, want string) {
	t.Helper()
	if got := r.Header.Get(name); got != want {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}
