// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync"
)

// loadEnv makes the test binary the load generator of the benchmarks, in a
// process of its own so that the server's CPU time can be told from it. It
// holds: address, connections, messages in flight for each, TLS or not.
const (
	loadEnv     = "TRANSPORT_LOAD"
	loadMessage = 250
)

// runLoad keeps the window of each connection full until the server hangs up.
// Each message is one TLS record; those that are sent together share a write(2).
func runLoad() int {
	var addr string
	var n, window int
	var secure bool
	if _, err := fmt.Sscan(os.Getenv(loadEnv), &addr, &n, &window, &secure); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var wg sync.WaitGroup
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		g := &gather{Conn: c, w: bufio.NewWriterSize(c, 64<<10)}
		var peer net.Conn = g
		if secure {
			s := tls.Client(g, clientTLS())
			g.direct = true
			if err := s.Handshake(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			g.direct = false
			peer = s
		}
		wg.Go(func() { play(peer, g, window) })
	}
	wg.Wait()
	return 0
}

func play(peer net.Conn, g *gather, window int) {
	message := make([]byte, loadMessage)
	buf := make([]byte, 32<<10)
	send, part := window, 0
	for {
		for range send {
			if _, err := peer.Write(message); err != nil {
				return
			}
		}
		if send > 0 && g.w.Flush() != nil {
			return
		}
		n, err := peer.Read(buf)
		if err != nil {
			return
		}
		part += n
		send, part = part/loadMessage, part%loadMessage
	}
}

// gather makes one write(2) of many records.
type gather struct {
	net.Conn
	w      *bufio.Writer
	direct bool
}

func (g *gather) Write(p []byte) (int, error) {
	if g.direct {
		return g.Conn.Write(p)
	}
	return g.w.Write(p)
}
