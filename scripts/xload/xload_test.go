// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestElement(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		used           int
		err            error
	}{
		{name: "whole", in: "<iq id='1'><a b='>'/></iq><r", want: "<iq id='1'><a b='>'/></iq>", used: 26},
		{name: "empty", in: "<presence from='a'/>", want: "<presence from='a'/>", used: 20},
		{name: "cut in a tag", in: "<message from='a@b' "},
		{name: "cut in the content", in: "<message><body>text</body>"},
		{name: "space", in: "\n <a/>", used: 2},
		{name: "declaration", in: "<?xml version='1.0'?><stream", used: 21},
		{name: "stream header", in: "<stream:stream id='x'><stream:features/>", used: 22},
		{name: "end of the stream", in: "</stream:stream>", err: errEnd},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, n, err := element([]byte(tt.in))
			if string(e) != tt.want || n != tt.used || !errors.Is(err, tt.err) {
				t.Errorf("element(%q) = %q, %d, %v; want %q, %d, %v", tt.in, e, n, err, tt.want, tt.used, tt.err)
			}
		})
	}
}

func TestLookInto(t *testing.T) {
	e := []byte(`<iq type="result" id='7'><jid x='y'>a@b/c</jid><n code="110"/></iq>`)
	for _, tt := range []struct{ what, got, want string }{
		{"type", attr(e, "type"), "result"},
		{"id", attr(e, "id"), "7"},
		{"x, which is not on the first tag", attr(e, "x"), ""},
		{"jid", text(e, "jid"), "a@b/c"},
		{"none", text(e, "none"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.what, tt.got, tt.want)
		}
	}
	if !has(e, "code", "110") || has(e, "code", "11") {
		t.Error("has: wrong about code")
	}
}

