// SPDX-License-Identifier: Apache-2.0

package http_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/module"
	"tercet/modules"
	web "tercet/modules/http"
)

// An app is a module of these tests, with options that mean nothing.
type appOptions struct {
	Version string `lua:"test_version" doc:"Told by the app."`
}

// onHost mounts apps on each host that enables "app".
func onHost(mount func(s *module.Scope, version string) []web.App) module.Definition {
	return module.Define("app", module.OnHost, appOptions{}, func(s *module.Scope, o appOptions) error {
		for _, a := range mount(s, o.Version) {
			if err := web.Mount(s, a); err != nil {
				return err
			}
		}
		return nil
	}).Requiring("http").OnComponents()
}

// onServer mounts apps under every name.
func onServer(apps ...web.App) module.Definition {
	return module.Define("globalapp", module.OnServer, struct{}{}, func(s *module.Scope, _ struct{}) error {
		for _, a := range apps {
			if err := web.Mount(s, a); err != nil {
				return err
			}
		}
		return nil
	}).Requiring("httpd")
}

func static(apps ...web.App) module.Definition {
	return onHost(func(*module.Scope, string) []web.App { return apps })
}

// says answers with a text.
func says(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

// told answers with what the app knows of the request.
var told = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	c := web.Of(r)
	host := "none"
	if c.Host != nil {
		host = c.Host.Name
	}
	fmt.Fprintf(w, "%s app=%s host=%s remote=%s secure=%v rest=%s", r.Method, c.App, host, c.Remote, c.Secure, c.Rest)
})

func routes(pairs ...any) map[string]http.Handler {
	m := make(map[string]http.Handler)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1].(http.Handler)
	}
	return m
}

const config = `
modules_enabled = { "app", "globalapp" }
https_ports = {}
http_interfaces = { "127.0.0.1" }
`

// A world is a server with its plain port.
type world struct {
	*coretest.Server
	t    testing.TB
	addr string
}

// start runs a server with the config above, and more.
func start(t testing.TB, lua string, mods ...module.Definition) *world {
	t.Helper()
	if !strings.Contains(lua, "http_ports") {
		lua = "http_ports = { 0 }\n" + lua
	}
	hasGlobal := false
	for _, m := range mods {
		hasGlobal = hasGlobal || m.Name == "globalapp"
	}
	if !hasGlobal {
		mods = append(mods, onServer())
	}
	w := &world{Server: coretest.New(t, config+lua, append(mods, modules.All...)...), t: t}
	w.addr = w.address("http")
	return w
}

// address is the first of a service.
func (w *world) address(service string) string {
	w.t.Helper()
	for _, l := range w.Env.Listeners.List() {
		if l.Service == service && l.Accepting {
			return l.Address
		}
	}
	coretest.Eventually(w.t, service+" listens", func() bool {
		for _, l := range w.Env.Listeners.List() {
			if l.Service == service && l.Accepting {
				return true
			}
		}
		return false
	})
	return w.address(service)
}

// client does not follow redirects and keeps no connections.
func client(t testing.TB) *http.Client {
	tr := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport: tr, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is an answer that has been read.
type reply struct {
	*http.Response
	text string
}

// do sends a request "METHOD path" with headers in pairs; Host is a header.
func (w *world) do(request string, headers ...string) reply {
	w.t.Helper()
	return w.post(request, nil, headers...)
}

func (w *world) post(request string, body io.Reader, headers ...string) reply {
	w.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(context.Background(), method, "http://"+w.addr, body)
	if err != nil {
		w.t.Fatal(err)
	}
	path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.URL.Opaque = path
	r.Host = coretest.Domain
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := client(w.t).Do(r)
	if err != nil {
		w.t.Fatalf("%s: %v", request, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("%s: %v", request, err)
	}
	return reply{resp, string(b)}
}

// want compares the status and a part of the body.
func (r reply) want(t testing.TB, status int, part string) {
	t.Helper()
	if r.StatusCode != status || !strings.Contains(r.text, part) {
		t.Errorf("got %d %q, want %d with %q", r.StatusCode, r.text, status, part)
	}
}

// raw sends bytes as they are and reads what comes within the time, or until
// the server closes.
func (w *world) raw(send string, within time.Duration) (got string, closed bool) {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if errors.Is(err, syscall.ECONNRESET) {
		return "", true // one too many, and told so at once
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(within))
	_, _ = io.WriteString(c, send) // the server may have closed already
	b, err := io.ReadAll(c)
	return string(b), err == nil || !isTimeout(err)
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// dial opens a connection on which answers are read one by one.
func (w *world) dial() (net.Conn, *bufio.Reader) {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c, bufio.NewReader(c)
}

func answer(t testing.TB, r *bufio.Reader) reply {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal("no answer:", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal("answer cut off:", err)
	}
	return reply{resp, string(b)}
}

// freePort is one that nobody has at this moment.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startWithoutPorts runs a server whose HTTP listens nowhere.
func startWithoutPorts(t testing.TB, mods ...module.Definition) {
	t.Helper()
	coretest.New(t, config+"http_ports = {}\n", append(append(mods, onServer()), modules.All...)...)
}
