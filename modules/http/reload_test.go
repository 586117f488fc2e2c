// SPDX-License-Identifier: Apache-2.0

package http_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/module"
	web "tercet/modules/http"
)

// versions is an app that tells its version, and a request to it that waits.
type versions struct {
	entered chan string
	leave   chan struct{}
	ended   chan error // of a handler that waits for its context
}

func newVersions() *versions {
	return &versions{entered: make(chan string, 16), leave: make(chan struct{}), ended: make(chan error, 16)}
}

func (v *versions) module() module.Definition {
	return onHost(func(_ *module.Scope, version string) []web.App {
		return []web.App{{Name: "v", Routes: routes(
			"GET", says("version "+version),
			"GET /wait", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				v.entered <- version
				select {
				case <-v.leave:
					fmt.Fprintf(w, "waited in %s", version)
				case <-r.Context().Done():
					v.ended <- context.Cause(r.Context())
				}
			}),
			"POST /read", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				v.entered <- version
				_, err := io.Copy(io.Discard, r.Body)
				v.ended <- err
			}),
		)}}
	})
}

// A request at work ends in the module that it began in, on the connection
// that it came on; the next one there meets the new module.
func TestReloadInFlight(t *testing.T) {
	v := newVersions()
	w := start(t, "test_version = \"1\"\n", v.module())
	c, r := w.dial()
	_, _ = io.WriteString(c, "GET /v/wait HTTP/1.1\r\nHost: example.org\r\n\r\n")
	if got := <-v.entered; got != "1" {
		t.Fatal(got)
	}
	w.Reconfigure(config + "http_ports = { 0 }\ntest_version = \"2\"\n")
	w.do("GET /v").want(t, 200, "version 2")
	if !closing(w, "app") {
		t.Error("the old module is not waited for")
	}
	close(v.leave)
	answer(t, r).want(t, 200, "waited in 1")
	_, _ = io.WriteString(c, "GET /v HTTP/1.1\r\nHost: example.org\r\n\r\n")
	answer(t, r).want(t, 200, "version 2")
	coretest.Eventually(t, "the old module has ended", func() bool { return !closing(w, "app") })
}

func closing(w *world, name string) bool {
	for _, s := range w.Env.Manager.List() {
		if s.Name == name && s.State == "closing" {
			return true
		}
	}
	return false
}

// One that does not end is cut off after shutdown_deadline, whether it waits
// for its context or for its client.
func TestReloadCutsOff(t *testing.T) {
	v := newVersions()
	const deadline = "network_settings = { shutdown_deadline = 0.2 }\n"
	w := start(t, deadline+"test_version = \"1\"\n", v.module())
	c, _ := w.dial()
	_, _ = io.WriteString(c, "GET /v/wait HTTP/1.1\r\nHost: example.org\r\n\r\n")
	d, _ := w.dial()
	_, _ = io.WriteString(d, "POST /v/read HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10\r\n\r\nx")
	<-v.entered
	<-v.entered
	w.Reconfigure(config + deadline + "http_ports = { 0 }\ntest_version = \"2\"\n")
	for range 2 {
		select {
		case err := <-v.ended:
			if err == nil {
				t.Error("ended without an error")
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a handler goes on")
		}
	}
	coretest.Eventually(t, "the old module has ended", func() bool { return !closing(w, "app") })
	w.do("GET /v").want(t, 200, "version 2")
}

// A module that is unloaded leaves nothing behind, and its path to others.
func TestUnload(t *testing.T) {
	v := newVersions()
	w := start(t, "test_version = \"1\"\n", v.module())
	w.do("GET /v").want(t, 200, "version 1")
	w.Reconfigure(strings.Replace(config, "\"app\"", "\"http\"", 1) + "http_ports = { 0 }\n")
	w.do("GET /v").want(t, 404, "")
	if got := w.Env.Manager.Points(coretest.Domain, "app"); len(got) != 0 {
		t.Errorf("still attached: %v", got)
	}
	w.Reconfigure(config + "http_ports = { 0 }\ntest_version = \"3\"\n")
	w.do("GET /v").want(t, 200, "version 3")
}

// While the module and the sockets' module are loaded anew, over and over,
// each request is answered by one version or the other.
func TestReloadHammer(t *testing.T) {
	v := newVersions()
	p := freePort(t)
	lua := func(n int) string {
		return fmt.Sprintf("%shttp_ports = { %d }\ntest_version = \"%d\"\nhttp_idle_timeout = %d\n", config, p, n, 60+n/3)
	}
	w := start(t, strings.TrimPrefix(lua(0), config), v.module())
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for i := range 4 {
		tr := &http.Transport{DisableKeepAlives: i%2 == 0}
		defer tr.CloseIdleConnections()
		wg.Go(func() {
			c := &http.Client{Transport: tr}
			for ctx.Err() == nil {
				r, _ := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "http://"+w.addr+"/v", nil)
				r.Host = coretest.Domain
				resp, err := c.Do(r)
				if err != nil {
					if i%2 == 1 { // an idle connection that was closed just now
						continue
					}
					t.Error(err)
					return
				}
				b, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(string(b), "version ") {
					t.Errorf("got %d %q %v", resp.StatusCode, b, err)
					return
				}
				mu.Lock()
				n++
				mu.Unlock()
			}
		})
	}
	for i := range 12 {
		w.Reconfigure(lua(i + 1))
	}
	cancel()
	wg.Wait()
	if n == 0 {
		t.Error("nothing was answered")
	}
	w.do("GET /v").want(t, 200, "version 12")
}

// The server stops: what is at work is answered and its connection closed,
// what is not over in time is cut off.
func TestStop(t *testing.T) {
	v := newVersions()
	w := start(t, "network_settings = { shutdown_deadline = 5 }\n", v.module())
	idle, ri := w.dial()
	_, _ = io.WriteString(idle, "GET /v HTTP/1.1\r\nHost: example.org\r\n\r\n")
	answer(t, ri).want(t, 200, "version")
	c, r := w.dial()
	_, _ = io.WriteString(c, "GET /v/wait HTTP/1.1\r\nHost: example.org\r\n\r\n")
	<-v.entered
	w.Stop("test")
	if _, err := ri.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the idle connection: %v", err)
	}
	close(v.leave)
	a := answer(t, r)
	a.want(t, 200, "waited")
	if !a.Close {
		t.Error("the connection is kept")
	}
	w.Wait()

	v = newVersions()
	w = start(t, "network_settings = { shutdown_deadline = 0.2 }\n", v.module())
	c, r = w.dial()
	_, _ = io.WriteString(c, "GET /v/wait HTTP/1.1\r\nHost: example.org\r\n\r\n")
	<-v.entered
	began := time.Now()
	w.Stop("test")
	w.Wait()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("answered")
	}
}
