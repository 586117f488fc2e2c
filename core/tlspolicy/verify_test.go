// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// S129: each way to verify with a good, a self-signed, another authority's, an
// expired, a wrong-purpose and no certificate, over TLS 1.2 and 1.3.
func TestClientCertificates(t *testing.T) {
	ca, other := newAuthority(t, "Clients"), newAuthority(t, "Others")
	clients := []struct {
		name string
		cert []tls.Certificate
	}{
		{"good", []tls.Certificate{ca.issue(nil).pair()}},
		{"self-signed", []tls.Certificate{ca.issue(nil, selfSigned).pair()}},
		{"other", []tls.Certificate{other.issue(nil).pair()}},
		{"expired", []tls.Certificate{ca.issue(nil, dates(-2*time.Hour, -time.Hour)).pair()}},
		{"for servers", []tls.Certificate{ca.issue(nil, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}).pair()}},
		{"none", nil},
	}
	tests := []struct {
		name      string
		verify    any
		verifyext any
		want      string // names of those who come in
	}{
		{"none", "none", nil, "good self-signed other expired for servers none"},
		{"peer", "peer", nil, "good none"},
		{"required", []any{"peer", "fail_if_no_peer_cert"}, nil, "good"},
		{"self-signed too", []any{"selfsigned_peer", "client_once"}, nil, "good self-signed none"},
		{"any purpose", []any{"peer"}, []any{"lsec_ignore_purpose"}, "good for servers none"},
		{"judged later", []any{"peer"}, []any{"lsec_continue"}, "good self-signed other expired for servers none"},
		{"judged later, required", []any{"peer", "fail_if_no_peer_cert"}, lua{"lsec_continue": true}, "good self-signed other expired for servers"},
	}
	for _, tt := range tests {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%x", tt.name, version), func(t *testing.T) {
				s := withCertificate(t, org)
				s.write("ca.pem", pemOf("CERTIFICATE", ca.cert.Raw))
				table := lua{"verify": tt.verify, "cafile": "ca.pem"}
				if tt.verifyext != nil {
					table["verifyext"] = tt.verifyext
				}
				s.set("", "c2s_ssl", table)
				cfg := server(t, s.mustLoad(), org, "c2s")
				var got []string
				for _, c := range clients {
					client := &tls.Config{MaxVersion: version}
					client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
						if c.cert == nil {
							return &tls.Certificate{}, nil
						}
						return &c.cert[0], nil // also if the server's hint says otherwise
					}
					_, clientErr, serverErr := shake(t, cfg, client)
					if (clientErr == nil) != (serverErr == nil) {
						t.Errorf("%s: client %v, server %v", c.name, clientErr, serverErr)
					}
					if serverErr == nil {
						got = append(got, c.name)
					}
				}
				if strings.Join(got, " ") != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
	}
}

func TestRevocation(t *testing.T) {
	ca, other := newAuthority(t, "Clients"), newAuthority(t, "Clients") // of the same name
	good, bad := ca.issue(nil), ca.issue(nil)
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	tests := []struct {
		name   string
		list   []byte
		warn   bool
		accept string
	}{
		{"DER", ca.crl(later, bad), false, "good"},
		{"PEM", append([]byte("comment\n"), pemOf("X509 CRL", ca.crl(later, bad))...), false, "good"},
		{"nobody", ca.crl(later), false, "good bad"},
		{"signed by another", other.crl(later, good, bad), false, "good bad"},
		{"over", ca.crl(before, bad), false, ""},
		{"over, but that is fine", ca.crl(before, bad), true, "good"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := withCertificate(t, org)
			s.write("ca.pem", pemOf("CERTIFICATE", ca.cert.Raw))
			s.write("list", tt.list)
			table := lua{"verify": []any{"peer", "fail_if_no_peer_cert"}, "cafile": "ca.pem", "capath": "", "crlfile": "list"}
			if tt.warn {
				table["crl_expired"] = "warn"
			}
			s.set("", "c2s_ssl", table)
			p := s.mustLoad()
			accept := func() string {
				var names []string
				for name, c := range map[string]issued{"good": good, "bad": bad} {
					if p.VerifyChain(org, "c2s", []*x509.Certificate{c.cert}, x509.ExtKeyUsageClientAuth) == nil {
						names = append([]string{name}, names...)
					}
				}
				if len(names) == 2 {
					return "good bad"
				}
				return strings.Join(names, " ")
			}
			if got := accept(); got != tt.accept {
				t.Errorf("got %q, want %q", got, tt.accept)
			}
			if tt.name != "DER" {
				return
			}
			_, _, err := shake(t, server(t, p, org, "c2s"), &tls.Config{Certificates: []tls.Certificate{bad.pair()}})
			if err == nil || !strings.Contains(err.Error(), "revoked on") {
				t.Errorf("handshake: %v", err)
			}
			s.write("list", ca.crl(later, good))
			if _, problems := p.Reload(); len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
			if got := accept(); got != "bad" {
				t.Errorf("after the list was replaced: got %q", got)
			}
		})
	}
	s := withCertificate(t, org)
	s.write("list", []byte("hello"))
	s.set("", "ssl", lua{"crlfile": []any{"list", "absent"}})
	if _, got := s.load(); !strings.Contains(got, "crlfile: read list: ") || !strings.Contains(got, "crlfile: stat absent: ") {
		t.Errorf("problems: %s", got)
	}
}

