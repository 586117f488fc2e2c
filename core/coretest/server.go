// SPDX-License-Identifier: Apache-2.0

// Package coretest runs whole servers in tests: in memory, with clients that
// speak XMPP over net.Pipe, and the golden streams that document the modules.
package coretest

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"tercet/config/luacfg"
	"tercet/core"
	"tercet/core/ext"
	"tercet/core/golden"
	"tercet/core/module"
	"tercet/core/route"
)

// Domain is the host that a server has unless its config says otherwise.
const Domain = golden.Domain

// A Server is a whole server in memory.
type Server struct {
	*golden.Server
	t testing.TB
}

// New starts a server with a config in Lua and the modules of a program. The
// config is global; without a VirtualHost of its own it serves Domain. The
// server ends with the test.
func New(t testing.TB, lua string, mods ...module.Definition) *Server {
	t.Helper()
	b := core.Build{Version: "test", Modules: mods, Load: luacfg.Load}
	srv, err := golden.Start(t.Context(), b, t.TempDir(), lua)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		srv.Stop("the test is over")
		srv.Wait()
	})
	return &Server{srv, t}
}

// Write replaces the config file; Reload puts it in force.
func (s *Server) Write(lua string) {
	s.t.Helper()
	if err := s.Server.Write(lua); err != nil {
		s.t.Fatal(err)
	}
}

// Reconfigure writes a config and reloads it; an error fails the test.
func (s *Server) Reconfigure(lua string) module.Plan {
	s.t.Helper()
	plan, err := s.Server.Reconfigure(s.t.Context(), lua)
	if err != nil {
		s.t.Fatal(err)
	}
	return plan
}

// Host is a host of the server.
func (s *Server) Host(domain string) *route.Host {
	s.t.Helper()
	h, err := s.Server.Host(domain)
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// AddUser makes an account unless it is there.
func (s *Server) AddUser(domain, user, password string) {
	s.t.Helper()
	if err := s.Server.AddUser(s.t.Context(), domain, user, password); err != nil {
		s.t.Fatal(err)
	}
}

// Dial connects to a service, such as "c2s", without a socket.
func (s *Server) Dial(service string) net.Conn {
	s.t.Helper()
	conn, err := s.Server.Dial(service)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// DialControl connects to the control socket, for as long as the test takes.
func (s *Server) DialControl() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(s.Env.DataDir, "control.sock"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() }) // a second close is no fault
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
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
