// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"tercet/core/coretest"
	"tercet/core/listen"
	"tercet/modules"
)

// stock are the modules of Debian's stock configuration, as far as there are.
const stock = `modules_enabled = { "disco", "roster", "saslauth", "tls", "blocklist", "carbons", "private", "smacks",
	"csi_simple", "ping", "time", "uptime", "version" }
log = { { levels = { "error" }, to = "console" } }
`

// relay is a connection that is fed from memory. After login the test side
// feeds batches; what the server writes there is counted and dropped.
type relay struct {
	net.Conn
	feed    chan []byte
	rest    []byte
	written atomic.Int64
	count   []byte // what is counted in what is written
	seen    chan struct{}
	want    atomic.Int64
}

func (c *relay) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		b, ok := <-c.feed
		if !ok {
			return 0, net.ErrClosed
		}
		c.rest = b
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *relay) Write(p []byte) (int, error) {
	if n := bytes.Count(p, c.count); n > 0 && c.written.Add(int64(n)) == c.want.Load() {
		c.seen <- struct{}{}
	}
	return len(p), nil
}

// dial connects over a relay and logs in through it.
func dial(b *testing.B, s *coretest.Server, user, resource string) *relay {
	b.Helper()
	s.AddUser(coretest.Domain, user, coretest.Password(user))
	ours, theirs := net.Pipe()
	c := &relay{Conn: theirs, feed: make(chan []byte, 8), seen: make(chan struct{}, 1), count: []byte("</message>")}
	sw := &switched{relay: c}
	addr := netip.MustParseAddrPort("127.0.0.1:40000")
	p := s.Env.Router.Table.Enter()
	h, _ := listen.Services.Get(p, "c2s")
	p.Leave()
	h(context.Background(), sw, listen.Info{Local: addr, Remote: addr})
	cl := coretest.NewClient(b, ours, coretest.Domain)
	cl.Plain(user, coretest.Password(user))
	cl.Bind(resource)
	cl.Send("<presence/>")
	cl.Next()
	sw.live.Store(true)
	cl.Send(" ") // wakes the pipe's last read
	return c
}

// switched is the pipe during login and the relay afterwards.
type switched struct {
	*relay
	live atomic.Bool
}

func (s *switched) Read(p []byte) (int, error) {
	if s.live.Load() {
		return s.relay.Read(p)
	}
	return s.Conn.Read(p)
}

func (s *switched) Write(p []byte) (int, error) {
	if s.live.Load() {
		return s.relay.Write(p)
	}
	return s.Conn.Write(p)
}

// BenchmarkMessage is one chat message through a whole server: read, routed
// through the modules of a stock configuration, and written.
func BenchmarkMessage(b *testing.B) {
	const batch = 16
	s := coretest.New(b, stock, modules.All...)
	romeo, juliet := dial(b, s, "romeo", "orchard"), dial(b, s, "juliet", "balcony")
	var msgs []byte
	for i := range batch {
		msgs = fmt.Appendf(msgs, "<message to='juliet@example.org/balcony' type='chat' id='m%02d'><body>But soft, what light through yonder window breaks? It is the east, &amp; Juliet is the sun.</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>", i)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%batch != 0 {
			continue
		}
		juliet.want.Store(juliet.written.Load() + batch)
		romeo.feed <- msgs
		<-juliet.seen
	}
}