func TestChains(t *testing.T) {
	root := newAuthority(t, "Root")
	one := root.sub("One")
	two := one.sub("Two")
	leaf := two.issue(nil)
	chain := []*x509.Certificate{leaf.cert, one.cert, two.cert} // in any order
	revoked := newAuthority(t, "X")
	tests := []struct {
		name  string
		table lua
		certs []*x509.Certificate
		err   string
	}{
		{"whole", nil, chain, ""},
		{"hole", nil, chain[:2], "unknown authority"},
		{"nothing", nil, nil, "no certificate was sent"},
		{"as deep as allowed", lua{"depth": 2}, chain, ""},
		{"too deep", lua{"depth": 1}, chain, "2 certificates in between, 1 are allowed"},
		{"list of the authority in between", lua{"crlfile": "one"}, chain, "revoked on"},
		{"list of somebody", lua{"crlfile": "x"}, chain, ""},
		{"another authority", lua{"cafile": "x.pem"}, chain, "unknown authority"},
		{"folder", lua{"cafile": "", "capath": "cas"}, chain, ""},
		{"no folder", lua{"cafile": "", "capath": ""}, chain, "unknown authority"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := withCertificate(t, org)
			s.write("root.pem", pemOf("CERTIFICATE", root.cert.Raw))
			s.write("cas/5ed36f99.0", pemOf("CERTIFICATE", root.cert.Raw))
			s.write("cas/README", []byte("hello"))
			s.write("x.pem", pemOf("CERTIFICATE", revoked.cert.Raw))
			s.write("one", one.crl(time.Now().Add(time.Hour), issued{cert: two.cert}))
			s.write("x", revoked.crl(time.Now().Add(-time.Hour)))
			table := lua{"cafile": "root.pem"}
			maps.Copy(table, tt.table)
			s.set("", "s2s_ssl", table)
			err := s.mustLoad().VerifyChain(org, "s2s", tt.certs, x509.ExtKeyUsageServerAuth)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
}

func TestClient(t *testing.T) {
	s := withCertificate(t, org)
	own := s.ca.issue([]string{org}, dates(-time.Hour, 950*time.Hour))
	s.put("certs/own", own)
	s.write("ca.pem", pemOf("CERTIFICATE", s.ca.cert.Raw))
	s.set("", "s2s_ssl", lua{"protocol": "tlsv1_3"})
	s.set("", "client_https_ssl", lua{"cafile": "ca.pem"})
	p := s.mustLoad()
	s2s, err := p.Client(org, "s2s")
	if err != nil || !s2s.InsecureSkipVerify || s2s.MinVersion != tls.VersionTLS13 || !s2s.SessionTicketsDisabled {
		t.Fatalf("s2s: got %+v, %v", s2s, err)
	}
	var seen []*x509.Certificate
	peer := &tls.Config{
		Certificates: []tls.Certificate{s.ca.issue([]string{"peer.example"}).pair()}, ClientAuth: tls.RequestClientCert,
		VerifyConnection: func(st tls.ConnectionState) error { seen = st.PeerCertificates; return nil },
	}
	if _, err, serverErr := shake(t, peer, s2s); err != nil || serverErr != nil || len(seen) == 0 || !own.is(seen[0]) {
		t.Errorf("s2s: %v, %v, shown %v", err, serverErr, seen)
	}
	https, err := p.Client("", "client_https")
	if err != nil || https.InsecureSkipVerify || https.RootCAs == nil || https.MinVersion != tls.VersionTLS12 {
		t.Fatalf("https: got %+v, %v", https, err)
	}
	for name, want := range map[string]bool{"peer.example": true, "other.example": false} {
		if err := dialTLS(t, peer, https, name); (err == nil) != want {
			t.Errorf("https to %s: %v", name, err)
		}
	}
	s.set("", "client_https_ssl", lua{"verify": "none"})
	if https, err := s.mustLoad().Client("", "client_https"); err != nil || !https.InsecureSkipVerify {
		t.Errorf("https without verifying: %v", err)
	}
	if _, err := p.Client("other.example", "s2s"); err == nil {
		t.Error("no error for a host that is not ours")
	}
	// Without a certificate a host is a client like others.
	bare, err := newSite(t, org).mustLoad().Client(org, "s2s")
	if err != nil {
		t.Fatal(err)
	}
	if _, err, serverErr := shake(t, peer, bare); err != nil || serverErr != nil || len(seen) != 0 {
		t.Errorf("without a certificate: %v, %v, shown %v", err, serverErr, seen)
	}
}

// dialTLS is shake with the client's own judgement.
func dialTLS(t *testing.T, serve, client *tls.Config, name string) error {
	t.Helper()
	client = client.Clone()
	client.ServerName = name
	ln, err := tls.Listen("tcp", "127.0.0.1:0", serve)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	c, err := tls.Dial("tcp", ln.Addr().String(), client)
	if err == nil {
		_ = c.Close()
	}
	return err
}
