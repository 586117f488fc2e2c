// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tercet/core/tlspolicy"
)

// host is the only one of most tests.
const org = "example.org"

// withCertificate is a site with a certificate for all its hosts.
func withCertificate(t *testing.T, hosts ...string) *site {
	t.Helper()
	s := newSite(t, hosts...)
	s.put("certs/a", s.ca.issue(hosts))
	return s
}

func TestDefaults(t *testing.T) {
	cfg := server(t, withCertificate(t, org).mustLoad(), org, "c2s")
	if cfg.MinVersion != tls.VersionTLS12 || cfg.MaxVersion != tls.VersionTLS13 {
		t.Errorf("versions: got %x to %x", cfg.MinVersion, cfg.MaxVersion)
	}
	if !cfg.SessionTicketsDisabled || !cfg.DynamicRecordSizingDisabled || cfg.Renegotiation != tls.RenegotiateNever || cfg.ClientAuth != tls.NoClientCert {
		t.Errorf("got %+v", cfg)
	}
	for _, id := range cfg.CipherSuites {
		if name := tls.CipherSuiteName(id); !strings.HasPrefix(name, "TLS_ECDHE_") || !strings.Contains(name, "GCM") && !strings.Contains(name, "CHACHA20") {
			t.Errorf("%s is on", name)
		}
	}
	if len(cfg.CipherSuites) != 6 || cfg.CurvePreferences != nil {
		t.Errorf("got %d suites, groups %v", len(cfg.CipherSuites), cfg.CurvePreferences)
	}
}

// What each option comes to, seen by handshakes.
func TestVersions(t *testing.T) {
	all := []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}
	tests := []struct {
		name    string
		options lua // global
		want    []uint16
	}{
		{"default", nil, all[2:]},
		{"tlsv1_2+", lua{"ssl": lua{"protocol": "tlsv1_2+"}}, all[2:]},
		{"tlsv1_3", lua{"ssl": lua{"protocol": "tlsv1_3"}}, all[3:]},
		{"TLSv1.2", lua{"ssl": lua{"protocol": "TLSv1.2"}}, all[2:3]},
		{"tlsv1.2:tlsv1.3", lua{"ssl": lua{"protocol": "tlsv1.2:tlsv1.3"}}, all[2:]},
		{"sslv23 is no more", lua{"ssl": lua{"protocol": "sslv23"}}, all[2:]},
		{"tlsv1+", lua{"ssl": lua{"protocol": "tlsv1+"}}, all},
		{"tlsv1_1+", lua{"ssl": lua{"protocol": "tlsv1_1+"}}, all[1:]},
		{"profile modern", lua{"tls_profile": "modern"}, all[3:]},
		{"profile old", lua{"tls_profile": "old"}, all},
		{"profile legacy", lua{"tls_profile": "legacy"}, all},
		{"ssl goes before the profile", lua{"tls_profile": "modern", "ssl": lua{"protocol": "tlsv1_2+"}}, all[2:]},
		{"c2s_ssl goes before ssl", lua{"c2s_ssl": lua{"protocol": "tlsv1_3"}, "ssl": lua{"protocol": "tlsv1_2+"}}, all[3:]},
		{"s2s_ssl is not for c2s", lua{"s2s_ssl": lua{"protocol": "tlsv1_3"}}, all[2:]},
		{"no_tlsv1_2", lua{"ssl": lua{"options": []any{"no_tlsv1_2", "no_ticket"}}}, all[3:]},
		{"no_tlsv1_3", lua{"ssl": lua{"options": lua{"no_tlsv1_3": true, "no_tlsv1_2": false}}}, all[2:3]},
		{"options are merged", lua{"ssl": lua{"options": []any{"no_tlsv1_3"}, "protocol": "tlsv1_1+"}, "c2s_ssl": lua{"options": []any{"no_tlsv1_1"}}}, all[2:3]},
		{"options can be taken back", lua{"ssl": lua{"options": []any{"no_tlsv1_3"}}, "c2s_ssl": lua{"options": lua{"no_tlsv1_3": false}}}, all[2:]},
		{"ciphers that are not there", lua{"ssl": lua{"ciphers": "DHE-RSA-AES256-GCM-SHA384"}}, all[3:]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := withCertificate(t, org)
			for option, v := range tt.options {
				s.set("", option, v)
			}
			p, _ := s.load()
			cfg := server(t, p, org, "c2s")
			var got []uint16
			for _, v := range all {
				client := &tls.Config{MinVersion: v, MaxVersion: v}
				if st, err, _ := shake(t, cfg, client); err == nil && st.Version == v {
					got = append(got, v)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %x, want %x", got, tt.want)
			}
		})
	}
}

