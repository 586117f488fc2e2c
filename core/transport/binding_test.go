// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestChannelBinding(t *testing.T) {
	sha384 := makeCert("example.org", x509.ECDSAWithSHA384)
	leaf, err := x509.ParseCertificate(sha384.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	withLeaf := sha384
	withLeaf.Leaf = leaf
	configs := map[string]*tls.Config{
		"certificates":     {Certificates: []tls.Certificate{sha384}},
		"two certificates": {Certificates: []tls.Certificate{withLeaf, sha384}},
		"GetCertificate":   {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &sha384, nil }},
		"GetConfigForClient": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{withLeaf}}, nil
		}},
		"default": {Certificates: []tls.Certificate{sha384}, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return nil, nil
		}},
	}
	h := crypto.SHA384.New()
	h.Write(sha384.Certificate[0])
	end := h.Sum(nil)
	for name, cfg := range configs {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+"/"+tls.VersionName(version), func(t *testing.T) {
				ours, theirs := connPair(t, "tcp")
				a, b := New(ours, Options{}), New(theirs, Options{})
				defer func() {
					go func() { _ = b.Close() }()
					_ = a.Close()
				}()
				if _, ok := a.ChannelBinding("tls-exporter"); ok {
					t.Error("a binding without TLS")
				}
				var wg sync.WaitGroup
				wg.Go(func() {
					client := clientTLS()
					client.MaxVersion = version
					client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
					if err := b.ClientTLS(t.Context(), client); err != nil {
						t.Error(err)
					}
				})
				if err := a.DirectTLS(t.Context(), cfg); err != nil {
					t.Error(err)
					_ = a.Close()
				}
				wg.Wait()
				state, _ := b.TLS()
				exporter, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
				if x, _ := a.ChannelBinding("tls-exporter"); err != nil || !bytes.Equal(x, exporter) {
					t.Errorf("exporter %x, want %x, %v", x, exporter, err)
				}
				for _, typ := range []string{"tls-exporter", "tls-unique", "tls-server-end-point", "tls-nonsense"} {
					x, xok := a.ChannelBinding(typ)
					y, yok := b.ChannelBinding(typ)
					want := typ != "tls-nonsense" && (typ != "tls-unique" || version == tls.VersionTLS12)
					if a.Binds(typ) != want || b.Binds(typ) != want {
						t.Errorf("%s: binds %v, %v, want %v", typ, a.Binds(typ), b.Binds(typ), want)
					}
					if xok != want || yok != want || want && (len(x) == 0 || !bytes.Equal(x, y)) {
						t.Errorf("%s: %x %v, %x %v", typ, x, xok, y, yok)
					}
				}
				if x, _ := a.ChannelBinding("tls-server-end-point"); !bytes.Equal(x, end) {
					t.Errorf("end point %x, want %x", x, end)
				}
			})
		}
	}
}

func TestEndPointHash(t *testing.T) {
	tests := map[x509.SignatureAlgorithm]int{
		x509.MD5WithRSA: 32, x509.SHA1WithRSA: 32, x509.ECDSAWithSHA1: 32, x509.SHA256WithRSA: 32, x509.SHA256WithRSAPSS: 32,
		x509.ECDSAWithSHA384: 48, x509.SHA512WithRSA: 64, x509.SHA512WithRSAPSS: 64, x509.PureEd25519: 0, x509.UnknownSignatureAlgorithm: 0,
	}
	for alg, want := range tests {
		got, ok := endPoint(&x509.Certificate{SignatureAlgorithm: alg})
		if len(got) != want || ok != (want > 0) {
			t.Errorf("%v: %d bytes, %v, want %d", alg, len(got), ok, want)
		}
	}
}

// TestConfigs checks that connections share one copy of a configuration, and
// that it goes when the configuration does.
func TestConfigs(t *testing.T) {
	size := func() (n int) {
		serverConfigs.made.Range(func(any, any) bool { n++; return true })
		return n
	}
	eventually(t, "an empty table", func() bool { runtime.GC(); return size() == 0 })
	cfg := serverTLS(0)
	one := serverConfigs.of(cfg, serverConfig)
	if two := serverConfigs.of(cfg, serverConfig); one != two {
		t.Error("two copies of one configuration")
	}
	if !one.DynamicRecordSizingDisabled || !one.SessionTicketsDisabled || cfg.SessionTicketsDisabled {
		t.Error("settings are not those wanted")
	}
	runtime.KeepAlive(one)
	eventually(t, "an empty table", func() bool { runtime.GC(); return size() == 0 })
}

// TestHostileRecords sends what is no TLS after a good handshake.
func TestHostileRecords(t *testing.T) {
	tests := map[string][]byte{
		"plaintext":        []byte("<message to='x'/><message to='x'/>"),
		"oversized record": append([]byte{23, 3, 3, 0xff, 0xff}, make([]byte, 70000)...),
		"bad tag":          append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...),
		"empty record":     {23, 3, 3, 0, 0},
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			for name, on := range everywhere() {
				t.Run(name, func(t *testing.T) {
					kind, version := on.kind, on.version
					if version == 0 {
						return
					}
					ours, theirs := connPair(t, kind)
					c, _ := shake(t, New(ours, Options{}), theirs, version)
					go func() { _, _ = theirs.Write(data) }()
					go func() {
						_, _ = io.Copy(io.Discard, theirs)
						_ = theirs.Close()
					}()
					within(t, 5*time.Second, "the end", func() {
						err := pump(c, 100, func(p []byte) { t.Errorf("got %q", p) }, nothing)
						if err == nil || errors.Is(err, io.EOF) {
							t.Errorf("ended with %v", err)
						}
						_ = c.Close()
					})
				})
			}
		})
	}
}

// TestIdleHoldsNothing counts buffers: an idle Conn has none, busy or not before.
func TestIdleHoldsNothing(t *testing.T) {
	eventually(t, "buffers of earlier tests", func() bool { return readBuffers.out.Load() == 0 && outBuffers.out.Load() == 0 })
	const n = 50
	for _, kind := range []string{"tcp", "unix"} {
		for layer, version := range secured {
			t.Run(kind+"/"+layer, func(t *testing.T) {
				var wg sync.WaitGroup
				conns := make([]*Conn, n)
				for i := range conns {
					c, peer := newPair(t, kind, version, Options{})
					conns[i] = c
					wg.Go(func() {
						_ = pump(c, 1000, func(p []byte) { _, _ = c.Append(p) }, c.Flush)
						_ = c.Close()
					})
					for range 3 {
						if _, err := peer.Write(make([]byte, 5000)); err != nil {
							t.Fatal(err)
						}
						readFull(t, peer, 5000)
					}
				}
				eventually(t, "idle conns hold buffers", func() bool { return readBuffers.out.Load() == 0 && outBuffers.out.Load() == 0 })
				for _, c := range conns {
					c.End(nil)
				}
				wg.Wait()
			})
		}
	}
}
