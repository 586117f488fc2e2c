// SPDX-License-Identifier: Apache-2.0

package c2s_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
)

// plain is a login by SASL PLAIN.
func plain(user string) string {
	token := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + coretest.Password(user)))
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + token + "</auth>"
}

// freePort finds a port that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// onPort is a server with a port on loopback.
func onPort(t testing.TB, more string) (s *coretest.Server, addr string) {
	t.Helper()
	port := freePort(t)
	s = coretest.New(t, fmt.Sprintf("%sc2s_ports = { %d }\nc2s_interfaces = { \"127.0.0.1\" }\nc2s_close_timeout = 0\n%s", config, port, more), modules.All...)
	return s, fmt.Sprintf("127.0.0.1:%d", port)
}

func connect(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if errors.Is(err, syscall.ECONNRESET) { // refused as fast as that
		conn, _ = net.Pipe()
		_ = conn.Close() // as the other side has
		return conn
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // a test's end
	return conn
}

// login binds a resource over a connection.
func login(t testing.TB, s *coretest.Server, conn net.Conn, user string) *coretest.Client {
	t.Helper()
	s.AddUser(coretest.Domain, user, coretest.Password(user))
	c := coretest.NewClient(t, conn, coretest.Domain)
	c.Plain(user, coretest.Password(user))
	c.Bind("home")
	return c
}

// refused reports whether a connection is closed without a word.
func refused(t testing.TB, conn net.Conn) bool {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, header) // may be reset already
	b, err := io.ReadAll(io.LimitReader(conn, 16))
	return len(b) == 0 && !errors.Is(err, os.ErrDeadlineExceeded)
}

// A tap keeps what is read through it, and can stop reading.
type tap struct {
	net.Conn
	mu   sync.Mutex // guards seen
	seen []byte
	deaf sync.Mutex // held: nothing is read
}

// pass waits until nobody holds the lock.
func pass(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
}

func (p *tap) Read(b []byte) (int, error) {
	pass(&p.deaf)
	n, err := p.Conn.Read(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, b[:n]...)
	return n, err
}

func (p *tap) ends(with string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.HasSuffix(p.seen, []byte(with))
}

// TestTimeout gives a client a second for all of the negotiation.
func TestTimeout(t *testing.T) {
	s := coretest.New(t, config+"c2s_timeout = 1\n", modules.All...)
	mute, slow := stranger(t, s), stranger(t, s)
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	slow.Plain("romeo", coretest.Password("romeo"))
	bound := s.Login("juliet", "balcony")
	wantEnd(t, slow, "connection-timeout")
	if _, err := mute.Try(10 * time.Second); err == nil {
		t.Error("the mute client got something")
	}
	bound.Quiet()
}

// TestKeepAlive has a client that says nothing get white space, and stay.
func TestKeepAlive(t *testing.T) {
	s := coretest.New(t, config+"network_settings = { read_timeout = 1 }\n", modules.All...)
	conn := &tap{Conn: s.Dial("c2s")}
	c := login(t, s, conn, "romeo")
	coretest.Eventually(t, "two keepalives", func() bool { return conn.ends("  ") })
	c.Send(" \n")
	c.Quiet()
}

// TestSizes has the limits before and after authentication (RFC 6120 section
// 4.9.3.14).
func TestSizes(t *testing.T) {
	s := coretest.New(t, config+"c2s_unauthed_stanza_size_limit = 600\nc2s_stanza_size_limit = 20000\nc2s_max_child_elements = 100\n", modules.All...)
	message := func(n int) string { return "<message><body>" + strings.Repeat("x", n) + "</body></message>" }
	early := stranger(t, s)
	early.Open()
	early.Send(message(600))
	wantEnd(t, early, "policy-violation")
	bound := s.Login("romeo", "orchard")
	bound.Send(message(19_000))
	bound.Quiet()
	bound.Send(message(20_000))
	wantEnd(t, bound, "policy-violation")
	wide := s.Login("romeo", "garden")
	wide.Send("<message>" + strings.Repeat("<a/>", 99) + "</message>")
	wide.Quiet()
	wide.Send("<message>" + strings.Repeat("<a/>", 101) + "</message>")
	wantEnd(t, wide, "policy-violation")
}