// The order of the layers, each of which names a cipher suite of its own.
func TestMergeOrder(t *testing.T) {
	layers := []struct{ host, option string }{
		{"", "ssl"},
		{"", "c2s_ssl"},
		{"example.org", "ssl"},
		{"muc.example.org", "ssl"},
		{"example.org", "c2s_ssl"},
		{"muc.example.org", "c2s_ssl"},
	}
	suites := []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
		"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256",
	}
	tests := []struct {
		host, service string
		set           []int // layers that are set
		want          int
	}{
		{"example.org", "c2s", []int{0}, 0},
		{"example.org", "c2s", []int{0, 1}, 1},
		{"example.org", "s2s", []int{0, 1}, 0},
		{"example.org", "c2s", []int{0, 1, 2}, 2}, // the host's ssl goes before the global c2s_ssl
		{"example.org", "c2s", []int{0, 1, 2, 4}, 4},
		{"example.org", "c2s", []int{1, 3, 5}, 1},           // not what the component has
		{"muc.example.org", "c2s", []int{0, 1, 2}, 2},       // of the domain above
		{"muc.example.org", "c2s", []int{0, 1, 2, 3}, 3},    // its own
		{"muc.example.org", "c2s", []int{0, 1, 2, 3, 4}, 4}, // the parent's c2s_ssl after its own ssl
		{"muc.example.org", "c2s", []int{0, 1, 2, 3, 4, 5}, 5},
		{"muc.example.org", "c2s_direct_tls", []int{0, 1, 2, 3, 4}, 4}, // direct TLS starts from c2s
		{"example.net", "c2s", []int{0, 1, 2, 3, 4, 5}, 1},
		{"muc.example.net", "c2s", []int{0, 2, 4}, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.host, tt.service, tt.set), func(t *testing.T) {
			s := withCertificate(t, "example.org", "muc.example.org", "example.net", "muc.example.net")
			for _, i := range tt.set {
				s.set(layers[i].host, layers[i].option, lua{"ciphers": suites[i]})
			}
			got := server(t, s.mustLoad(), tt.host, tt.service).CipherSuites
			if len(got) != 1 || opensslName(got[0]) != suites[tt.want] {
				t.Errorf("got %v, want that of layer %d", got, tt.want)
			}
		})
	}
}

func opensslName(id uint16) string {
	name := strings.TrimPrefix(tls.CipherSuiteName(id), "TLS_")
	name = strings.NewReplacer("_WITH_AES_128_", "-AES128-", "_WITH_AES_256_", "-AES256-", "_WITH_CHACHA20_POLY1305_SHA256", "-CHACHA20-POLY1305", "CBC_", "").Replace(name)
	return strings.ReplaceAll(name, "_", "-")
}

func TestKeysOfTables(t *testing.T) {
	s := withCertificate(t, org)
	s.set("", "ssl", lua{"curve": "secp384r1", "alpn": []any{"x", "y"}})
	s.set("", "s2s_ssl", lua{"curveslist": []any{"X25519", "P-256"}, "ciphers": []any{"EECDH+AESGCM", "!AES256"}})
	p := s.mustLoad()
	c2s, s2s := server(t, p, org, "c2s"), server(t, p, org, "s2s")
	if !slices.Equal(c2s.CurvePreferences, []tls.CurveID{tls.CurveP384}) || !slices.Equal(c2s.NextProtos, []string{"x", "y"}) {
		t.Errorf("c2s: got %v, %v", c2s.CurvePreferences, c2s.NextProtos)
	}
	if !slices.Equal(s2s.CurvePreferences, []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256}) || len(s2s.CipherSuites) != 2 {
		t.Errorf("s2s: got %v, %v", s2s.CurvePreferences, s2s.CipherSuites)
	}
	// XEP-0178: a server that connects is asked for its certificate, and judged later.
	if s2s.ClientAuth != tls.RequestClientCert || s2s.VerifyConnection != nil {
		t.Errorf("s2s: client certificates: %v", s2s.ClientAuth)
	}
	s.set("", "s2s_ssl", lua{"verify": "none"})
	if cfg := server(t, s.mustLoad(), org, "s2s"); cfg.ClientAuth != tls.NoClientCert {
		t.Errorf("s2s with verify none: %v", cfg.ClientAuth)
	}
}

