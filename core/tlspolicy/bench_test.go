// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"crypto/tls"
	"testing"

	"tercet/core/tlspolicy"
)

func benchPolicy(b *testing.B) *tlspolicy.Policy {
	b.Helper()
	t := &testing.T{}
	s := &site{t: t, dir: b.TempDir(), ca: newAuthority(t, "CA")}
	s.conf = newConf(s.dir, "example.org")
	s.put("certs/a", s.ca.issue([]string{"example.org"}))
	p, _ := s.load()
	return p
}

func BenchmarkServer(b *testing.B) {
	p := benchPolicy(b)
	b.ReportAllocs()
	for b.Loop() {
		if cfg, err := p.Server("example.org", "c2s"); cfg == nil || err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChoose is what a handshake pays for being up to date.
func BenchmarkChoose(b *testing.B) {
	cfg, err := benchPolicy(b).Direct("https", "h2")
	if err != nil {
		b.Fatal(err)
	}
	hello := &tls.ClientHelloInfo{ServerName: "example.org"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cfg.GetConfigForClient(hello); err != nil {
			b.Fatal(err)
		}
	}
}