// TestOutbox has a client that reads nothing while others write to it.
func TestOutbox(t *testing.T) {
	s := coretest.New(t, config+"c2s_max_outbox = 65536\nmodules_disabled = { \"offline\" }\n", modules.All...)
	conn := &tap{Conn: s.Dial("c2s")}
	deaf := login(t, s, conn, "romeo")
	conn.deaf.Lock()
	defer conn.deaf.Unlock()
	juliet := s.Login("juliet", "balcony")
	deaf.Send("<presence/>")
	for range 40 {
		juliet.Send("<message type='headline' to='" + deaf.JID + "'><body>" + strings.Repeat("x", 4000) + "</body></message>")
	}
	juliet.Quiet()
	coretest.Eventually(t, "the deaf client is given up", func() bool { return s.Host(coretest.Domain).Sessions.Len() == 1 })
}

// TestPerAddress has two connections at most from one address.
func TestPerAddress(t *testing.T) {
	s, addr := onPort(t, "c2s_max_connections_per_address = 2\n")
	a := login(t, s, connect(t, addr), "a")
	b := login(t, s, connect(t, addr), "b")
	if !refused(t, connect(t, addr)) {
		t.Error("a third connection was served")
	}
	a.Quiet()
	_ = b.Conn.Close() // makes room
	coretest.Eventually(t, "a place is free", func() bool { return !refused(t, connect(t, addr)) })
}

// TestRate has two new connections at once, and then one a second.
func TestRate(t *testing.T) {
	_, addr := onPort(t, "c2s_connection_rate = 1\nc2s_connection_burst = 2\n")
	served := 0
	for range 5 {
		if !refused(t, connect(t, addr)) {
			served++
		}
	}
	if served < 2 || served > 4 {
		t.Errorf("%d of 5 connections were served, want 2 or a few more", served)
	}
}

// TestProxy has the address of the PROXY header count, and demands one of the
// proxy.
func TestProxy(t *testing.T) {
	s, addr := onPort(t, "c2s_proxy_protocol_from = { \"127.0.0.0/8\" }\nc2s_max_connections_per_address = 1\n")
	via := func(client string) net.Conn {
		conn := connect(t, addr)
		_, _ = io.WriteString(conn, "PROXY TCP4 "+client+" 192.0.2.1 40000 5222\r\n") // the answer shows it
		return conn
	}
	c := login(t, s, via("198.51.100.7"), "romeo")
	c.Quiet()
	if got := s.Env.Streams.Streams()[0].Remote.String(); got != "198.51.100.7:40000" {
		t.Errorf("the address is %s", got)
	}
	login(t, s, via("198.51.100.8"), "juliet").Quiet()
	if !refused(t, via("198.51.100.7")) {
		t.Error("a second connection of the same client was served")
	}
	if !refused(t, connect(t, addr)) {
		t.Error("a connection of the proxy without a header was served")
	}
}

// TestNoProxy has somebody send a PROXY header who is no proxy.
func TestNoProxy(t *testing.T) {
	_, addr := onPort(t, "c2s_proxy_protocol_from = { \"192.0.2.1\", \"2001:db8::/32\" }\n")
	c := coretest.NewClient(t, connect(t, addr), coretest.Domain)
	c.Send("PROXY TCP4 198.51.100.7 192.0.2.1 40000 5222\r\n" + header)
	wantEnd(t, c, "not-well-formed")
}

// TestProxyOption has what is no address.
func TestProxyOption(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	s.Write(config + "c2s_proxy_protocol_from = { \"the proxy\" }\n")
	if _, err := s.Reload(t.Context()); err == nil {
		t.Error("accepted")
	}
}

// TestCloseTimeout waits for a client to hang up, or does not.
func TestCloseTimeout(t *testing.T) {
	for option, least := range map[string]time.Duration{"0": 0, "1": 900 * time.Millisecond} {
		s, addr := onPort(t, "c2s_close_timeout = "+option+"\n")
		c := coretest.NewClient(t, connect(t, addr), coretest.Domain)
		c.Open()
		began := time.Now()
		c.Send("</stream:stream>")
		coretest.Eventually(t, "the stream has ended", func() bool { return s.Env.Streams.Len() == 0 })
		if took := time.Since(began); took < least || took > least+time.Second {
			t.Errorf("c2s_close_timeout = %s: took %v", option, took)
		}
	}
}

// TestTCPKeepAlive looks at the kernel's timer of the server's socket: probes
// come after the system's time, and not so often that they keep phones awake.
func TestTCPKeepAlive(t *testing.T) {
	for option, want := range map[string]string{"true": "02", "false": "00"} {
		_, addr := onPort(t, "c2s_tcp_keepalives = "+option+"\n")
		conn := connect(t, addr)
		coretest.NewClient(t, conn, coretest.Domain).Open()
		local, remote := hexAddr(t, addr), hexAddr(t, conn.LocalAddr().String())
		coretest.Eventually(t, "timer "+want, func() bool {
			table, err := os.ReadFile("/proc/net/tcp")
			if err != nil {
				t.Skip(err)
			}
			for line := range strings.Lines(string(table)) {
				if f := strings.Fields(line); len(f) > 5 && f[1] == local && f[2] == remote {
					kind, left, _ := strings.Cut(f[5], ":")
					ticks, err := strconv.ParseInt(left, 16, 64)
					return kind == want && err == nil && (kind == "00" || ticks > 60*100)
				}
			}
			return false
		})
	}
}

