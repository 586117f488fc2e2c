// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"net"
	"time"
)

// place is that of a handshake in Options.Handshakes; nil: there is no gate.
type place struct {
	enter func() error
	leave func()
	taken bool
}

func newPlace(ctx context.Context, g Gate) *place {
	if g == nil {
		return nil
	}
	return &place{enter: func() error { return g.Enter(ctx) }, leave: g.Leave}
}

// take waits for a place before something is computed.
func (p *place) take() error {
	if p == nil || p.taken {
		return nil
	}
	err := p.enter()
	p.taken = err == nil
	return err
}

// give lets another one compute while the peer is waited for.
func (p *place) give() {
	if p != nil && p.taken {
		p.leave()
		p.taken = false
	}
}

// under is the Conn as crypto/tls sees it: a net.Conn that gives one record
// at a time, keeps what the socket does not take, and waits only in a handshake.
type under Conn

var _ net.Conn = (*under)(nil)

func (u *under) Read(p []byte) (int, error) {
	c := (*Conn)(u)
	if !c.blocking {
		return c.readRecord(p)
	}
	if c.in.pending == 0 && !c.in.ready() {
		c.place.give()
	}
	n, err := c.readRecord(p)
	if err == nil {
		err = c.place.take()
	}
	return n, err
}

func (u *under) Write(p []byte) (int, error) {
	c := (*Conn)(u)
	if c.blocking {
		c.place.give()
		n, err := c.nc.Write(p)
		if err == nil {
			err = c.place.take()
		}
		return n, err
	}
	if err := c.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close is what a handshake calls whose context is over. The socket is left
// to the own goroutine.
func (u *under) Close() error {
	c := (*Conn)(u)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted = true
	return c.nc.SetDeadline(past)
}

func (u *under) LocalAddr() net.Addr                { return u.nc.LocalAddr() }
func (u *under) RemoteAddr() net.Addr               { return u.nc.RemoteAddr() }
func (u *under) SetDeadline(_ time.Time) error      { return nil }
func (u *under) SetReadDeadline(_ time.Time) error  { return nil }
func (u *under) SetWriteDeadline(_ time.Time) error { return nil }
