// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Prosody's order of discovery: what a host gets from the files that are there.
func TestDiscovery(t *testing.T) {
	const host = "chat.example.org"
	type put struct {
		path  string // a .crt beside its .key, else one PEM file with the key beside or within
		names []string
	}
	tests := []struct {
		name    string
		host    string
		put     []put // the first one is wanted
		options lua
		none    bool
	}{
		{"by its name in the folder", host, []put{{"certs/whatever.crt", []string{host}}, {"certs/chat.example.org.crt", []string{"x"}}}, nil, false},
		{"deep in the folder", host, []put{{"certs/a/b/x.crt", []string{host}}}, nil, false},
		{"too deep", host, []put{{"certs/a/b/c/x.crt", []string{host}}}, nil, true},
		{"dot folders are skipped", host, []put{{"certs/.old/x.crt", []string{host}}}, nil, true},
		{"as Let's Encrypt writes it", host, []put{{"certs/live/fullchain.pem", []string{"a", host}}}, nil, false},
		{"by a wildcard", host, []put{{"certs/w.crt", []string{"*.example.org"}}}, nil, false},
		{"its name goes before a wildcard", host, []put{{"certs/z.crt", []string{host}}, {"certs/a.crt", []string{"*.example.org"}}}, nil, false},
		{"a wildcard is for one label", "a.b.example.com", []put{{"certs/w.crt", []string{"*.example.com"}}, {"certs/v.crt", []string{"*.com"}}}, nil, false},
		{"a wildcard goes before a file", host, []put{{"certs/w.crt", []string{"*.example.org"}}, {"certs/chat.example.org.pem", []string{host}}}, nil, false},
		{"H.crt", host, []put{{"certs/chat.example.org.crt", []string{"wrong"}}}, nil, false},
		{"H/fullchain.pem", host, []put{{"certs/chat.example.org/fullchain.pem", []string{"wrong"}}}, nil, false},
		{"H.pem with the key in it", host, []put{{"certs/chat.example.org.pem", []string{host}}}, nil, false},
		{"H.crt goes before H.pem", host, []put{{"certs/chat.example.org.crt", []string{"wrong"}}, {"certs/chat.example.org.pem", []string{host}}}, nil, false},
		{"of the domain above", host, []put{{"certs/x.crt", []string{"example.org"}}}, nil, false},
		{"of the domain above, by its file", host, []put{{"certs/example.org.pem", []string{"x"}}}, nil, false},
		{"another folder", host, []put{{"tls/x.crt", []string{host}}, {"certs/x.crt", []string{host}}}, lua{"certificates": "tls"}, false},
		{"certificate is a file", host, []put{{"mine/a.pem", []string{host}}}, lua{"certificate": "mine/a.pem"}, false},
		{"certificate is a .crt", host, []put{{"mine/a.crt", []string{host}}}, lua{"certificate": "mine/a.crt"}, false},
		{"certificate is a folder", host, []put{{"mine/chat.example.org.pem", []string{host}}}, lua{"certificate": "mine"}, false},
		{"the folder of all goes before certificate", host, []put{{"certs/x.crt", []string{host}}, {"mine/a.pem", []string{host}}}, lua{"certificate": "mine/a.pem"}, false},
		{"certificate takes the place of the folder for files", host, []put{{"certs/chat.example.org.pem", []string{host}}}, lua{"certificate": "mine"}, true},
		{"data path", host, []put{{"data/chat.example.org.crt", []string{host}}}, nil, false},
		{"an IDN host", "bücher.example", []put{{"certs/x.crt", []string{"xn--bcher-kva.example"}}}, nil, false},
		{"an IDN host by file", "bücher.example", []put{{"certs/xn--bcher-kva.example.pem", []string{"x"}}}, nil, false},
		{"names in capitals", host, []put{{"certs/x.crt", []string{"Chat.Example.ORG"}}}, nil, false},
		{"not for others", host, []put{{"certs/x.crt", []string{"example.net", "xchat.example.org"}}}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, tt.host)
			for name, v := range tt.options {
				s.set("", name, v)
			}
			var want *x509.Certificate
			for i, x := range tt.put {
				c := s.ca.issue(x.names)
				if i == 0 {
					want = c.cert
				}
				switch {
				case strings.HasSuffix(x.path, ".crt"):
					s.put(strings.TrimSuffix(x.path, ".crt"), c)
				case strings.HasSuffix(x.path, "fullchain.pem"):
					s.write(x.path, c.chain)
					s.write(strings.Replace(x.path, "fullchain", "privkey", 1), c.pem)
				default:
					s.write(x.path, c.chain, c.pem)
				}
			}
			p, _ := s.load()
			cfg := server(t, p, tt.host, "c2s")
			if tt.none || cfg == nil {
				if (cfg == nil) != tt.none {
					t.Fatalf("certificate: got %v, want none: %v", p.Certificates(), tt.none)
				}
				return
			}
			if got := shown(t, cfg, "ignored.example"); !got.Equal(want) {
				t.Errorf("got %v", got.DNSNames)
			}
		})
	}
}

