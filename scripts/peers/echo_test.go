// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// counter counts the writes to a connection, and lets no more than some bytes
// through a read.
type counter struct {
	net.Conn
	writes, atOnce int
}

func (c *counter) Read(p []byte) (int, error) { return c.Conn.Read(p[:min(len(p), c.atOnce)]) }

func (c *counter) Write(p []byte) (int, error) {
	c.writes++
	return c.Conn.Write(p)
}

// TestEcho sends records of many sizes, in pieces of many: all come back.
func TestEcho(t *testing.T) {
	for _, atOnce := range []int{1, 7, 1500, 1 << 20} {
		there, here := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			r := &records{Conn: &counter{Conn: there, atOnce: atOnce}}
			reflect(r, tls.Server(r, config(t)))
		}()
		c := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
		var want []byte
		go func() {
			for _, n := range []int{1, 300, 5, 16384, 40000, 2} {
				_, _ = c.Write(bytes.Repeat([]byte{byte(n)}, n))
			}
		}()
		for _, n := range []int{1, 300, 5, 16384, 40000, 2} {
			want = append(want, bytes.Repeat([]byte{byte(n)}, n)...)
		}
		_ = here.SetDeadline(time.Now().Add(20 * time.Second))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes at once: got other bytes back, %v", atOnce, err)
		}
		_ = c.Close()
		_ = here.Close()
		<-served
	}
}

// TestTogether: records that come together go back in one write.
func TestTogether(t *testing.T) {
	there, here := pair(t)
	wire := &counter{Conn: there, atOnce: 1 << 20}
	r := &records{Conn: wire}
	server := tls.Server(r, config(t))
	corked := &cork{Conn: here}
	c := tls.Client(corked, &tls.Config{InsecureSkipVerify: true})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Handshake()
		wire.writes = 0
		reflect(r, server)
	}()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	corked.hold = true
	for range 16 {
		_, _ = c.Write(make([]byte, 300))
	}
	corked.hold = false
	if _, err := here.Write(corked.held); err != nil {
		t.Fatal(err)
	}
	_ = here.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(c, make([]byte, 16*300)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_ = here.Close()
	<-served
	if n := wire.writes; n > 3 { // one more says goodbye
		t.Errorf("%d writes for 16 records that came together, and 1", n)
	}
}

// cork keeps what is written while it holds.
type cork struct {
	net.Conn
	hold bool
	held []byte
}

func (c *cork) Write(p []byte) (int, error) {
	if c.hold {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func pair(t *testing.T) (there, here net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if here, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if there, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	return there, here
}

func config(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, DynamicRecordSizingDisabled: true}
}
