// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"net"
	"testing"
)

// counted stands for listen's connections, which count themselves.
type counted struct{ *net.TCPConn }

func (c counted) Socket() net.Conn { return c.TCPConn }

// opaque may read its socket in a way of its own.
type opaque struct{ *net.TCPConn }

func TestSocketBelowAWrapper(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tcp := c.(*net.TCPConn)
	if rawConn(counted{tcp}) == nil {
		t.Error("a wrapper that shows its socket is not used directly")
	}
	if rawConn(opaque{tcp}) != nil {
		t.Error("a wrapper that does not show its socket is bypassed")
	}
}
