// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"net"
	"time"
)

// under is the Conn as crypto/tls sees it: a net.Conn that gives one record
// at a time, keeps what the socket does not take, and waits only in a handshake.
type under Conn

var _ net.Conn = (*under)(nil)

func (u *under) Read(p []byte) (int, error) { return (*Conn)(u).readRecord(p) }

func (u *under) Write(p []byte) (int, error) {
	c := (*Conn)(u)
	if c.blocking {
		return c.nc.Write(p)
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
