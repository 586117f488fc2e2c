// SPDX-License-Identifier: Apache-2.0

package c2s_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/modules"
)

const (
	config = "modules_enabled = { \"ping\", \"roster\" }\n"
	header = "<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)

func stranger(t testing.TB, s *coretest.Server) *coretest.Client {
	t.Helper()
	return coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
}

// wantEnd waits for the end of a stream and checks the stream error; "" is an
// end without one.
func wantEnd(t *testing.T, c *coretest.Client, want string) {
	t.Helper()
	cause := c.Ended()
	got := ""
	if !cause.IsZero() {
		got = cause.First().Local()
		if space := cause.First().Space(); space != "urn:ietf:params:xml:ns:xmpp-streams" {
			t.Errorf("condition in %s", space)
		}
	}
	if got != want {
		t.Errorf("ended with %q, want %q", got, want)
	}
}

// TestHeaderErrors opens streams that cannot be (RFC 6120 sections 4.7, 4.8
// and 4.9.3).
func TestHeaderErrors(t *testing.T) {
	replace := func(was, is string) string { return strings.Replace(header, was, is, 1) }
	cases := []struct{ name, send, want string }{
		{"another host", replace("to='example.org'", "to='example.net'"), "host-unknown"},
		{"no host", replace("to='example.org' ", ""), "improper-addressing"},
		{"an account as host", replace("to='example.org'", "to='romeo@example.org'"), "improper-addressing"},
		{"no domain", replace("to='example.org'", "to='@@'"), "improper-addressing"},
		{"no version", replace(" version='1.0'", ""), "unsupported-version"},
		{"version 0.9", replace("1.0", "0.9"), "unsupported-version"},
		{"version that is none", replace("1.0", "one"), "unsupported-version"},
		{"version without minor", replace("1.0", "1"), "unsupported-version"},
		{"negative version", replace("1.0", "-1.0"), "unsupported-version"},
		{"server's namespace", replace("jabber:client", "jabber:server"), "invalid-namespace"},
		{"unknown content", replace("jabber:client", "jabber:nobody"), "invalid-namespace"},
		{"unknown stream", replace("http://etherx.jabber.org/streams", "http://example.org/streams"), "invalid-namespace"},
		{"no prefix", "<stream to='example.org' xmlns='jabber:client' version='1.0'>", "bad-namespace-prefix"},
		{"another element", replace("<stream:stream", "<stream:river"), "bad-format"},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", "not-well-formed"},
		{"a doctype", "<!DOCTYPE x [<!ENTITY a 'b'>]>" + header, "restricted-xml"},
		{"a comment", "<!-- hello -->" + header, "restricted-xml"},
		{"an instruction", "<?php x?>" + header, "restricted-xml"},
		{"latin 1", "<?xml version='1.0' encoding='iso-8859-1'?>" + header, "unsupported-encoding"},
		{"twice the same attribute", replace("version='1.0'", "version='1.0' version='1.0'"), "not-well-formed"},
		{"no end of size", "<stream:stream to='" + strings.Repeat("a", 12_000), "policy-violation"},
	}
	s := coretest.New(t, config, modules.All...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cl := stranger(t, s)
			cl.Send(c.send)
			wantEnd(t, cl, c.want)
		})
	}
}

// TestVersions opens streams of later versions: they are answered with ours.
func TestVersions(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	for _, v := range []string{"1.0", "1.1", "2.0", "01.00", "1.99"} {
		c := stranger(t, s)
		c.Send(strings.Replace(header, "1.0", v, 1))
		if e := c.Next(); !e.Is(element.NSStream, "features") {
			t.Errorf("version %s: got %s", v, e)
		}
	}
}

// TestHeader checks the header that answers (RFC 6120 section 4.7).
func TestHeader(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	ids := make(map[string]bool)
	for range 3 {
		conn := s.Dial("c2s")
		r := element.NewReader(element.DefaultLimits)
		go io.WriteString(conn, "<?xml version='1.0'?>"+strings.Replace(header, " to=", " xml:lang='de' from='romeo@example.org' to=", 1))
		var h element.Header
		for {
			tok, err := r.Next()
			if err == nil && tok.Kind == element.StreamHeader {
				h = tok.Header
				break
			}
			if err != nil && !errors.Is(err, element.ErrMore) {
				t.Fatal(err)
			}
			n, err := conn.Read(r.Space(4096))
			if err != nil {
				t.Fatal(err)
			}
			r.Filled(n)
		}
		if h.From != "example.org" || h.Version != "1.0" || h.Lang == "" || h.Content != element.NSClient || len(h.ID) < 16 || ids[h.ID] {
			t.Errorf("got %+v", h)
		}
		if h.To != "" {
			t.Error("an address that came in clear is told in clear")
		}
		ids[h.ID] = true
		_ = conn.Close() // it has done its work
	}
}