func TestIndexTakesOnlyWhatIsUsable(t *testing.T) {
	const host = "example.org"
	s := newSite(t, host)
	s.put("certs/expired", s.ca.issue([]string{host}, dates(-2*time.Hour, -time.Hour)))
	s.put("certs/future", s.ca.issue([]string{host}, dates(time.Hour, 2*time.Hour)))
	s.write("certs/nokey.crt", s.ca.issue([]string{host}).chain)
	good := s.ca.issue([]string{host})
	s.write("certs/otherkey.crt", good.chain)
	s.write("certs/otherkey.key", s.ca.issue([]string{host}).pem)
	s.write("certs/text.crt", []byte("hello"), good.chain)
	s.write("certs/text.key", good.pem)
	s.write("certs/half.crt", good.chain[:200])
	s.write("certs/half.key", good.pem)
	s.write("certs/whole.pem", good.chain, good.pem) // not called .crt
	if cfg := server(t, s.mustLoad(), host, "c2s"); cfg != nil {
		t.Error("something unusable was used")
	}
	short, long := s.ca.issue([]string{host}, dates(-time.Hour, 500*time.Hour)), s.ca.issue([]string{host}, dates(-time.Hour, 800*time.Hour))
	s.put("certs/a", short)
	s.put("certs/b", long)
	if got := shown(t, server(t, s.mustLoad(), host, "c2s"), ""); !long.is(got) {
		t.Error("not the one that lasts longest")
	}
}

func TestNamesOfServices(t *testing.T) {
	s := newSite(t, "example.org")
	client := s.ca.issue(nil, otherNames(nil, []string{"_xmpp-client.example.org"}))
	peer := s.ca.issue(nil, otherNames([]string{"user@example.org"}, []string{"_xmpp-server.example.org"}))
	s.put("certs/client", client)
	s.put("certs/peer", peer)
	p := s.mustLoad()
	if !client.is(shown(t, server(t, p, "example.org", "c2s"), "")) || !peer.is(shown(t, server(t, p, "example.org", "s2s"), "")) {
		t.Error("SRV names were not told apart")
	}
	if cfg := server(t, p, "example.org", "https"); cfg != nil {
		t.Error("SRV names of XMPP used for https")
	}
	other := newSite(t, "bücher.example")
	addr := other.ca.issue(nil, otherNames([]string{"bücher.example"}, nil))
	other.put("certs/x", addr)
	if !addr.is(shown(t, server(t, other.mustLoad(), "bücher.example", "c2s"), "")) {
		t.Error("xmppAddr was not found")
	}
}

func TestNoHost(t *testing.T) {
	s := newSite(t, "example.org", "off.example")
	s.set("off.example", "enabled", false)
	s.put("certs/a", s.ca.issue([]string{"example.org", "off.example"}))
	p := s.mustLoad()
	for _, host := range []string{"off.example", "other.example", ""} {
		if cfg, err := p.Server(host, "c2s"); err == nil || cfg != nil {
			t.Errorf("%q: got %v, %v", host, cfg, err)
		}
	}
	if _, err := newSite(t, "example.org").mustLoad().Direct("https"); err == nil || err.Error() != "TLS for https: no certificate" {
		t.Errorf("direct TLS without a certificate: %v", err)
	}
}

