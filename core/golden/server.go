// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"tercet/config"
	"tercet/core"
	"tercet/core/auth"
	"tercet/core/listen"
	"tercet/core/module"
	"tercet/core/route"
)

// preamble makes a server that needs no socket, no disk and no TLS. A script's
// own config comes after it, on the same line, so that the lines of what is
// wrong in it are its own.
const preamble = `data_path = "data" storage = "memory" log = { { levels = { min = "warn" }, to = "console" } } ` +
	`c2s_ports = {} c2s_direct_tls_ports = {} c2s_require_encryption = false allow_unencrypted_plain_auth = true admin_socket = "control.sock" `

// Domain is the host that a server has unless its config says otherwise.
const Domain = "example.org"

// Password is the password that a user of a script has.
func Password(user string) string { return "secret of " + strings.ToLower(user) }

// A Server is a whole server in memory.
type Server struct {
	*core.Server
	Problems []config.Problem // of the config that it has started with
	file     string
}

// A ConfigError says why a server does not take a config.
type ConfigError struct {
	Problems []config.Problem
	Err      error
}

// Error has a line for each problem.
func (e *ConfigError) Error() string {
	lines := []string{e.Err.Error()}
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func (e *ConfigError) Unwrap() error { return e.Err }

// Start starts a server with a config in Lua, which is written into the folder
// dir. The config is global; without a VirtualHost of its own it serves Domain.
// The caller stops the server.
func Start(ctx context.Context, b core.Build, dir, lua string) (*Server, error) {
	s := &Server{file: filepath.Join(dir, "tercet.cfg.lua")}
	if err := s.Write(lua); err != nil {
		return nil, err
	}
	c, err := b.Load(s.file)
	if err != nil {
		return nil, err
	}
	if s.Server, s.Problems, err = core.Start(ctx, b, c); err != nil {
		return nil, &ConfigError{s.Problems, err}
	}
	return s, nil
}

// Write replaces the config file; Reload puts it in force.
func (s *Server) Write(lua string) error {
	if !strings.Contains(lua, "VirtualHost") {
		lua += "\nVirtualHost \"" + Domain + "\"\n"
	}
	if err := os.WriteFile(s.file, []byte(preamble+lua), 0o600); err != nil {
		return fmt.Errorf("write the config: %w", err)
	}
	return nil
}

// Reconfigure writes a config and reloads it.
func (s *Server) Reconfigure(ctx context.Context, lua string) (module.Plan, error) {
	if err := s.Write(lua); err != nil {
		return module.Plan{}, err
	}
	plan, err := s.Reload(ctx)
	if err != nil {
		return plan, &ConfigError{plan.Problems, err}
	}
	return plan, nil
}

// Host is a host of the server.
func (s *Server) Host(domain string) (*route.Host, error) {
	if h := s.Env.Router.Host(domain); h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("no host %s", domain)
}

// AddUser makes an account unless it is there.
func (s *Server) AddUser(ctx context.Context, domain, user, password string) error {
	h, err := s.Host(domain)
	if err != nil {
		return err
	}
	p := h.Table.Enter()
	accounts, ok := auth.Accounts.In(p)
	p.Leave()
	if !ok {
		return fmt.Errorf("no accounts on %s", domain)
	}
	if found, err := accounts.Exists(ctx, user); err != nil || found {
		return nil
	}
	if err := accounts.Create(ctx, user, password); err != nil {
		return fmt.Errorf("add %s@%s: %w", user, domain, err)
	}
	return nil
}

// Dial connects to a service, such as "c2s", without a socket.
func (s *Server) Dial(service string) (net.Conn, error) {
	p := s.Env.Router.Table.Enter()
	h, ok := listen.Services.Get(p, service)
	p.Leave()
	if !ok {
		return nil, fmt.Errorf("no service %s", service)
	}
	ours, theirs := net.Pipe()
	addr := netip.MustParseAddrPort("127.0.0.1:40000")
	h(context.Background(), theirs, listen.Info{Local: addr, Remote: addr})
	return ours, nil
}

// Target is the server as scripts talk to it.
func (s *Server) Target(ctx context.Context) Target { return memory{s, ctx} }

type memory struct {
	s   *Server
	ctx context.Context //nolint:containedctx // that of the script, for its length
}

func (m memory) Dial() (net.Conn, error) { return m.s.Dial("c2s") }

func (m memory) Login(user, resource string) (*Stream, error) {
	return m.s.Login(m.ctx, user, resource)
}

func (m memory) Reconfigure(lua string) error {
	_, err := m.s.Reconfigure(m.ctx, lua)
	return err
}

// Login connects a user of Domain, who is made if need be, and binds a
// resource.
func (s *Server) Login(ctx context.Context, user, resource string) (*Stream, error) {
	if err := s.AddUser(ctx, Domain, user, Password(user)); err != nil {
		return nil, err
	}
	conn, err := s.Dial("c2s") //nolint:contextcheck // a connection outlives who made it
	if err != nil {
		return nil, err
	}
	c := NewStream(conn, Domain)
	c.JID = user + "@" + Domain + "/" + resource
	if _, err = c.Plain(user, Password(user)); err == nil {
		err = c.Bind(resource)
	}
	if err != nil {
		_ = conn.Close() // it is of no use
		return nil, err
	}
	return c, nil
}
