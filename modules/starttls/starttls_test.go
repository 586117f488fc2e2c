// SPDX-License-Identifier: Apache-2.0

package starttls_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
)

const (
	ns     = "urn:ietf:params:xml:ns:xmpp-tls"
	header = "<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)

// server has a port on loopback, a certificate, and more config.
func server(t *testing.T, more string) (s *coretest.Server, addr string, trusted *x509.CertPool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	_ = l.Close() // it only found a port
	dir, trusted := coretest.Certificates(t, coretest.Domain)
	_, port, _ := net.SplitHostPort(addr)
	s = coretest.New(t, fmt.Sprintf("modules_enabled = { \"starttls\", \"saslauth\", \"ping\" }\ncertificates = %q\n"+
		"c2s_close_timeout = 0\nc2s_ports = { %s }\nc2s_interfaces = { \"127.0.0.1\" }\nc2s_require_encryption = true\n%s", dir, port, more), modules.All...)
	return s, addr, trusted
}

func dial(t *testing.T, addr string) *coretest.Client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return coretest.NewClient(t, conn, coretest.Domain)
}

func features(e element.Element) string {
	var names []string
	for f := range e.Children() {
		names = append(names, f.Local())
	}
	return strings.Join(names, " ")
}

// encrypt takes a stream to TLS.
func encrypt(t *testing.T, c *coretest.Client, trusted *x509.CertPool) {
	t.Helper()
	c.Send("<starttls xmlns='" + ns + "'/>")
	if e := c.Next(); !e.Is(ns, "proceed") {
		t.Fatalf("got %s", e)
	}
	conn := tls.Client(c.Conn, &tls.Config{ServerName: coretest.Domain, RootCAs: trusted, MinVersion: tls.VersionTLS12})
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Wrap(conn)
}

// TestRequired goes from the only feature to a bound resource.
func TestRequired(t *testing.T) {
	s, addr, trusted := server(t, "")
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	c := dial(t, addr)
	f := c.Open()
	if got := features(f); got != "starttls" || f.First().Child(ns, "required").IsZero() {
		t.Errorf("features: %s", f)
	}
	encrypt(t, c, trusted)
	if got := features(c.Plain("romeo", coretest.Password("romeo"))); strings.Contains(got, "starttls") {
		t.Errorf("features over TLS: %s", got)
	}
	c.Bind("orchard")
	c.Quiet()
}

// TestNoPasswordInClear logs in before TLS where TLS is required.
func TestNoPasswordInClear(t *testing.T) {
	s, addr, _ := server(t, "")
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	c := dial(t, addr)
	c.Open()
	c.Send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHNlY3JldCBvZiByb21lbw==</auth>")
	e := c.Next()
	if e.Is("urn:ietf:params:xml:ns:xmpp-sasl", "success") {
		t.Fatal("logged in without TLS")
	}
}

// TestOptional offers STARTTLS beside SASL, and after a reload demands it; the
// stream that is there stays.
func TestOptional(t *testing.T) {
	s, addr, _ := server(t, "\nVirtualHost \"example.org\"\n  c2s_require_encryption = false\n  insecure_sasl_mechanisms = {}\n")
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	c := dial(t, addr)
	f := c.Open()
	if got := features(f); got == "starttls" || !strings.HasPrefix(got, "starttls ") || !f.First().Child(ns, "required").IsZero() {
		t.Errorf("features: %s", f)
	}
	if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "starttls"); err != nil {
		t.Fatal(err)
	}
	c.Send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHNlY3JldCBvZiByb21lbw==</auth>")
	if e := c.Next(); e.Local() != "success" {
		t.Errorf("got %s", e)
	}
}

// TestNoCertificate offers nothing where nothing can be encrypted.
func TestNoCertificate(t *testing.T) {
	s := coretest.New(t, "modules_enabled = { \"starttls\" }\nc2s_require_encryption = true\nVirtualHost \"bare.example\"\n  ssl = { certificate = \"/nowhere.crt\", key = \"/nowhere.key\" }\n", modules.All...)
	c := coretest.NewClient(t, s.Dial("c2s"), "bare.example")
	if f := c.Open(); !f.First().IsZero() {
		t.Errorf("features: %s", f)
	}
	c.Send("<starttls xmlns='" + ns + "'/>")
	if e := c.Next(); !e.Is(ns, "failure") {
		t.Errorf("got %s", e)
	}
	c.Ended()
}

// TestSecond asks for TLS within TLS, and again.
func TestSecond(t *testing.T) {
	_, addr, trusted := server(t, "")
	c := dial(t, addr)
	c.Open()
	encrypt(t, c, trusted)
	c.Open()
	c.Send("<starttls xmlns='" + ns + "'/>")
	if e := c.Next(); !e.Is(ns, "failure") {
		t.Errorf("got %s", e)
	}
	c.Ended()
}

// TestInjection puts bytes in clear behind the request, as somebody in between
// would: nothing of them is read, neither in clear nor after the handshake.
func TestInjection(t *testing.T) {
	const evil = header + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHNlY3JldCBvZiByb21lbw==</auth>"
	for name, later := range map[string]bool{"in the same segment": false, "in a later segment": true} {
		t.Run(name, func(t *testing.T) {
			s, addr, _ := server(t, "")
			s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			send := func(text string) {
				if _, err := io.WriteString(conn, text); err != nil {
					t.Fatal(err)
				}
			}
			request := "<starttls xmlns='" + ns + "'/>"
			send(header)
			head := until(t, conn, "</stream:features>")
			if later {
				send(request)
				until(t, conn, "<proceed")
				send(evil)
			} else {
				send(request + evil)
			}
			rest, _ := io.ReadAll(conn) // a reset is an end, too
			if bytes.Contains(rest, []byte("stream:")) || bytes.Contains(rest, []byte("success")) {
				t.Errorf("after %s came %s", head, rest)
			}
			coretest.Eventually(t, "the stream has ended", func() bool { return s.Env.Streams.Len() == 0 })
		})
	}
}

func until(t *testing.T, r io.Reader, mark string) string {
	t.Helper()
	var got []byte
	for one := make([]byte, 1); !bytes.Contains(got, []byte(mark)); got = append(got, one[0]) {
		if _, err := io.ReadFull(r, one); err != nil {
			t.Fatalf("%v after %s", err, got)
		}
	}
	return string(got)
}

// TestTruncated cuts the connection below TLS, without close_notify: the
// stream ends, and its session.
func TestTruncated(t *testing.T) {
	s, addr, trusted := server(t, "")
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	c := dial(t, addr)
	raw := c.Conn
	c.Open()
	encrypt(t, c, trusted)
	c.Plain("romeo", coretest.Password("romeo"))
	c.Bind("orchard")
	_ = raw.Close() // that is what is tested
	coretest.Eventually(t, "the session has ended", func() bool { return s.Host(coretest.Domain).Sessions.Len() == 0 })
}

// TestHandshakeTimeout never begins the handshake.
func TestHandshakeTimeout(t *testing.T) {
	s, addr, _ := server(t, "c2s_timeout = 1\n")
	c := dial(t, addr)
	c.Open()
	c.Send("<starttls xmlns='" + ns + "'/>")
	c.Next()
	coretest.Eventually(t, "the stream has ended", func() bool { return s.Env.Streams.Len() == 0 })
}