func TestProblemsOfCertificates(t *testing.T) {
	tests := []struct {
		name string
		make func(s *site)
		want string
	}{
		{"expired", func(s *site) {
			s.put("certs/example.org", s.ca.issue([]string{"example.org"}, dates(-2*time.Hour, -time.Hour)))
		}, "warning: cfg:100: example.org: the certificate certs/example.org.crt ended on "},
		{"not yet", func(s *site) {
			s.put("certs/example.org", s.ca.issue([]string{"example.org"}, dates(time.Hour, 900*time.Hour)))
		}, "warning: cfg:100: example.org: the certificate certs/example.org.crt begins on "},
		{"soon over", func(s *site) {
			s.put("certs/example.org", s.ca.issue([]string{"example.org"}, dates(-time.Hour, 24*time.Hour)))
		}, "warning: cfg:100: example.org: the certificate certs/example.org.crt ends on "},
		{
			"another name", func(s *site) { s.put("certs/example.org", s.ca.issue([]string{"example.net"})) },
			"warning: cfg:100: example.org: the certificate certs/example.org.crt has no such name",
		},
		{"open key", func(s *site) {
			s.put("certs/a", s.ca.issue([]string{"example.org"}))
			_ = os.Chmod(filepath.Join(s.dir, "certs/a.key"), 0o644)
		}, "warning: cfg:100: example.org: everybody on this machine may read the key certs/a.key"},
		{"key of another", func(s *site) {
			s.put("certs/example.org", s.ca.issue([]string{"example.org"}))
			s.write("certs/example.org.key", s.ca.issue(nil).pem)
		}, "warning: tercet.cfg.lua: certificate for example.org: read certs/example.org.crt: tls: private key does not match public key"},
		{
			"explicit and absent", func(s *site) { s.set("", "ssl", lua{"certificate": "no.pem", "key": "no.key"}) },
			"warning: tercet.cfg.lua: ssl: stat no.pem: no such file or directory",
		},
		{"PKCS #8 encryption", func(s *site) {
			s.write("certs/example.org.pem", s.ca.issue([]string{"example.org"}).chain, pemOf("ENCRYPTED PRIVATE KEY", []byte{1}))
		}, "warning: tercet.cfg.lua: certificate for example.org: read certs/example.org.pem: the key is encrypted as PKCS #8; write it as \"openssl pkey -in KEY -out NEWKEY\" does"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, "example.org")
			tt.make(s)
			_, got := s.load()
			lines := strings.Split(got, "\n")
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, tt.want) }) || len(lines) != 1 {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestExplicitCertificate(t *testing.T) {
	s := newSite(t, "example.org", "example.net")
	found, all, org, s2s := s.ca.issue([]string{"example.org"}), s.ca.issue([]string{"x"}), s.ca.issue([]string{"y"}), s.ca.issue([]string{"z"})
	s.put("certs/found", found)
	s.put("tls/all", all)
	s.write("tls/org.pem", org.chain, org.pem)
	s.write("tls/s2s-cert.pem", s2s.chain)
	s.write("tls/s2s-key.pem", s2s.pem)
	s.set("", "ssl", lua{"certificate": "tls/all.crt", "key": "tls/all.key"})
	s.set("example.org", "ssl", lua{"certificate": filepath.Join(s.dir, "tls/org.pem")})
	s.set("example.org", "s2s_ssl", lua{"certificate": "tls/s2s-cert.pem", "key": "tls/s2s-key.pem"})
	p, _ := s.load()
	for _, tt := range []struct {
		host, service string
		want          issued
	}{{"example.org", "c2s", org}, {"example.org", "s2s", s2s}, {"example.net", "c2s", all}, {"example.net", "s2s", all}} {
		if got := shown(t, server(t, p, tt.host, tt.service), ""); !tt.want.is(got) {
			t.Errorf("%s %s: got %v, want %v", tt.host, tt.service, got.DNSNames, tt.want.cert.DNSNames)
		}
	}
}
