// SPDX-License-Identifier: Apache-2.0

// Package listen keeps the server's listening sockets by address. A socket
// outlives a reload of the module that asked for it, its handler does not: the
// new instance takes the socket over and no connection in its backlog is lost.
// It also reads PROXY protocol headers (haproxy's proxy-protocol.txt, versions
// 1 and 2), takes sockets from systemd (sd_listen_fds) and limits how many
// connections one address may have.
package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tercet/core/ext"
	"tercet/core/metric"
)

// Activated are inherited sockets by network and address ("tcp 0.0.0.0:5222",
// "unix /run/tercet.sock"). The files stay open: a port that a reload takes out
// of the config can be put back.
type Activated map[string]*os.File

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
	TCPKeepAlive  time.Duration // idle time before the first probe; 0: the system's; negative: none
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
	Service, Network, Address, TLS string // Network may also be "udp", by Announce
	Since                          time.Time
	Connections                    int
	Private                        bool
	Activated                      bool // inherited from systemd
	Accepting                      bool
}

// Registry holds the sockets of one server.
type Registry struct {
	o RegistryOptions

	starved atomic.Int32 // sockets that wait for a file descriptor

	mu        sync.Mutex // guards what follows, and the claims of all sockets
	sockets   map[string]*socket
	inherited Activated
	services  map[string]*service
	announced map[*Listening]bool
	stopped   bool
	stopping  chan struct{} // closed by StopAccepting
}

// NewRegistry makes the server's registry.
func NewRegistry(o RegistryOptions) *Registry {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.AcceptRetry <= 0 {
		o.AcceptRetry = 10 * time.Second
	}
	return &Registry{
		o:         o,
		sockets:   make(map[string]*socket),
		inherited: maps.Clone(o.Activated),
		services:  make(map[string]*service),
		announced: make(map[*Listening]bool),
		stopping:  make(chan struct{}),
	}
}

// Listen binds the address now, or shares the socket that is bound to it. The
// handler gets connections once s is live, and none any more once s closes; the
// socket is closed with the last scope that wants it. An address belongs to one
// service: what is staged together may not ask for it twice.
func (r *Registry) Listen(s *ext.Scope, spec Spec, h Handler) error {
	if err := context.Cause(s.Context()); err != nil {
		return fmt.Errorf("listen on %s: %w", spec.Address, err)
	}
	c := &claim{scope: s, spec: spec, handler: h}
	if err := r.claim(c); err != nil {
		return fmt.Errorf("listen on %s: %w", spec.Address, err)
	}
	if c.socket == nil { // s has this address already
		return nil
	}
	s.Defer(func() error { r.release(c); return nil })
	s.Go(func(ctx context.Context) {
		r.activate(c) //nolint:contextcheck // the accept loop outlives the scope
		<-ctx.Done()  // at the start of Close: nothing new for a module that ends its streams
		r.release(c)
	})
	return nil
}

// Announce adds to List what is listened on elsewhere, such as a UDP port, as
// long as s lives.
func (r *Registry) Announce(s *ext.Scope, l Listening) {
	if l.Since.IsZero() {
		l.Since = time.Now()
	}
	r.mu.Lock()
	r.announced[&l] = true
	r.mu.Unlock()
	s.Defer(func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.announced, &l)
		return nil
	})
}

// List describes the sockets, ordered by service and address. Inherited ones
// that no service uses are without one.
func (r *Registry) List() []Listening {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Listening
	seen := make(map[*socket]bool)
	for _, k := range r.sockets {
		if !seen[k] {
			seen[k] = true
			all = append(all, k.describe())
		}
	}
	for key := range r.inherited {
		if r.sockets[key] == nil && !r.stopped {
			network, address, _ := strings.Cut(key, " ")
			all = append(all, Listening{Network: network, Address: address, Activated: true})
		}
	}
	for l := range r.announced {
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b Listening) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Network, b.Network), cmp.Compare(a.Address, b.Address))
	})
	return all
}

// StopAccepting closes all sockets; connections go on. It can not be undone.
func (r *Registry) StopAccepting() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		close(r.stopping)
	}
	r.stopped = true
	for _, k := range r.sockets {
		k.shut()
	}
	for _, f := range r.inherited {
		_ = f.Close() // systemd has its own
	}
	clear(r.inherited)
}

// Stopping is closed by StopAccepting: for services whose connections do not
// end with a stream.
func (r *Registry) Stopping() <-chan struct{} { return r.stopping }
