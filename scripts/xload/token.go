// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"time"
)

// Every measured stanza carries a token: "~T", 16 hex digits of nanoseconds
// since start, 8 hex digits of the sender's index.
const tokLen = 2 + 16 + 8

var (
	tokMark = []byte("~T")
	epoch   = time.Now()
)

const hexDigits = "0123456789abcdef"

func putHex(b []byte, v int64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = hexDigits[v&15]
		v >>= 4
	}
}

func getHex(b []byte) (v int64) {
	for _, ch := range b {
		d := ch - '0'
		if d > 9 {
			d = ch - 'a' + 10
		}
		v = v<<4 | int64(d&15)
	}
	return v
}

func nowNS() int64 { return int64(time.Since(epoch)) }

// pad fills a body up to -size.
func pad() string { return strings.Repeat("x", max(0, cfg.size-tokLen)) }

// template makes the prebuilt stanza; %T in form becomes the token.
func (c *client) template(form string) {
	tok := make([]byte, tokLen)
	copy(tok, tokMark)
	putHex(tok[2:18], 0)
	putHex(tok[18:], int64(c.idx))
	stanza := strings.Replace(form, "%T", string(tok), 1)
	c.tpl, c.len = []byte(stanza+askNow), len(stanza)
	c.off = strings.Index(form, "%T") + 2
}

// fire sends the prebuilt stanza with the time ns: one write.
func (c *client) fire(ns int64) error {
	putHex(c.tpl[c.off:c.off+16], ns)
	out := c.tpl[:c.len]
	if c.sm != nil && c.sm.count() {
		out = c.tpl
	}
	_, err := c.c.Write(out)
	return err
}

// pump reads until the connection ends, calling on for each token.
func (c *client) pump(on func(sender int, ns int64)) error {
	buf := make([]byte, max(cfg.rbuf, 2*(c.w-c.r), 4*tokLen))
	n, kept := copy(buf, c.buf[c.r:c.w]), 0
	c.buf = nil
	for {
		if c.sm != nil {
			if err := c.scan(buf[kept : kept+n]); err != nil {
				return err
			}
		}
		kept = tokens(buf[:kept+n], on)
		var err error
		if n, err = c.c.Read(buf[kept:]); n == 0 && err != nil {
			return err
		}
	}
}

// tokens calls on for each whole token in b, then moves what may be the
// beginning of another to the front of b, and returns its length.
func tokens(b []byte, on func(sender int, ns int64)) (kept int) {
	pos := 0
	for {
		i := bytes.Index(b[pos:], tokMark)
		if i < 0 {
			if pos < len(b) && b[len(b)-1] == tokMark[0] {
				kept = 1
			}
			break
		}
		pos += i
		if pos+tokLen > len(b) {
			kept = len(b) - pos
			break
		}
		t := b[pos : pos+tokLen]
		on(int(getHex(t[18:])), getHex(t[2:18]))
		pos += tokLen
	}
	copy(b, b[len(b)-kept:])
	return kept
}
