// SPDX-License-Identifier: Apache-2.0

// Package coretest runs whole servers in tests: in memory, with clients that
// speak XMPP over net.Pipe, and the golden streams that document the modules.
package coretest

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tercet/config/luacfg"
	"tercet/core"
	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/listen"
	"tercet/core/module"
	"tercet/core/route"
)

// preamble makes a server that needs no socket, no disk and no TLS. A script's
// own config comes after it.
const preamble = `
data_path = "data"
storage = "memory"
log = { { levels = { min = "warn" }, to = "console" } }
c2s_ports = {}
c2s_direct_tls_ports = {}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
admin_socket = "control.sock"
`

// Domain is the host that a server has unless its config says otherwise.
const Domain = "example.org"

// A Server is a whole server in memory.
type Server struct {
	*core.Server
	t    testing.TB
	file string
	mods []module.Definition
}

// New starts a server with a config in Lua and the modules of a program. The
// config is global; without a VirtualHost of its own it serves Domain. The
// server ends with the test.
func New(t testing.TB, lua string, mods ...module.Definition) *Server {
	t.Helper()
	s := &Server{t: t, file: filepath.Join(t.TempDir(), "tercet.cfg.lua"), mods: mods}
	s.Write(lua)
	c, err := luacfg.Load(s.file)
	if err != nil {
		t.Fatal(err)
	}
	b := core.Build{Version: "test", Modules: mods, Load: luacfg.Load}
	srv, problems, err := core.Start(t.Context(), b, c)
	if err != nil {
		t.Fatal(err, problems)
	}
	s.Server = srv
	t.Cleanup(func() {
		srv.Stop("the test is over")
		srv.Wait()
	})
	return s
}

// Write replaces the config file; Reload puts it in force.
func (s *Server) Write(lua string) {
	s.t.Helper()
	if !hasHost(lua) {
		lua += "\nVirtualHost \"" + Domain + "\"\n"
	}
	if err := os.WriteFile(s.file, []byte(preamble+lua), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Reconfigure writes a config and reloads it; an error fails the test.
func (s *Server) Reconfigure(lua string) module.Plan {
	s.t.Helper()
	s.Write(lua)
	plan, err := s.Reload(s.t.Context())
	if err != nil {
		s.t.Fatal("reload:", err, plan.Problems)
	}
	return plan
}

// Host is a host of the server.
func (s *Server) Host(domain string) *route.Host {
	s.t.Helper()
	h := s.Env.Router.Host(domain)
	if h == nil {
		s.t.Fatalf("no host %s", domain)
	}
	return h
}

// AddUser makes an account unless it is there.
func (s *Server) AddUser(domain, user, password string) {
	s.t.Helper()
	p := s.Host(domain).Table.Enter()
	accounts, ok := auth.Accounts.In(p)
	p.Leave()
	if !ok {
		s.t.Fatalf("no accounts on %s", domain)
	}
	if found, err := accounts.Exists(s.t.Context(), user); err != nil || found {
		return
	}
	if err := accounts.Create(s.t.Context(), user, password); err != nil {
		s.t.Fatalf("add %s@%s: %v", user, domain, err)
	}
}

// Dial connects to a service, such as "c2s", without a socket.
func (s *Server) Dial(service string) net.Conn {
	s.t.Helper()
	p := s.Env.Router.Table.Enter()
	h, ok := listen.Services.Get(p, service)
	p.Leave()
	if !ok {
		s.t.Fatalf("no service %s", service)
	}
	ours, theirs := net.Pipe()
	addr := netip.MustParseAddrPort("127.0.0.1:40000")
	h(context.Background(), theirs, listen.Info{Local: addr, Remote: addr})
	return ours
}

// Service looks up what a module offers on a host, outside of any event.
func Service[T any](s *Server, domain string, k ext.Service[T]) T {
	s.t.Helper()
	p := s.Host(domain).Table.Enter()
	defer p.Leave()
	v, ok := k.In(p)
	if !ok {
		s.t.Fatalf("nobody offers %T on %s", v, domain)
	}
	return v
}

// Eventually waits until ok holds; a test uses it only for what it cannot wait
// for in another way.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		<-tick.C
	}
}

func hasHost(lua string) bool { return strings.Contains(lua, "VirtualHost") }
