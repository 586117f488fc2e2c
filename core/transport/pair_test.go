// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(loadEnv) != "" {
		os.Exit(runLoad())
	}
	readBuffers.out, outBuffers.out = new(atomic.Int64), new(atomic.Int64)
	goleak.VerifyTestMain(m)
}

var testCert = sync.OnceValue(func() tls.Certificate { return makeCert("example.org", x509.ECDSAWithSHA256) })

func makeCert(name string, sig x509.SignatureAlgorithm) tls.Certificate {
	curve := elliptic.P256()
	if sig == x509.ECDSAWithSHA384 {
		curve = elliptic.P384()
	}
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotAfter: time.Now().Add(time.Hour), SignatureAlgorithm: sig,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serverTLS(version uint16) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{testCert()}, MinVersion: version, MaxVersion: version}
}

func clientTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true, ServerName: "example.org"} }

// kinds are what a Conn may stand on; wrapped is a socket behind another type.
var kinds = []string{"tcp", "unix", "pipe", "wrapped"}

// connPair makes two ends; both are closed with the test.
func connPair(t testing.TB, kind string) (ours, theirs net.Conn) {
	t.Helper()
	switch kind {
	case "pipe":
		ours, theirs = net.Pipe()
	default:
		network, addr := "tcp", "127.0.0.1:0"
		if kind == "unix" {
			network, addr = "unix", filepath.Join(t.TempDir(), "s")
		}
		l, err := new(net.ListenConfig).Listen(context.Background(), network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		theirs, err = new(net.Dialer).DialContext(context.Background(), network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if ours, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		if kind == "wrapped" {
			ours = struct{ net.Conn }{ours}
		}
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// secured are the layers that tests run on: 0 is plain.
var secured = map[string]uint16{"plain": 0, "tls1.2": tls.VersionTLS12, "tls1.3": tls.VersionTLS13}

// newPair makes a Conn and the peer's end of it; version 0 is plain.
func newPair(t testing.TB, kind string, version uint16, o Options) (*Conn, net.Conn) {
	t.Helper()
	ours, theirs := connPair(t, kind)
	return shake(t, New(ours, o), theirs, version)
}

func shake(t testing.TB, c *Conn, theirs net.Conn, version uint16) (*Conn, net.Conn) {
	t.Helper()
	t.Cleanup(func() { theirs.Close(); c.Close() })
	if version == 0 {
		return c, theirs
	}
	peer := tls.Client(theirs, clientTLS())
	done := make(chan error, 1)
	go func() { done <- peer.Handshake() }()
	if err := c.DirectTLS(t.Context(), serverTLS(version)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c, peer
}

// everywhere runs fn on each kind of connection and each layer.
func everywhere(t *testing.T, fn func(t *testing.T, kind string, version uint16)) {
	for _, kind := range kinds {
		for layer, version := range secured {
			t.Run(kind+"/"+layer, func(t *testing.T) { fn(t, kind, version) })
		}
	}
}

// pump reads c until it ends, in the form of the package's doc, and returns
// how it ended.
func pump(c *Conn, size int, fn func([]byte), drained func()) error {
	buf := make([]byte, size)
	for {
		if err := c.Wait(); err != nil {
			return err
		}
		for {
			n, err := c.Read(buf)
			if errors.Is(err, ErrAgain) {
				break
			}
			if err != nil {
				return err
			}
			fn(buf[:n])
			if c.Drained() {
				drained()
			}
		}
		drained()
	}
}

func nothing() {}

// send appends and flushes.
func send(t testing.TB, c *Conn, p []byte) {
	t.Helper()
	if _, err := c.Append(p); err != nil {
		t.Fatal(err)
	}
	c.Flush()
}

func readFull(t testing.TB, r io.Reader, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// within fails the test if fn takes longer.
func within(t testing.TB, d time.Duration, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("%s takes longer than %v", what, d)
	}
}

// eventually polls, for what happens in goroutines that nobody waits for.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(what)
}
