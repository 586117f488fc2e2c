// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// place is an address in the one form in which it is compared.
type place struct {
	network string // "tcp4", "tcp6", "unix"
	address string
	port    uint16
}

// key finds the place among sockets and Activated.
func (p place) key() string { return strings.TrimRight(p.network, "46") + " " + p.address }

// resolve reads the address of a Spec. "*" and "" are all IPv4 addresses, "::"
// all IPv6 addresses and no others, so that both can be listened on.
func resolve(ctx context.Context, spec Spec) (place, error) {
	switch spec.Network {
	case "unix":
		if spec.Address == "" {
			return place{}, errors.New("the path is empty")
		}
		if spec.Address[0] == '@' {
			return place{network: "unix", address: spec.Address}, nil
		}
		return place{network: "unix", address: filepath.Clean(spec.Address)}, nil
	case "tcp":
	default:
		return place{}, fmt.Errorf("network %q is neither tcp nor unix", spec.Network)
	}
	host, service, err := net.SplitHostPort(spec.Address)
	if err != nil {
		return place{}, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return place{}, err
	}
	addr := netip.IPv4Unspecified()
	if host != "" && host != "*" {
		if addr, err = netip.ParseAddr(host); err != nil {
			if addr, err = lookup(ctx, host); err != nil {
				return place{}, err
			}
		}
	}
	return placeOf(netip.AddrPortFrom(addr.Unmap(), uint16(port))), nil //nolint:gosec // LookupPort gives 0 to 65535
}

func placeOf(at netip.AddrPort) place {
	p := place{network: "tcp4", address: at.String(), port: at.Port()}
	if at.Addr().Is6() {
		p.network = "tcp6"
	}
	return p
}

// lookup takes the first address of a name, such as "localhost".
func lookup(ctx context.Context, host string) (netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(all) == 0 {
		return netip.Addr{}, fmt.Errorf("%s has no address", host)
	}
	return all[0], nil
}

// bind opens a socket, or takes the inherited one. r.mu is held.
func (r *Registry) bind(c *claim, at place) (*socket, error) {
	k := &socket{
		r: r, keys: []string{at.key()}, network: strings.TrimRight(at.network, "46"), address: at.address,
		since: time.Now(), freed: make(chan struct{}, 1), done: make(chan struct{}), changed: make(chan struct{}),
	}
	var err error
	if f := r.inherited[at.key()]; f != nil {
		k.activated = true
		for key, other := range r.inherited { // a socket for IPv4 and IPv6 has two
			if other == f && key != at.key() {
				k.keys = append(k.keys, key)
			}
		}
		k.ln, err = net.FileListener(f)
	} else if at.network == "unix" {
		k.ln, err = k.bindUnix(c, at)
	} else {
		k.ln, err = r.bindTCP(c, at)
	}
	if err != nil {
		if code, ok := errors.AsType[syscall.Errno](err); ok {
			return nil, code // the rest of the text says again what the caller says
		}
		return nil, err
	}
	if tcp, ok := k.ln.Addr().(*net.TCPAddr); ok && at.port == 0 && !k.activated { // the kernel chose it
		p := placeOf(netip.AddrPortFrom(netip.MustParseAddrPort(at.address).Addr(), tcp.AddrPort().Port()))
		k.keys, k.address = []string{p.key()}, p.address
	}
	for _, key := range k.keys {
		r.sockets[key] = k
	}
	k.adopt(c.spec)
	return k, nil
}

func (r *Registry) bindTCP(c *claim, at place) (net.Listener, error) {
	cfg := &net.ListenConfig{KeepAlive: -1} // each connection gets that of its Spec
	cfg.SetMultipathTCP(false)
	ln, err := cfg.Listen(c.scope.Context(), at.network, at.address)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ln, err
	}
	// An address that changes between "*" and one interface is bound before the
	// socket that it replaces is closed.
	var ours []net.Listener
	for _, k := range r.sockets {
		if k.overlaps(c, at) {
			ours = append(ours, k.ln)
		}
	}
	if len(ours) == 0 {
		return nil, err
	}
	return bindBeside(c.scope.Context(), cfg, at, ours)
}

// overlaps reports whether k is another socket of the same service on the port
// of at, of live scopes only: those may be about to be replaced.
func (k *socket) overlaps(c *claim, at place) bool {
	tcp, ok := k.ln.Addr().(*net.TCPAddr)
	if !ok || k.closed || k.activated || tcp.AddrPort().Port() != at.port {
		return false
	}
	return !slices.ContainsFunc(k.claims, func(x *claim) bool {
		return x.scope == c.scope || x.spec.Service != c.spec.Service || !x.scope.Live()
	})
}

// bindUnix binds the path. A file that is left over from a server that is gone
// is removed; any other file is an error.
func (k *socket) bindUnix(c *claim, at place) (net.Listener, error) {
	ctx := c.scope.Context()
	if at.address[0] != '@' {
		if err := removeStale(ctx, at.address); err != nil {
			return nil, err
		}
	}
	cfg := &net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return narrow(raw, unixMode(c.spec))
	}}
	ln, err := cfg.Listen(ctx, "unix", at.address)
	if err != nil || at.address[0] == '@' {
		return ln, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	mine, err := os.Lstat(at.address)
	if err != nil {
		_ = ln.Close() // the other error says more
		return nil, err
	}
	k.cleanup = func() {
		if now, err := os.Lstat(at.address); err == nil && os.SameFile(mine, now) {
			_ = os.Remove(at.address) // the next start does it
		}
	}
	return ln, nil
}

func unixMode(spec Spec) os.FileMode {
	if spec.Mode == 0 {
		return 0o660
	}
	return spec.Mode.Perm()
}

// removeStale removes a socket's file that nobody listens on.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return errors.New("there is a file that is no socket")
	}
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close() // it has told what it had to
		return syscall.EADDRINUSE
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return syscall.EADDRINUSE // a full backlog, no permission: somebody may be there
	}
	return os.Remove(path)
}

// adopt gives the socket what a Spec says beyond the address.
func (k *socket) adopt(spec Spec) {
	if spec.Backlog > 0 && !k.activated {
		if err := setBacklog(k.ln, spec.Backlog); err != nil {
			k.r.o.Log.Warn("backlog not set", "address", k.address, "err", err)
		}
	}
	if k.cleanup != nil {
		if err := os.Chmod(k.address, unixMode(spec)); err != nil {
			k.r.o.Log.Warn("mode not set", "address", k.address, "err", err)
		}
	}
}