func TestProblemsOfOptions(t *testing.T) {
	tests := []struct {
		name, option string
		value        any
		want         string
	}{
		{"SSL 3", "ssl", lua{"protocol": "sslv3"}, `error: cfg:7: ssl.protocol: sslv3 is broken (RFC 6176, RFC 7568) and not available; use "tlsv1_2+"`},
		{"SSL 2", "c2s_ssl", lua{"protocol": "sslv2+"}, `error: cfg:7: c2s_ssl.protocol: sslv2 is broken (RFC 6176, RFC 7568) and not available; use "tlsv1_2+"`},
		{"unknown version", "ssl", lua{"protocol": "tlsv2"}, `error: cfg:7: ssl.protocol: want a version such as "tlsv1_2+", got "tlsv2"`},
		{"TLS 1.0", "ssl", lua{"protocol": "tlsv1+"}, "warning: cfg:7: ssl.protocol: TLS before 1.2 is deprecated (RFC 8996)"},
		{"sslv23", "ssl", lua{"protocol": "sslv23"}, `warning: cfg:7: ssl.protocol: read as "tlsv1_2+"`},
		{"dhparam", "ssl", lua{"dhparam": "/etc/dh.pem"}, "warning: cfg:7: ssl.dhparam: finite-field DH is not offered, ECDHE is used"},
		{"unknown cipher", "ssl", lua{"ciphers": "HIGH:HIHG"}, `warning: cfg:7: ssl.ciphers: no cipher is called "HIHG"`},
		{"no cipher is left", "ssl", lua{"ciphers": "DHE"}, "warning: cfg:7: ssl.ciphers: nothing of it is available, so there is no TLS before 1.3"},
		{
			"nothing is left", "ssl",
			lua{"ciphers": "DHE", "protocol": "tlsv1_2"},
			"warning: cfg:7: ssl.ciphers: nothing of it is available, so there is no TLS before 1.3\nerror: cfg:100: example.org: the options of TLS for c2s leave no version\nerror: cfg:100: example.org: the options of TLS for s2s leave no version",
		},
		{"unknown group", "ssl", lua{"curveslist": []any{"X25519", "X448"}}, `warning: cfg:7: ssl.curveslist: no group is called "X448"`},
		{"no group is left", "ssl", lua{"curve": "X448"}, "warning: cfg:7: ssl.curve: no group is called \"X448\"\nwarning: cfg:7: ssl.curve: nothing of it is available, so it has no effect"},
		{"unknown key", "ssl", lua{"certficate": "x"}, "warning: cfg:7: ssl: no key certficate; did you mean certificate?"},
		{"no table", "c2s_ssl", "x", `error: cfg:7: c2s_ssl: want a table, got "x"`},
		{"no string", "ssl", lua{"certificate": []any{}}, "error: cfg:7: ssl.certificate: want a string, got {}"},
		{"unknown way to verify", "ssl", lua{"verify": []any{"peer", "once"}}, `warning: cfg:7: ssl.verify: no way to verify is called "once"`},
		{"profile", "tls_profile", "modren", `error: cfg:7: tls_profile: want "intermediate", "modern", "old" or "legacy", got "modren"; did you mean "modern"?`},
		{"old profile", "tls_profile", "old", `warning: cfg:7: tls_profile: "old" allows TLS before 1.2, which is deprecated (RFC 8996)`},
		{"by interface", "https_ssl", lua{"127.0.0.1": lua{}}, "warning: cfg:7: https_ssl[127.0.0.1]: ignored: TLS differs by port, not by interface"},
		{"in a port", "https_ssl", lua{"5281": lua{"protocol": "sslv3"}}, `error: cfg:7: https_ssl[5281].protocol: sslv3 is broken (RFC 6176, RFC 7568) and not available; use "tlsv1_2+"`},
		{"nothing at all", "ssl", false, ""},
		{"what Prosody's configs have", "ssl", lua{
			"options": []any{"no_sslv2", "no_sslv3", "no_ticket", "no_compression", "cipher_server_preference", "single_dh_use", "single_ecdh_use"},
			"verify":  "none", "verifyext": []any{"lsec_continue"}, "depth": 9, "capath": "/etc/ssl/certs", "dane": true, "compression": false,
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := withCertificate(t, org)
			s.set("", tt.option, tt.value)
			p, got := s.load()
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if cfg := server(t, p, org, "c2s"); cfg == nil {
				t.Error("no TLS")
			}
		})
	}
}