// TestTags cuts a stream at each place: the counts do not depend on it.
func TestTags(t *testing.T) {
	const stream = "<message from='a>b'><body>1 &gt; 0</body><x/></message> <presence/>\n" +
		"<r xmlns='urn:xmpp:sm:3'/><iq id=\"2\"><q><iq/></q></iq><a xmlns='urn:xmpp:sm:3' h='12'/>" +
		"<message><sent><forwarded><message><body/></message></forwarded></sent></message>"
	const want = "m p r i a=12 m"
	for i := range stream {
		for j := i; j < len(stream); j += 7 {
			var tg tags
			var got []string
			end := func(top byte, tag []byte) {
				s := string(top)
				if top == 'a' {
					s += "=" + attr(tag, "h")
				}
				got = append(got, s)
			}
			for _, piece := range []string{stream[:i], stream[i:j], stream[j:]} {
				tg.read([]byte(piece), end)
			}
			if s := strings.Join(got, " "); s != want {
				t.Fatalf("cut at %d and %d: got %q, want %q", i, j, s, want)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	c := &client{idx: 0xabc}
	c.template("<message><body>%T rest</body></message>")
	putHex(c.tpl[c.off:c.off+16], 123456789)
	stream := bytes.Repeat(c.tpl[:c.len], 3)
	for cut := range stream {
		var got []int64
		on := func(sender int, ns int64) { got = append(got, int64(sender), ns) }
		buf := make([]byte, 2*len(stream))
		kept := tokens(buf[:copy(buf, stream[:cut])], on)
		n := copy(buf[kept:], stream[cut:])
		tokens(buf[:kept+n], on)
		if want := []int64{0xabc, 123456789, 0xabc, 123456789, 0xabc, 123456789}; !slices.Equal(got, want) {
			t.Fatalf("cut at %d: got %v, want %v", cut, got, want)
		}
	}
}

// TestSCRAM is the example of RFC 7677 section 3, and that of RFC 5802.
func TestSCRAM(t *testing.T) {
	for _, tt := range []struct{ mech, nonce, challenge, proof, signature string }{
		{
			"SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{
			"SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		t.Run(tt.mech, func(t *testing.T) {
			s := scram{mech: tt.mech, pw: "pencil", nonce: tt.nonce, first: "n=user,r=" + tt.nonce}
			got, err := s.proof(tt.challenge)
			if err != nil || got != tt.proof || s.signature != tt.signature {
				t.Errorf("got %q, signature %q, %v; want %q, %q", got, s.signature, err, tt.proof, tt.signature)
			}
			if _, err := s.proof("r=other,s=QSXCR+Q6sek8bf92,i=4096"); err == nil {
				t.Error("a challenge with another's nonce was accepted")
			}
		})
	}
}

func TestHist(t *testing.T) {
	var h hist
	for us := range int64(10_000) {
		h.add(us)
	}
	for _, tt := range []struct {
		p    float64
		want int64
	}{{0, 0}, {.5, 5000}, {.99, 9900}, {1, 9999}} {
		if got := h.quantile(tt.p); got < tt.want*96/100 || got > tt.want*104/100 {
			t.Errorf("quantile(%g) = %d, want about %d", tt.p, got, tt.want)
		}
	}
	for _, us := range []int64{-1, 1 << 62} {
		h.add(us) // stays within the buckets
	}
}

// TestManagement runs two streams against a server that counts: every <r/> of
// either side is answered with the right h.
func TestManagement(t *testing.T) {
	cfg.sm, cfg.rbuf, cfg.timeout = 3, 4096, 5*time.Second
	here, there := connected(t)
	c := &client{c: here, buf: make([]byte, 2048), sm: &management{}}
	c.template("<message to='b'><body>%T</body></message>")

	// The server acknowledges each <r/>, and sends seven stanzas and then
	// asks, in one piece that is cut in its middle.
	const flood = "<message><body/></message><presence/><iq/><iq><a/></iq><presence/><message/><message/><r xmlns='urn:xmpp:sm:3'/>"
	var sent atomic.Uint32
	answered := make(chan string, 1)
	go func() {
		s := &client{c: there, buf: make([]byte, 2048), sm: &management{}}
		_, _ = io.WriteString(there, flood[:40])
		_, _ = io.WriteString(there, flood[40:])
		for {
			e, n, err := element(s.buf[s.r:s.w])
			s.r += n
			switch {
			case err != nil:
				return
			case n == 0 && s.fill() != nil:
				return
			case bytes.HasPrefix(e, []byte("<message")):
				s.sm.received.Add(1)
			case bytes.HasPrefix(e, []byte("<r")):
				_ = s.send(s.sm.answer())
			case bytes.HasPrefix(e, []byte("<a")):
				answered <- attr(e, "h")
			}
			sent.Store(s.sm.received.Load())
		}
	}()
	go func() { _ = c.pump(func(int, int64) {}) }()

	for range 10 {
		if err := c.fire(nowNS()); err != nil {
			t.Fatal(err)
		}
	}
	if h := <-answered; h != "7" {
		t.Errorf("answered h=%s to the server, want 7", h)
	}
	r := &result{Extra: map[string]float64{}}
	r.acknowledged([]*client{c})
	if r.Errors != 0 || c.sm.acked.Load() != 10 || sent.Load() != 10 {
		t.Errorf("acked %d, arrived %d, errors %d; want 10, 10, 0", c.sm.acked.Load(), sent.Load(), r.Errors)
	}
	if got := r.Extra["sm_asked"]; got != 4 { // after 3, 6, 9, and in the end
		t.Errorf("asked %g times, want 4", got)
	}
	c.sm.acked.Store(12)
	cfg.timeout = 50 * time.Millisecond
	_ = here.Close()
	if r.acknowledged([]*client{c}); r.Extra["sm_acked_unsent"] != 2 {
		t.Errorf("the server acknowledged 2 too many, found %g", r.Extra["sm_acked_unsent"])
	}
}

// connected returns the two ends of a TCP connection: unlike net.Pipe it has
// room for what both write at once.
func connected(t *testing.T) (here, there net.Conn) {
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
	return here, there
}

func TestTable(t *testing.T) {
	name := t.TempDir() + "/results.jsonl"
	for i, label := range []string{"a", "a", "a", "b"} {
		cfg.json, cfg.label = name, label
		r := between("msg", "full pairs=1", "msg", snap{t: time.Unix(0, 0)}, snap{t: time.Unix(1, 0), server: int64(100 * (i + 1))}, 100, nil)
		if err := r.emit(); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := table(&out, name); err != nil {
		t.Fatal(err)
	}
	const want = "| scenario | parameters | unit | a | b |\n|---|---|---|---|---|\n" +
		"| msg | full pairs=1 | msg | **2.0 µs**, 100/s; lg 0 | **4.0 µs**, 100/s; lg 0; n=1 |\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestAnswers cuts a roster result at each place, another comes behind it: the
// items are counted once each, and for the right answer.
func TestAnswers(t *testing.T) {
	const two = "<iq type='result' id='ro'><query xmlns='jabber:iq:roster'><item jid='a'/><item jid='b'><group>g</group></item></query></iq>"
	const one = "<iq type='result' id='ro'><query xmlns='jabber:iq:roster'><item jid='a'/></query></iq>"
	for i := range two {
		var a answers
		var got []int
		for _, piece := range []string{two[:i], two[i:], one} {
			a.piece([]byte(piece), func(items int) { got = append(got, items) })
		}
		if !slices.Equal(got, []int{2, 1}) {
			t.Fatalf("cut at %d: got %v, want [2 1]", i, got)
		}
	}
}

func TestCPUClock(t *testing.T) {
	a, ok := cpuClock(os.Getpid())
	if !ok {
		t.Skip("no CPU clocks of other processes here")
	}
	for until := selfCPU() + 5000; selfCPU() < until; {
		bytes.Count(make([]byte, 1<<16), itemMark)
	}
	b, _ := cpuClock(os.Getpid())
	if _, ticks, _ := readStat(os.Getpid()); b <= a || b < ticks*tickUS-tickUS || b > ticks*tickUS+3*tickUS {
		t.Errorf("CPU clock went from %d to %d us, /proc says %d", a, b, ticks*tickUS)
	}
	if _, ok := cpuClock(1 << 22); ok { // beyond the greatest pid
		t.Error("a process that is not there has a clock")
	}
}
