// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// tracked counts a connection until it is closed.
type tracked struct {
	socket  *socket
	claim   *claim
	raw     net.Conn
	conn    net.Conn // what the handler gets
	closed  atomic.Bool
	counted netip.Addr // the limiter's key; zero when it does not count this one
}

// tcpConn is a *net.TCPConn that tells when it is closed, and that shows the
// addresses of the PROXY header. SyscallConn and CloseWrite are the TCPConn's.
type tcpConn struct {
	*net.TCPConn
	t             *tracked
	local, remote net.Addr // nil: the socket's
}

// Socket is the connection itself, whose bytes this one leaves as they are.
func (c *tcpConn) Socket() net.Conn { return c.TCPConn }

// Close closes the connection.
func (c *tcpConn) Close() error { return c.t.Close() }

// RemoteAddr is the peer's address, also behind a proxy.
func (c *tcpConn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.TCPConn.RemoteAddr()
}

// LocalAddr is the address that the peer connected to, also behind a proxy.
func (c *tcpConn) LocalAddr() net.Addr {
	if c.local != nil {
		return c.local
	}
	return c.TCPConn.LocalAddr()
}

// unixConn is tcpConn for unix sockets.
type unixConn struct {
	*net.UnixConn
	t             *tracked
	local, remote net.Addr
}

// Socket is the connection itself, whose bytes this one leaves as they are.
func (c *unixConn) Socket() net.Conn { return c.UnixConn }

// Close closes the connection.
func (c *unixConn) Close() error { return c.t.Close() }

// RemoteAddr is the peer's address as a PROXY header gives it, or the socket's.
func (c *unixConn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.UnixConn.RemoteAddr()
}

// LocalAddr is like RemoteAddr for our end.
func (c *unixConn) LocalAddr() net.Addr {
	if c.local != nil {
		return c.local
	}
	return c.UnixConn.LocalAddr()
}

// wrap counts raw as open and sets its keep-alive.
func wrap(raw net.Conn, k *socket, c *claim) *tracked {
	t := &tracked{socket: k, claim: c, raw: raw}
	switch raw := raw.(type) {
	case *net.TCPConn:
		t.conn = &tcpConn{TCPConn: raw, t: t}
		keepAlive(raw, c.spec.TCPKeepAlive)
	case *net.UnixConn:
		t.conn = &unixConn{UnixConn: raw, t: t}
	}
	k.conns.Add(1)
	c.service.open.Inc()
	return t
}

// keepAlive has the kernel probe a silent peer: after idle and then each 15 s,
// nine times; 0: as the system is set up (Linux: after two hours), since each
// probe wakes a phone.
func keepAlive(c *net.TCPConn, idle time.Duration) {
	cfg := net.KeepAliveConfig{Enable: idle >= 0, Idle: idle}
	if idle == 0 {
		cfg.Idle, cfg.Interval, cfg.Count = -1, -1, -1
	}
	_ = c.SetKeepAliveConfig(cfg) // a connection that is broken already shows so on reading
}

// Close closes the connection, and gives back what was counted, once.
func (t *tracked) Close() error {
	err := t.raw.Close()
	if t.closed.Swap(true) {
		return err
	}
	t.socket.conns.Add(-1)
	t.claim.service.open.Dec()
	if t.counted.IsValid() {
		t.claim.service.limits.leave(t.counted)
	}
	t.socket.r.freed()
	return err
}

// count applies the limits on addr; the empty refusal lets the connection in.
func (t *tracked) count(addr netip.Addr) refusal {
	spec := t.claim.spec
	if !addr.IsValid() || spec.MaxPerAddress <= 0 && spec.Rate <= 0 {
		return ""
	}
	key, why := t.claim.service.limits.enter(addr, spec, time.Now())
	t.counted = key
	return why
}

// refuse closes a connection that nobody will serve. A reset leaves nothing
// behind in the kernel.
func (t *tracked) refuse(why refusal, addr netip.Addr) {
	if c, ok := t.raw.(*net.TCPConn); ok {
		_ = c.SetLinger(0) // it is closed anyway
	}
	_ = t.Close() // nobody is there to hear it
	v := t.claim.service
	v.refused[why].Inc()
	if n := v.limits.report(time.Now()); n > 0 {
		t.socket.r.o.Log.Info("connections refused", "service", t.claim.spec.Service, "reason", string(why),
			"address", addr, "count", n)
	}
}

// addrPort is zero for addresses that are no IP address.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
