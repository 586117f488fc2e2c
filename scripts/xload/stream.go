// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// client is one XMPP stream. Before pump is called it is driven stanza by
// stanza (next); afterwards only tokens are looked for.
type client struct {
	c    net.Conn
	buf  []byte // unread bytes are buf[r:w]
	r, w int
	idx  int
	name string // localpart
	jid  string // full JID the server gave
	tpl  []byte // prebuilt stanza, and behind it a request for an acknowledgement
	len  int    // of the stanza alone
	off  int    // where in tpl the time stamp goes
	feat []byte
	sm   *management // nil: off
}

// suite is the TLS version and cipher suite that was agreed on first.
var suite atomic.Pointer[string]

func tlsConfig() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // G402: the servers under load have certificates of their own
		ServerName:         cfg.domain,
		MinVersion:         tls.VersionTLS12,
		CurvePreferences:   []tls.CurveID{tls.X25519, tls.CurveP256},
	}
}

var dials atomic.Int64

func dial() (net.Conn, error) {
	d := net.Dialer{Timeout: cfg.timeout, KeepAlive: -1} // ten thousand that probe at once fill the kernel's queue
	if cfg.srcs > 1 {
		host := 1 + dials.Add(1)%int64(min(cfg.srcs, 250))
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(host&0xff))}
		d.Control = lateBind
	}
	return d.DialContext(context.Background(), "tcp", net.JoinHostPort(cfg.host, strconv.Itoa(cfg.port)))
}

// secure does the TLS handshake.
func secure(c net.Conn) (net.Conn, error) {
	t := tls.Client(c, tlsConfig())
	if err := t.HandshakeContext(context.Background()); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	if suite.Load() == nil {
		s := t.ConnectionState()
		name := tls.VersionName(s.Version) + " " + tls.CipherSuiteName(s.CipherSuite)
		suite.CompareAndSwap(nil, &name)
	}
	return t, nil
}

func user(i int) string     { return cfg.prefix + strconv.Itoa(i) }
func bare(i int) string     { return user(i) + "@" + cfg.domain }
func password(i int) string { return strings.ReplaceAll(cfg.pw, "%d", strconv.Itoa(i)) }

// send writes s; a stanza must be alone in it.
func (c *client) send(s string) error {
	if c.sm != nil && isStanza(s[1]) && c.sm.count() {
		s += askNow
	}
	_, err := c.c.Write([]byte(s))
	return err
}

// open sends a stream header and waits for the features.
func (c *client) open() error {
	err := c.send("<?xml version='1.0'?><stream:stream to='" + cfg.domain +
		"' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
	if err == nil {
		c.feat, err = c.next()
	}
	return err
}

// next returns the next complete top-level element of the stream, after the
// work of stream management.
func (c *client) next() ([]byte, error) {
	for {
		e, n, err := element(c.buf[c.r:c.w])
		if err != nil {
			return nil, err
		}
		c.r += n
		switch {
		case e != nil && (c.sm == nil || isStanza(e[1])):
			if c.sm != nil {
				c.sm.received.Add(1)
			}
			return e, nil
		case e != nil:
			if !bytes.HasPrefix(e, []byte("<r")) && !bytes.HasPrefix(e, []byte("<a")) {
				return e, nil
			}
			if err := c.managed(e); err != nil {
				return nil, err
			}
		case n == 0:
			if err := c.fill(); err != nil {
				return nil, err
			}
		}
	}
}

// fill reads more bytes behind those that have not been used.
func (c *client) fill() error {
	if c.r > 0 {
		copy(c.buf, c.buf[c.r:c.w])
		c.w -= c.r
		c.r = 0
	}
	if c.w == len(c.buf) {
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.c.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	return err
}

// iq sends an iq and waits for the answer with that id, dropping the rest.
func (c *client) iq(id, stanza string) ([]byte, error) {
	if err := c.send(stanza); err != nil {
		return nil, err
	}
	for {
		e, err := c.next()
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(e, []byte("<iq")) && attr(e, "id") == id {
			return e, nil
		}
		if bytes.HasPrefix(e, []byte("<stream:error")) {
			return nil, fmt.Errorf("stream error: %s", e)
		}
	}
}

// set is an iq whose answer must be a result.
func (c *client) set(id, what, payload string) error {
	e, err := c.iq(id, "<iq type='set' id='"+id+"'>"+payload+"</iq>")
	if err != nil {
		return err
	}
	if attr(e, "type") != "result" {
		return fmt.Errorf("%s: %s", what, e)
	}
	return nil
}

// connect does TCP, TLS and the stream features before authentication.
func connect(i int) (*client, error) {
	nc, err := dial()
	if err != nil {
		return nil, err
	}
	c := &client{c: nc, buf: make([]byte, 2048), idx: i, name: user(i)}
	_ = nc.SetDeadline(time.Now().Add(cfg.timeout))
	if err := c.negotiate(); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) negotiate() (err error) {
	if cfg.tls == "direct" {
		if c.c, err = secure(c.c); err != nil {
			return err
		}
	}
	if err = c.open(); err != nil || cfg.tls != "starttls" {
		return err
	}
	if err = c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); err != nil {
		return err
	}
	e, err := c.next()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(e, []byte("<proceed")) {
		return fmt.Errorf("starttls: %s", e)
	}
	if c.c, err = secure(c.c); err != nil {
		return err
	}
	c.r, c.w = 0, 0
	return c.open()
}
