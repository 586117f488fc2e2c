// SPDX-License-Identifier: Apache-2.0

package c2s_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// direct is a server with a direct TLS port and two hosts.
func direct(t *testing.T) (s *coretest.Server, addr string, trusted *x509.CertPool) {
	t.Helper()
	dir, trusted := coretest.Certificates(t, "example.org", "example.com")
	port := freePort(t)
	s = coretest.New(t, fmt.Sprintf("%scertificates = %q\nc2s_direct_tls_ports = { %d }\nc2s_direct_tls_interfaces = { \"127.0.0.1\" }\nc2s_close_timeout = 0\n"+
		"c2s_require_encryption = true\nVirtualHost \"example.org\"\nVirtualHost \"example.com\"\n", config, dir, port), modules.All...)
	return s, fmt.Sprintf("127.0.0.1:%d", port), trusted
}

// TestDirectTLS logs in with and without ALPN and SNI (XEP-0368): SNI picks
// the certificate, and there is no STARTTLS any more.
func TestDirectTLS(t *testing.T) {
	s, addr, trusted := direct(t)
	cases := []struct {
		name, host string
		alpn       []string
		want       string
	}{
		{"ALPN and SNI", "example.org", []string{"xmpp-client"}, "xmpp-client"},
		{"the other host", "example.com", []string{"h2", "xmpp-client"}, "xmpp-client"},
		{"no ALPN", "example.org", nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s.AddUser(c.host, "romeo", "secret")
			conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: c.host, RootCAs: trusted, NextProtos: c.alpn, MinVersion: tls.VersionTLS12})
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().NegotiatedProtocol; got != c.want {
				t.Errorf("ALPN: got %q, want %q", got, c.want)
			}
			cl := coretest.NewClient(t, conn, c.host)
			if f := cl.Open(); !strings.Contains(f.String(), "mechanisms") || strings.Contains(f.String(), "starttls") {
				t.Errorf("features: %s", f)
			}
			_ = cl.Conn.Close() // that was one stream
			conn, err = tls.Dial("tcp", addr, &tls.Config{ServerName: c.host, RootCAs: trusted, MinVersion: tls.VersionTLS13})
			if err != nil {
				t.Fatal(err)
			}
			cl = coretest.NewClient(t, conn, c.host)
			cl.Plain("romeo", "secret")
			cl.Bind("home")
			cl.Quiet()
		})
	}
}

// TestDirectRefused has clients that speak something else there: another
// protocol by ALPN, or no TLS at all.
func TestDirectRefused(t *testing.T) {
	s, addr, trusted := direct(t)
	if _, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "example.org", RootCAs: trusted, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}); err == nil {
		t.Error("h2 was accepted")
	}
	conn := connect(t, addr)
	if !refused(t, conn) {
		t.Error("a stream in clear was served")
	}
	coretest.Eventually(t, "the streams have ended", func() bool { return s.Env.Streams.Len() == 0 })
}

// TestDirectCut closes the connection below TLS, in the handshake and after it.
func TestDirectCut(t *testing.T) {
	s, addr, trusted := direct(t)
	s.AddUser("example.org", "romeo", "secret")
	half := connect(t, addr)
	_, _ = half.Write([]byte{22, 3, 1, 2, 0, 1, 0}) // the begin of a ClientHello
	_ = half.Close()                                // that is what is tested
	raw := connect(t, addr)
	conn := tls.Client(raw, &tls.Config{ServerName: "example.org", RootCAs: trusted, MinVersion: tls.VersionTLS12})
	cl := coretest.NewClient(t, conn, "example.org")
	cl.Plain("romeo", "secret")
	cl.Bind("home")
	_ = raw.(*net.TCPConn).SetLinger(0)
	_ = raw.Close() // without close_notify
	coretest.Eventually(t, "the streams have ended", func() bool {
		return s.Env.Streams.Len() == 0 && s.Host("example.org").Sessions.Len() == 0
	})
}
