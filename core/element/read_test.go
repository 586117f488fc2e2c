// SPDX-License-Identifier: Apache-2.0

package element_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"tercet/core/element"
)

const (
	xmlDecl      = `<?xml version='1.0'?>`
	clientHeader = `<stream:stream to='example.net' from='a@example.net' version='1.0' xml:lang='de' ` +
		`xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`
	plainHeader = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`
)

func feed(r *element.Reader, s string) {
	copy(r.Space(len(s)), s)
	r.Filled(len(s))
}

// read returns the tokens of s, and the error at their end.
func read(r *element.Reader, s string) ([]element.Token, error) {
	feed(r, s)
	var all []element.Token
	for {
		tok, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, tok)
	}
}

// condition returns the condition of a stream error, or the error's text.
func condition(err error) string {
	if e, ok := errors.AsType[*element.Error](err); ok {
		return e.Condition
	}
	return fmt.Sprint(err)
}

func TestHeader(t *testing.T) {
	long := element.Header{To: "example.net", From: "a@example.net", Version: "1.0", Lang: "de", Content: "jabber:client"}
	tests := []struct {
		name, in string
		want     element.Header
	}{
		{"usual", clientHeader, long},
		{"XML declaration", xmlDecl + clientHeader, long},
		{"XML declaration in full", `<?xml version = "1.0" encoding='utf-8' standalone="yes" ?>` + "\r\n" + clientHeader, long},
		{"blanks before", " \n" + xmlDecl + "\n" + clientHeader, long},
		{"another prefix", `<foobar:stream xmlns='jabber:server' xmlns:foobar='http://etherx.jabber.org/streams'>`, element.Header{Content: "jabber:server"}},
		{"component", `<stream:stream xmlns='jabber:component:accept' to='c' xmlns:stream='http://etherx.jabber.org/streams'>`, element.Header{To: "c", Content: "jabber:component:accept"}},
		{"stream namespace as default", `<stream xmlns='http://etherx.jabber.org/streams' id='1'>`, element.Header{ID: "1"}},
		{"content namespace with a prefix", `<stream xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:server'>`, element.Header{Content: "jabber:server"}},
		{"values with references", `<stream:stream from='a&amp;b' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`, element.Header{From: "a&b", Content: "jabber:client"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(element.NewReader(element.DefaultLimits), tt.in)
			if !errors.Is(err, element.ErrMore) || len(got) != 1 || got[0].Kind != element.StreamHeader || got[0].Header != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

// TestHeaderBesideError: RFC 6120 4.9.1.2 wants an answer with a header even
// to a stream that is refused, for which the attributes are needed.
func TestHeaderBesideError(t *testing.T) {
	r := element.NewReader(element.DefaultLimits)
	feed(r, `<stream:stream to='example.net' xmlns='jabber:client' xmlns:stream='urn:wrong'>`)
	tok, err := r.Next()
	if condition(err) != "invalid-namespace" || tok.Header.To != "example.net" {
		t.Errorf("got %+v, %v", tok, err)
	}
}

const chatXML = `<message to='juliet@example.com' type='chat'><body>Art thou not Romeo, &amp; a Montagüe?</body></message>`

func TestTokens(t *testing.T) {
	r := element.NewReader(element.DefaultLimits)
	in := "\n" + plainHeader + " \t\r\n<a/><b/>\n</stream:stream >\n"
	got, err := read(r, in)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	want := []element.TokenKind{
		element.StreamHeader, element.Whitespace, element.TopLevel, element.TopLevel, element.Whitespace, element.StreamEnd,
	}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got[i].Kind != want[i] {
			t.Errorf("token %d is %d, want %d", i, got[i].Kind, want[i])
		}
	}
	if r.Bytes() != int64(len(in)) || r.Buffered() != 0 {
		t.Errorf("%d bytes consumed, %d buffered, want %d and 0", r.Bytes(), r.Buffered(), len(in))
	}
	if got, err := read(element.NewReader(element.DefaultLimits), strings.Replace(plainHeader, ">", "/>", 1)); !errors.Is(err, io.EOF) || len(got) != 2 || got[1].Kind != element.StreamEnd {
		t.Errorf("a stream that is its own end: %+v, %v", got, err)
	}
}

func TestRestart(t *testing.T) {
	r := element.NewReader(element.DefaultLimits)
	// pipelined: the new stream waits behind the element that asks for it
	feed(r, clientHeader+"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"+xmlDecl+
		`<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams'><s:a/><message/></s:stream>`)
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	r.Restart()
	tok, err := r.Next()
	if err != nil || tok.Header != (element.Header{Content: "jabber:server"}) {
		t.Fatalf("got %+v, %v", tok, err)
	}
	if tok, err = r.Next(); err != nil || !tok.Element.Is(element.NSStream, "a") {
		t.Fatalf("got %s, %v", tok.Element, err)
	}
	if tok, err = r.Next(); err != nil || tok.Element.String() != "<message/>" {
		t.Fatalf("the language of the old stream is left: %s, %v", tok.Element, err)
	}
}

func TestDiscard(t *testing.T) {
	r := element.NewReader(element.DefaultLimits)
	feed(r, plainHeader+"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><message><body>injected")
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, element.ErrMore) {
		t.Fatal(err)
	}
	r.Discard()
	r.Restart()
	if r.Buffered() != 0 {
		t.Errorf("%d bytes are left", r.Buffered())
	}
	if got, err := read(r, plainHeader+"<message/>"); !errors.Is(err, element.ErrMore) || len(got) != 2 || got[1].Element.String() != "<message/>" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSetLimits(t *testing.T) {
	r := element.NewReader(element.Limits{Bytes: 200, Depth: 2, Attrs: 8, Children: 2})
	if _, err := read(r, plainHeader); !errors.Is(err, element.ErrMore) {
		t.Fatal(err)
	}
	r.SetLimits(element.DefaultLimits)
	big := "<a>" + strings.Repeat("<b><c/></b>", 500) + "</a>"
	if got, err := read(r, big); !errors.Is(err, element.ErrMore) || len(got) != 1 || got[0].Element.Size() != len(big) {
		t.Fatalf("got %d tokens, %v", len(got), err)
	}
	r.SetLimits(element.Limits{Bytes: 100, Depth: 2, Attrs: 8, Children: 2})
	if _, err := read(r, "<a>"+strings.Repeat("x", 100)); condition(err) != "policy-violation" {
		t.Errorf("the lower limit does not hold: %v", err)
	}
}

// TestRelease: a Reader keeps a buffer exactly as long as bytes wait in it,
// and goes on in the middle of an element.
func TestRelease(t *testing.T) {
	r := element.NewReader(element.DefaultLimits)
	in := plainHeader + "<message to='a'><body>x</body></message> <iq id='1'/>"
	var got []element.Token
	for i := range in {
		feed(r, in[i:i+1])
		for {
			tok, err := r.Next()
			if err != nil {
				break
			}
			got = append(got, tok)
		}
		r.Release()
	}
	if len(got) != 4 || got[1].Element.String() != "<message to='a'><body>x</body></message>" {
		t.Fatalf("got %+v", got)
	}
	if r.Buffered() != 0 {
		t.Errorf("%d bytes are left", r.Buffered())
	}
	// what was released must not be written to by the next stream
	other := element.NewReader(element.DefaultLimits)
	feed(other, strings.Repeat("?", len(in)))
	if got[1].Element.String() != "<message to='a'><body>x</body></message>" {
		t.Errorf("an element lies in a pooled buffer: %s", got[1].Element)
	}
}

// TestSpace grows the buffer by all its ways and loses no byte.
func TestSpace(t *testing.T) {
	r := element.NewReader(element.Limits{Bytes: 1 << 20, Depth: 4, Attrs: 4, Children: 4})
	if _, err := read(r, plainHeader); !errors.Is(err, element.ErrMore) {
		t.Fatal(err)
	}
	for _, size := range []int{1, 1000, 4090, 5000, 20000, 70000, 300000, 900000, 10} {
		want := "<a>" + strings.Repeat("0123456789", size/10+1) + "</a>"
		in := " <b/>" + want + want
		n := 0
		for len(in) > 0 {
			part := in[:min(len(in), 1+size/3)]
			in = in[len(part):]
			if got := len(r.Space(len(part))); got < len(part) {
				t.Fatalf("%d bytes of space, want %d", got, len(part))
			}
			feed(r, part)
			for {
				tok, err := r.Next()
				if errors.Is(err, element.ErrMore) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if tok.Element.Is(element.NSClient, "a") {
					if n++; tok.Element.String() != want {
						t.Fatalf("size %d: bytes were lost", size)
					}
				}
			}
			r.Release()
		}
		if n != 2 {
			t.Errorf("size %d: %d elements, want 2", size, n)
		}
	}
}

// FuzzStream reads anything as a stream: no panic, memory in proportion to
// the limits, and the same tokens in all cuts.
func FuzzStream(f *testing.F) {
	f.Add([]byte(xmlDecl+clientHeader+" "+chatXML+"</stream:stream>"), uint8(3))
	f.Add([]byte(`<stream xmlns='http://etherx.jabber.org/streams'><message xmlns='jabber:server'><a:b xmlns:a='c'/></message></stream>`), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		limits := element.Limits{Bytes: 1000, Depth: 10, Attrs: 10, Children: 30}
		whole, cut := element.NewReader(limits), element.NewReader(limits)
		want, wantErr := tokens(whole, in)
		var got string
		var err error
		for len(in) > 0 && (err == nil || errors.Is(err, element.ErrMore) || errors.Is(err, io.EOF)) {
			n := min(len(in), 1+int(step%16))
			var more string
			more, err = tokens(cut, in[:n])
			got += more
			in = in[n:]
		}
		if got != want || condition(err) != condition(wantErr) && err != nil {
			t.Fatalf("in pieces\n%s %v, in one\n%s %v", got, err, want, wantErr)
		}
		if free := len(cut.Space(1)); free > 16<<10 {
			t.Fatalf("a buffer of %d bytes", free)
		}
	})
}

// tokens is read with all but blanks written out.
func tokens(r *element.Reader, b []byte) (string, error) {
	all, err := read(r, string(b))
	var out strings.Builder
	for _, tok := range all {
		if tok.Kind != element.Whitespace {
			fmt.Fprintf(&out, "%d %+v %s\n", tok.Kind, tok.Header, tok.Element)
		}
	}
	return out.String(), err
}