func TestFields(t *testing.T) {
	var names []string
	for _, f := range tlspolicy.Fields("c2s", "https") {
		names = append(names, f.Name)
	}
	if want := "tls_profile certificates certificate ssl c2s_ssl c2s_certificate https_ssl https_certificate"; strings.Join(names, " ") != want {
		t.Errorf("got %s, want %s", names, want)
	}
}

func TestDirect(t *testing.T) {
	s := newSite(t, "example.org", "example.net", "muc.example.net", "upload.example.net")
	certs := map[string]issued{}
	for _, name := range []string{"example.org", "example.net", "files.example.net", "conf.example.com"} {
		certs[name] = s.ca.issue([]string{name})
		s.put("certs/"+name, certs[name])
	}
	s.set("upload.example.net", "http_host", "files.example.net")
	s.set("example.net", "https_ssl", lua{"protocol": "tlsv1_3"})
	s.set("", "https_ssl", lua{"5282": lua{"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384"}})
	p := s.mustLoad()
	cfg, err := p.Direct("https", "h2", "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	for sni, want := range map[string]string{
		"": "example.org", "example.org": "example.org", "example.net": "example.net", "EXAMPLE.net": "example.net",
		"muc.example.net": "example.net", "files.example.net": "files.example.net", "conf.example.com": "conf.example.com",
		"other.example": "example.org",
	} {
		if got := shown(t, cfg, sni); !certs[want].is(got) {
			t.Errorf("%q: got %v, want %s", sni, got.DNSNames, want)
		}
	}
	old := &tls.Config{ServerName: "example.net", MaxVersion: tls.VersionTLS12}
	if _, err, _ := shake(t, cfg, old); err == nil {
		t.Error("the rules of the host do not hold")
	}
	old.ServerName = "example.org"
	if _, err, _ := shake(t, cfg, old); err != nil {
		t.Errorf("the rules of another host hold: %v", err)
	}
	for offered, want := range map[string]string{"": "", "http/1.1": "http/1.1", "x h2": "h2"} {
		st, err, _ := shake(t, cfg, &tls.Config{NextProtos: strings.Fields(offered)})
		if err != nil || st.NegotiatedProtocol != want {
			t.Errorf("ALPN %s: got %q, %v", offered, st.NegotiatedProtocol, err)
		}
	}
	port, err := p.DirectPort("https", 5282)
	if err != nil || len(port.CipherSuites) != 1 || len(cfg.CipherSuites) != 6 {
		t.Errorf("by port: got %v, %v, %v", port.CipherSuites, cfg.CipherSuites, err)
	}
}

// The certificate that clients without SNI get.
func TestDefaultOfDirect(t *testing.T) {
	tests := []struct {
		name  string
		put   []string // the first one is wanted
		https any
		port  int
	}{
		{"indexed", []string{"certs/example.org.crt", "tls/x.pem", "certs/https.crt"}, "tls/x.pem", 0},
		{"option", []string{"tls/x.pem", "certs/https.pem"}, "tls/x.pem", 0},
		{"option is a folder", []string{"tls/https.pem"}, "tls", 0},
		{"by port", []string{"tls/x.pem", "tls/y.pem"}, lua{"5281": "tls/x.pem", "default": "tls/y.pem"}, 5281},
		{"by port, default", []string{"tls/y.pem", "tls/x.pem"}, lua{"5281": "tls/x.pem", "default": "tls/y.pem"}, 443},
		{"file named after the service", []string{"certs/https.pem"}, nil, 0},
		{"data path", []string{"data/example.org.pem"}, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, "example.org")
			var want issued
			for i, path := range tt.put {
				c := s.ca.issue([]string{"other.example"})
				if path == "certs/example.org.crt" {
					c = s.ca.issue([]string{"example.org"})
				}
				if i == 0 {
					want = c
				}
				if stem, ok := strings.CutSuffix(path, ".crt"); ok {
					s.put(stem, c)
				} else {
					s.write(path, c.chain, c.pem)
				}
			}
			if tt.https != nil {
				s.set("", "https_certificate", tt.https)
			}
			p, problems := s.load()
			cfg, err := p.DirectPort("https", tt.port)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(t, cfg, ""); !want.is(got) {
				t.Error("another certificate")
			}
			if tt.name == "indexed" && !strings.Contains(problems, "cfg:7: https_certificate: without effect: the folder of certificates has one, certs/example.org.crt") {
				t.Errorf("problems: %s", problems)
			}
		})
	}
}