func hexAddr(t *testing.T, addr string) string {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	ip := a.IP.To4()
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], a.Port)
}

// TestInterfaces moves the port to another address by a reload; the streams of
// the old one stay.
func TestInterfaces(t *testing.T) {
	port := freePort(t)
	on := func(ip string) string {
		return fmt.Sprintf("%sc2s_ports = { %d }\nc2s_interfaces = { %q }\n", config, port, ip)
	}
	s := coretest.New(t, on("127.0.0.1"), modules.All...)
	c := login(t, s, connect(t, fmt.Sprintf("127.0.0.1:%d", port)), "romeo")
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.2:%d", port)); err == nil {
		t.Error("listens on 127.0.0.2")
	}
	s.Reconfigure(on("127.0.0.2"))
	login(t, s, connect(t, fmt.Sprintf("127.0.0.2:%d", port)), "juliet")
	coretest.Eventually(t, "127.0.0.1 is closed", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close() // too early
		}
		return err != nil
	})
	c.Quiet()
}

// TestDisabledOnHost lets nobody in where the module is disabled; a reload
// that disables it, or removes the host, ends its streams.
func TestDisabledOnHost(t *testing.T) {
	both := "VirtualHost \"example.org\"\nVirtualHost \"example.com\"\n"
	s := coretest.New(t, config+both+"  modules_disabled = { \"c2s\" }\n", modules.All...)
	c := coretest.NewClient(t, s.Dial("c2s"), "example.com")
	c.Send(strings.Replace(header, "example.org", "example.com", 1))
	wantEnd(t, c, "host-unknown")
	s.Reconfigure(config + both)
	s.AddUser("example.com", "romeo", "secret")
	c = coretest.NewClient(t, s.Dial("c2s"), "example.com")
	c.Plain("romeo", "secret")
	c.Bind("home")
	other := s.Login("juliet", "balcony")
	s.Reconfigure(config + "VirtualHost \"example.org\"\n")
	wantEnd(t, c, "host-gone")
	other.Quiet()
}

// TestOtherHost restarts a stream for another host than it began with.
func TestOtherHost(t *testing.T) {
	s := coretest.New(t, config+"VirtualHost \"example.org\"\nVirtualHost \"example.com\"\n", modules.All...)
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	c := stranger(t, s)
	c.Open()
	c.Send(plain("romeo"))
	if e := c.Next(); e.Local() != "success" {
		t.Fatalf("got %s", e)
	}
	c.Send(strings.Replace(header, "example.org", "example.com", 1))
	wantEnd(t, c, "host-unknown")
}

// TestShutdown tells the clients.
func TestShutdown(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	c := s.Login("romeo", "orchard")
	s.Stop("the test wants it")
	wantEnd(t, c, "system-shutdown")
}

// TestPipelined sends a whole session at once, cut at each byte: what stands
// behind a restart belongs to the next stream.
func TestPipelined(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	all := header + plain("romeo") + "<?xml version='1.0'?>" + header +
		"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>" +
		"<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq></stream:stream>"
	for _, step := range []int{len(all), 1, 7, len(header) + len(plain("romeo"))} {
		c := stranger(t, s)
		for at := 0; at < len(all); at += step {
			c.Send(all[at:min(at+step, len(all))])
		}
		var got []string
		for {
			e, err := c.Try(10 * time.Second)
			if err != nil {
				break
			}
			got = append(got, e.Local()+e.Attr("id"))
		}
		if want := "features success features iqbind iqping"; strings.Join(got, " ") != want {
			t.Errorf("in steps of %d: got %q, want %q", step, got, want)
		}
	}
}

// TestWhitespace ignores white space between elements.
func TestWhitespace(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	c := stranger(t, s)
	c.Send(" \r\n\t")
	c.Open()
	c.Send("\n \n")
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	c.Send(plain("romeo") + "\n")
	if e := c.Next(); e.Local() != "success" {
		t.Fatalf("got %s", e)
	}
	if e := c.Open(); !e.Is(element.NSStream, "features") {
		t.Fatalf("got %s", e)
	}
	c.Bind("home")
	c.Send(strings.Repeat(" ", 100_000))
	c.Quiet()
}
