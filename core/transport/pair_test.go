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
	"iter"
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

func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "example.org", DynamicRecordSizingDisabled: true}
}

// kinds are what a Conn may stand on; wrapped is a socket in another type.
var kinds = []string{"tcp", "unix", "pipe", "wrapped"}

// wrapped is a socket that wants to be read its own way.
type wrapped struct{ *net.TCPConn }

// connPair makes two ends; both are closed with the test.
func connPair(tb testing.TB, kind string) (ours, theirs net.Conn) {
	tb.Helper()
	switch kind {
	case "pipe":
		ours, theirs = net.Pipe()
	default:
		network, addr := "tcp", "127.0.0.1:0"
		if kind == "unix" {
			network, addr = "unix", filepath.Join(tb.TempDir(), "s")
		}
		l, err := new(net.ListenConfig).Listen(context.Background(), network, addr)
		if err != nil {
			tb.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		theirs, err = new(net.Dialer).DialContext(context.Background(), network, l.Addr().String())
		if err != nil {
			tb.Fatal(err)
		}
		if ours, err = l.Accept(); err != nil {
			tb.Fatal(err)
		}
		if kind == "wrapped" {
			ours = wrapped{ours.(*net.TCPConn)}
		}
	}
	tb.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	return ours, theirs
}

// secured are the layers that tests run on: 0 is plain.
var secured = map[string]uint16{"plain": 0, "tls1.2": tls.VersionTLS12, "tls1.3": tls.VersionTLS13}

// newPair makes a Conn and the peer's end of it; version 0 is plain.
func newPair(tb testing.TB, kind string, version uint16, o Options) (*Conn, net.Conn) {
	tb.Helper()
	ours, theirs := connPair(tb, kind)
	return shake(tb, New(ours, o), theirs, version)
}

func shake(tb testing.TB, c *Conn, theirs net.Conn, version uint16) (*Conn, net.Conn) {
	tb.Helper()
	tb.Cleanup(func() { _ = theirs.Close(); _ = c.Close() })
	if version == 0 {
		return c, theirs
	}
	peer := tls.Client(theirs, clientTLS())
	done := make(chan error, 1)
	go func() { done <- peer.Handshake() }()
	if err := c.DirectTLS(tb.Context(), serverTLS(version)); err != nil {
		tb.Fatal(err)
	}
	if err := <-done; err != nil {
		tb.Fatal(err)
	}
	return c, peer
}

// everywhere is each kind of connection with each layer.
func everywhere() iter.Seq2[string, on] {
	return func(yield func(string, on) bool) {
		for _, kind := range kinds {
			for layer, version := range secured {
				if !yield(kind+"/"+layer, on{kind, version}) {
					return
				}
			}
		}
	}
}

type on struct {
	kind    string
	version uint16
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
func send(tb testing.TB, c *Conn, p []byte) {
	tb.Helper()
	if _, err := c.Append(p); err != nil {
		tb.Fatal(err)
	}
	c.Flush()
}

func readFull(tb testing.TB, r io.Reader, n int) []byte {
	tb.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		tb.Fatal(err)
	}
	return b
}

// within fails the test if fn takes longer.
func within(tb testing.TB, d time.Duration, what string, fn func()) {
	tb.Helper()
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	select {
	case <-done:
	case <-time.After(d):
		tb.Fatalf("%s takes longer than %v", what, d)
	}
}

// eventually polls, for what happens in goroutines that nobody waits for.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	tb.Fatal(what)
}