// TestStrangersErrors sends what only a friend may send, and what nobody may.
func TestStrangersErrors(t *testing.T) {
	cases := []struct{ name, send, want string }{
		{"message", "<message to='juliet@example.org'><body>hi</body></message>", "not-authorized"},
		{"presence", "<presence/>", "not-authorized"},
		{"iq", "<iq type='get' id='a'><ping xmlns='urn:xmpp:ping'/></iq>", "not-authorized"},
		{"unknown element", "<hello xmlns='urn:example'/>", "not-authorized"},
		{"unknown stanza", "<hello/>", "unsupported-stanza-type"},
		{"text", "hello", "bad-format"},
		{"prefix", "<x:message xmlns='jabber:client'/>", "not-well-formed"},
		{"not nested", "<message><body></message>", "not-well-formed"},
		{"size", "<message><body>" + strings.Repeat("x", 10_001), "policy-violation"},
		{"depth", strings.Repeat("<a xmlns='urn:example'>", 20), "policy-violation"},
		{"children", "<a xmlns='urn:example'>" + strings.Repeat("<b/>", 300), "policy-violation"},
		{"entity", "<a xmlns='urn:example'>&lol;</a>", "not-well-formed"},
		{"comment", "<!-- -->", "restricted-xml"},
		{"our error", "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", ""},
		{"end", "</stream:stream>", ""},
	}
	s := coretest.New(t, config, modules.All...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cl := stranger(t, s)
			cl.Open()
			cl.Send(c.send)
			wantEnd(t, cl, c.want)
		})
	}
}

// TestBoundErrors sends what ends a bound stream.
func TestBoundErrors(t *testing.T) {
	cases := []struct{ name, send, want string }{
		{"another's address", "<message from='juliet@example.org/balcony' to='nurse@example.org'><body>hi</body></message>", "invalid-from"},
		{"another's presence", "<presence from='juliet@example.org'/>", "invalid-from"},
		{"another resource", "<iq type='get' id='a' from='romeo@example.org/other'><ping xmlns='urn:xmpp:ping'/></iq>", "invalid-from"},
		{"the host", "<message from='example.org' to='juliet@example.org'/>", "invalid-from"},
		{"unknown stanza", "<hello/>", "unsupported-stanza-type"},
		{"unknown element", "<hello xmlns='urn:example'/>", "unsupported-stanza-type"},
		{"not nested", "<message><body></message>", "not-well-formed"},
		{"forbidden character", "<message><body>\x01</body></message>", "not-well-formed"},
		{"not UTF-8", "<message><body>\xff</body></message>", "not-well-formed"},
		{"size", "<message><body>" + strings.Repeat("x", 262_145), "policy-violation"},
		{"depth", "<message>" + strings.Repeat("<a xmlns='urn:example'>", 200), "policy-violation"},
		{"children", "<message>" + strings.Repeat("<b/>", 25_001), "policy-violation"},
		{"attributes", "<message " + attributes(100) + "/>", "policy-violation"},
		{"instruction", "<?x y?>", "restricted-xml"},
		{"second login", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AAAA</auth>", "*"},
		{"a stream error", "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", ""},
	}
	s := coretest.New(t, config, modules.All...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cl := s.Login("romeo", "orchard")
			cl.Send(c.send)
			if c.want == "*" { // refused or ended, but not let in
				if e, err := cl.Try(10 * time.Second); err == nil && e.Local() == "success" {
					t.Errorf("got %s", e)
				}
				return
			}
			wantEnd(t, cl, c.want)
		})
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("x", i) + "='1'")
	}
	return b.String()
}

// TestFrom has addresses that a client may write (RFC 6120 section 8.1.2.1):
// the full JID is what arrives.
func TestFrom(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	for _, from := range []string{"", " from='romeo@example.org'", " from='romeo@example.org/orchard'", " from='ROMEO@Example.org/orchard'"} {
		romeo.Send("<message" + from + " to='juliet@example.org/balcony'/>")
		if e := juliet.Next(); e.Attr("from") != "romeo@example.org/orchard" {
			t.Errorf("%s: got %s", from, e)
		}
	}
	romeo.Quiet()
}

// TestLang has the stream's language on stanzas that say none (RFC 6120
// section 8.1.5).
func TestLang(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	juliet := s.Login("juliet", "balcony")
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	romeo := stranger(t, s)
	romeo.Plain("romeo", coretest.Password("romeo"))
	romeo.Bind("orchard")
	german := stranger(t, s)
	german.Open()
	german.Send(plain("romeo"))
	german.Next()
	german.Send(strings.Replace(header, " to=", " xml:lang='de' to=", 1))
	german.Next()
	german.Bind("garten")
	for _, c := range []struct{ attr, want string }{{"", "de"}, {" xml:lang='it'", "it"}} {
		german.Send("<message" + c.attr + " to='juliet@example.org/balcony'/>")
		e := juliet.Next()
		if got, _ := e.AttrNS(element.NSXML, "lang"); got != c.want {
			t.Errorf("%q: got %q, want %q", c.attr, got, c.want)
		}
	}
}
