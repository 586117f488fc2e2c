// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// echo sends back what it gets over TLS, until its process ends: what the
// socket and the encryption cost, and nothing else. Records that have come
// together go back together, as a server's do that corks its outboxes.
func echo(address, cert, key string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("load certificate: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true}
	for {
		c, err := l.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		r := &records{Conn: c}
		go reflect(r, tls.Server(r, config))
	}
}

// reflect ends with the connection.
func reflect(r *records, t *tls.Conn) {
	defer func() { _ = t.Close() }()
	const record = 16 << 10 // the most text in one
	buf := make([]byte, 4*record)
	for {
		n, err := t.Read(buf)
		for err == nil && r.whole() && len(buf)-n >= record {
			var more int
			more, err = t.Read(buf[n:])
			n += more
		}
		if n > 0 {
			if _, err := t.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// records is a connection that reads as much as there is and hands out one TLS
// record at most, so that whole knows of the next: crypto/tls keeps nothing.
type records struct {
	net.Conn
	buf  [32 << 10]byte
	r, w int
	left int // of the record that is being read
}

const recordHeader = 5 // RFC 8446 5.1: type, version, length

// next is the length of the record at buf[r:], 0 if its header is not there.
func (c *records) next() int {
	if c.w-c.r < recordHeader {
		return 0
	}
	return recordHeader + int(c.buf[c.r+3])<<8 + int(c.buf[c.r+4])
}

// whole tells that Read will give the whole next record without waiting.
func (c *records) whole() bool {
	n := c.next()
	return c.left == 0 && n > 0 && c.w-c.r >= n
}

// Read is the conn's, up to the end of a record.
func (c *records) Read(p []byte) (int, error) {
	for c.r == c.w || c.left == 0 && c.next() == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	if c.left == 0 {
		c.left = c.next()
	}
	n := copy(p[:min(len(p), c.left)], c.buf[c.r:c.w])
	c.r += n
	c.left -= n
	return n, nil
}

func (c *records) fill() error {
	c.w = copy(c.buf[:], c.buf[c.r:c.w])
	c.r = 0
	n, err := c.Conn.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	return err
}
