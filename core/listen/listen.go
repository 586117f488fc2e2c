// SPDX-License-Identifier: Apache-2.0

// Package listen keeps the server's listening sockets by address. A socket
// outlives a reload of the module that asked for it, its handler does not: the
// new instance takes the socket over and no connection in its backlog is lost.
// It also reads PROXY protocol headers (haproxy's proxy-protocol.txt, versions
// 1 and 2), takes sockets from systemd (sd_listen_fds) and limits how many
// connections one address may have.
package listen

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"tercet/core/ext"
	"tercet/core/metric"
)

// ErrStopped is the error of Listen after StopAccepting.
var ErrStopped = errors.New("listen: the server is stopping")

// RegistryOptions are what a Registry needs from the server; all may be zero.
type RegistryOptions struct {
	Activated   Activated // sockets inherited from systemd; see Inherited
	Log         *slog.Logger
	Metrics     *metric.Registry
	OnPanic     func(scope string, value any, stack []byte) // for panics of handlers
	AcceptRetry time.Duration                               // network_settings.accept_retry_interval; 10 s when 0
}

// Spec is one address to listen on.
type Spec struct {
	Service string // config prefix of the service: "c2s", "https"
	Network string // "tcp" or "unix"
	Address string // "*:5222", "[::]:5222", "127.0.0.1:5280"; or the path of a unix socket
	TLS     string // for List: "none", "starttls", "direct"
	Private bool   // for List: meant for this machine only
	// Proxy, when set, makes connections of trusted peers begin with a PROXY header.
	Proxy *ProxyOptions
	// MaxPerAddress is how many connections one IPv4 address or IPv6 /64 may
	// have at a time on all sockets of the service; 0 is no limit.
	MaxPerAddress int
	// Rate is how many new connections per second such an address may make,
	// after Burst at once; 0 is no limit.
	Rate, Burst int
	// MaxHandshakes is the size of the Gate in Info; 0 is no gate.
	MaxHandshakes int
	Backlog       int           // 0: the kernel's limit
	TCPKeepAlive  time.Duration // idle time before the first probe; 0: 15 s; negative: none
	Mode          fs.FileMode   // of a unix socket; 0 is 0660
}

// ProxyOptions say whose PROXY header is believed. The header is demanded of
// trusted peers; what others send is left to the handler. Every peer of a unix
// socket is trusted.
type ProxyOptions struct {
	Trusted []netip.Prefix
	Timeout time.Duration // for the header to arrive; 0 is 5 s
}

// Handler serves one connection in a goroutine of its own. The connection is
// the handler's: it may hand it on and return, and somebody has to close it. Of
// a handler that panics the connection is closed. The context ends when the
// scope closes, and the scope's Close waits until the handler has returned.
type Handler func(ctx context.Context, c net.Conn, info Info)

// Info is what is known about a connection before a byte of it is read.
type Info struct {
	Local, Remote netip.AddrPort // as the PROXY header of a trusted peer says, else the socket's; zero for unix
	Via           netip.AddrPort // the proxy, when Proxied; zero if it came over a unix socket
	Proxied       bool
	Handshakes    *Gate // shared by the sockets of a service; nil without MaxHandshakes
}

// Listening describes one address for the admin.
type Listening struct {
	Service, Network, Address, TLS string
	Since                          time.Time
	Connections                    int
	Private                        bool
	Activated                      bool // inherited from systemd
	Accepting                      bool
}

// Registry holds the sockets of one server.
type Registry struct {
	o RegistryOptions
}

// NewRegistry makes the server's registry.
func NewRegistry(o RegistryOptions) *Registry { return &Registry{o: o} }

// Listen binds the address now, or shares the socket that is bound to it. The
// handler gets connections once s is live, and none any more once s closes; the
// socket is closed with the last scope that wants it.
func (r *Registry) Listen(s *ext.Scope, spec Spec, h Handler) error { panic("soon") }

// Announce adds to List what is listened on elsewhere, such as a UDP port, as
// long as s lives.
func (r *Registry) Announce(s *ext.Scope, l Listening) { panic("soon") }

// List describes the sockets, ordered by service and address.
func (r *Registry) List() []Listening { panic("soon") }

// StopAccepting closes all sockets; connections go on. It can not be undone.
func (r *Registry) StopAccepting() { panic("soon") }

// Activated is a set of inherited sockets by network and address.
type Activated map[string]net.Listener

// Inherited takes the sockets that systemd passed (LISTEN_PID, LISTEN_FDS) and
// unsets these variables. Call it once, first of all.
func Inherited() (Activated, error) { panic("soon") }

// Gate bounds how much of one kind of costly work, such as TLS handshakes or
// PBKDF2, is done at the same time. A nil Gate lets everything pass.
type Gate struct{}

// NewGate makes a gate for n at a time, at least one. The metrics, which may be
// nil, are kept under the given name.
func NewGate(n int, name string, m *metric.Registry) *Gate { panic("soon") }

// Enter waits for a place in order of arrival; its error is the context's.
func (g *Gate) Enter(ctx context.Context) error { panic("soon") }

// TryEnter takes a place if there is one.
func (g *Gate) TryEnter() bool { panic("soon") }

// Leave gives the place back.
func (g *Gate) Leave() { panic("soon") }

// Waiting is how many wait for a place.
func (g *Gate) Waiting() int { panic("soon") }
