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
	var e *element.Error
	if errors.As(err, &e) {
		return e.Condition
	}
	return fmt.Sprint(err)
}

// TestStreamErrors has every way to break a stream that RFC 6120 names a
// condition for and that shows in its XML.
func TestStreamErrors(t *testing.T) {
	deep := strings.Repeat("<a>", 10)
	var attrs, prefixes strings.Builder
	for i := range 40 {
		fmt.Fprintf(&attrs, " a%d=''", i)
		fmt.Fprintf(&prefixes, "<a xmlns:p%d='urn:p'>", i)
	}
	tests := []struct{ name, in, want string }{
		// 4.9.3.1
		{"text between stanzas", plainHeader + "hello", "bad-format"},
		{"root of another name", `<stream:flow xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`, "bad-format"},
		// 4.9.3.2
		{"stream without its prefix", `<stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`, "bad-namespace-prefix"},
		{"stream without a namespace", `<stream>`, "bad-namespace-prefix"},
		{"element with the prefix xml", plainHeader + `<xml:a/>`, "bad-namespace-prefix"},
		// 4.9.3.10
		{"wrong stream namespace", `<stream:stream xmlns='jabber:client' xmlns:stream='http://wrong.namespace.example.org/'>`, "invalid-namespace"},
		{"wrong default namespace", `<stream xmlns='http://wrong.namespace.example.org/'>`, "invalid-namespace"},
		{"wrong content namespace", `<stream:stream xmlns='jabber:wrong' xmlns:stream='http://etherx.jabber.org/streams'>`, "invalid-namespace"},
		// 4.9.3.13
		{"no XML", "GET / HTTP/1.1\r\n", "not-well-formed"},
		{"TLS", "\x16\x03\x01\x02\x00\x01", "not-well-formed"},
		{"end before the begin", `</stream:stream>`, "not-well-formed"},
		{"XML declaration without a version", `<?xml encoding='UTF-8'?>`, "not-well-formed"},
		{"XML 1.1", `<?xml version='1.1'?>`, "not-well-formed"},
		{"XML declaration with a fault", `<?xml version='1.0' colour='red'?>`, "not-well-formed"},
		{"XML declaration in disorder", `<?xml version='1.0' standalone='yes' encoding='UTF-8'?>`, "not-well-formed"},
		{"XML declaration without a blank", `<?xml version='1.0'encoding='UTF-8'?>`, "not-well-formed"},
		{"XML declaration with another answer", `<?xml version='1.0' standalone='maybe'?>`, "not-well-formed"},
		{"endless XML declaration", `<?xml version='1.0'` + strings.Repeat(" ", 300), "not-well-formed"},
		{"byte order mark", "\ufeff" + plainHeader, "not-well-formed"},
		{"unbound stream prefix", `<stream:stream xmlns='jabber:client'>`, "not-well-formed"},
		{"no name", plainHeader + `< a/>`, "not-well-formed"},
		{"digit first", plainHeader + `<1a/>`, "not-well-formed"},
		{"combining character first", plainHeader + "<\u0301a/>", "not-well-formed"},
		{"digit behind the colon", plainHeader + `<a xmlns:p='urn:p'><p:1/></a>`, "not-well-formed"},
		{"two colons", plainHeader + `<a:b:c/>`, "not-well-formed"},
		{"colon first", plainHeader + `<:a/>`, "not-well-formed"},
		{"colon last", plainHeader + `<a:/>`, "not-well-formed"},
		{"multiplication sign in a name", plainHeader + `<a×/>`, "not-well-formed"},
		{"wrong end tag", plainHeader + `<a></b>`, "not-well-formed"},
		{"longer end tag", plainHeader + `<a></ab>`, "not-well-formed"},
		{"end tag with an attribute", plainHeader + `<a></a b=''>`, "not-well-formed"},
		{"wrong end of the stream", plainHeader + `</stream:steam>`, "not-well-formed"},
		{"end of the stream in a stanza", plainHeader + `<a></stream:stream>`, "not-well-formed"},
		{"text behind the end of the stream", plainHeader + `</stream:stream>x`, "not-well-formed"},
		{"slash in a tag", plainHeader + `<a/ >`, "not-well-formed"},
		{"attribute without a value", plainHeader + `<a b/>`, "not-well-formed"},
		{"value without quotes", plainHeader + `<a b=c/>`, "not-well-formed"},
		{"no blank between attributes", plainHeader + `<a b='1'c='2'/>`, "not-well-formed"},
		{"less-than in a value", plainHeader + `<a b='<'/>`, "not-well-formed"},
		{"duplicate attribute", plainHeader + `<a b='1' b='2'/>`, "not-well-formed"},
		{"duplicate attribute by namespace", plainHeader + `<a xmlns:p='urn:p' xmlns:q='urn:p' p:b='1' q:b='2'/>`, "not-well-formed"},
		{"duplicate namespace", plainHeader + `<a xmlns='urn:a' xmlns='urn:b'/>`, "not-well-formed"},
		{"unbound prefix", plainHeader + `<a:b/>`, "not-well-formed"},
		{"unbound prefix of an attribute", plainHeader + `<a b:c=''/>`, "not-well-formed"},
		{"prefix out of scope", plainHeader + `<a><b xmlns:p='urn:p'/><p:c/></a>`, "not-well-formed"},
		{"prefix without a namespace", plainHeader + `<a xmlns:p=''/>`, "not-well-formed"},
		{"prefix xmlns", plainHeader + `<xmlns:a/>`, "not-well-formed"},
		{"prefix xmlns declared", plainHeader + `<a xmlns:xmlns='urn:x'/>`, "not-well-formed"},
		{"prefix xml declared", plainHeader + `<a xmlns:xml='urn:x'/>`, "not-well-formed"},
		{"namespace of xml", plainHeader + `<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>`, "not-well-formed"},
		{"namespace of xml as default", plainHeader + `<a xmlns='http://www.w3.org/XML/1998/namespace'/>`, "not-well-formed"},
		{"namespace of xmlns", plainHeader + `<a xmlns:p='http://www.w3.org/2000/xmlns/'/>`, "not-well-formed"},
		{"namespace of xmlns as default", plainHeader + `<a xmlns='http://www.w3.org/2000/xmlns/'/>`, "not-well-formed"},
		{"undefined entity", plainHeader + `<a>&nbsp;</a>`, "not-well-formed"},
		{"lonely ampersand", plainHeader + `<a>a & b</a>`, "not-well-formed"},
		{"lonely ampersand in a value", plainHeader + `<a b='a&b'/>`, "not-well-formed"},
		{"reference without an end", plainHeader + `<a>&` + strings.Repeat("a", 40), "not-well-formed"},
		{"reference to NUL", plainHeader + `<a>&#0;</a>`, "not-well-formed"},
		{"reference to a surrogate", plainHeader + `<a>&#xD800;</a>`, "not-well-formed"},
		{"reference beyond Unicode", plainHeader + `<a>&#x110000;</a>`, "not-well-formed"},
		{"reference that overflows", plainHeader + `<a>&#18446744073709551681;</a>`, "not-well-formed"},
		{"empty reference", plainHeader + `<a>&#;</a>`, "not-well-formed"},
		{"empty hexadecimal reference", plainHeader + `<a>&#x;</a>`, "not-well-formed"},
		{"reference with a capital X", plainHeader + `<a>&#X41;</a>`, "not-well-formed"},
		{"end of CDATA in text", plainHeader + `<a>]]></a>`, "not-well-formed"},
		{"control character", plainHeader + "<a>\x00</a>", "not-well-formed"},
		{"control character in a value", plainHeader + "<a b='\x1f'/>", "not-well-formed"},
		{"control character in CDATA", plainHeader + "<a><![CDATA[\x01]]></a>", "not-well-formed"},
		{"control character between stanzas", plainHeader + "\x01", "not-well-formed"},
		{"noncharacter", plainHeader + "<a>\uffff</a>", "not-well-formed"},
		{"invalid UTF-8", plainHeader + "<a>\xff</a>", "not-well-formed"},
		{"overlong UTF-8", plainHeader + "<a>\xc0\x80</a>", "not-well-formed"},
		{"surrogate in UTF-8", plainHeader + "<a>\xed\xa0\x80</a>", "not-well-formed"},
		{"invalid UTF-8 in a name", plainHeader + "<\xffa/>", "not-well-formed"},
		{"unknown markup", plainHeader + "<a><![FOO[</a>", "not-well-formed"},
		{"CDATA between stanzas", plainHeader + "<![CDATA[a]]>", "not-well-formed"},
		{"reference between stanzas", plainHeader + "&lt;", "not-well-formed"},
		// 4.9.3.14
		{"too deep", plainHeader + deep, "policy-violation"},
		{"too many attributes", plainHeader + "<a" + attrs.String(), "policy-violation"},
		{"too many elements", plainHeader + "<a>" + strings.Repeat("<b/>", 30), "policy-violation"},
		{"too large", plainHeader + "<a>" + strings.Repeat("x", 1000), "policy-violation"},
		{"too large but complete", plainHeader + "<a>" + strings.Repeat("x", 1000) + "</a>", "policy-violation"},
		{"stream too large", `<stream:stream a='` + strings.Repeat("x", 1000), "policy-violation"},
		{"too large once its prefixes are gone", plainHeader + `<a xmlns:p='urn:` + strings.Repeat("x", 400) + `'><p:a/><p:b/><p:c/></a>`, "policy-violation"},
		{"too many prefixes", plainHeader + prefixes.String(), "policy-violation"},
		// 4.9.3.18, 11.1
		{"comment", plainHeader + `<!-- c -->`, "restricted-xml"},
		{"comment in a stanza", plainHeader + `<a><!-- c --></a>`, "restricted-xml"},
		{"comment before the stream", `<!-- c -->` + plainHeader, "restricted-xml"},
		{"processing instruction", plainHeader + `<?php ?>`, "restricted-xml"},
		{"processing instruction in a stanza", plainHeader + `<a><?php ?></a>`, "restricted-xml"},
		{"processing instruction before the stream", `<?php ?>`, "restricted-xml"},
		{"style sheet before the stream", `<?xml-stylesheet href='a'?>`, "restricted-xml"},
		{"second XML declaration", xmlDecl + xmlDecl + plainHeader, "restricted-xml"},
		{"XML declaration in the stream", plainHeader + xmlDecl, "restricted-xml"},
		{"document type", `<!DOCTYPE stream>` + plainHeader, "restricted-xml"},
		{"entity bomb", xmlDecl + `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;">]>`, "restricted-xml"},
		{"document type in a stanza", plainHeader + `<a><!ENTITY b 'c'></a>`, "restricted-xml"},
		// 4.9.3.22, 11.6
		{"Latin 1", `<?xml version='1.0' encoding='ISO-8859-1'?>`, "unsupported-encoding"},
		{"UTF-16 with a mark", "\xff\xfe<\x00", "unsupported-encoding"},
		{"UTF-16 with the other mark", "\xfe\xff\x00<", "unsupported-encoding"},
		{"UTF-16 without a mark", "\x00<\x00?", "unsupported-encoding"},
		{"UTF-16 the other way", "<\x00?\x00", "unsupported-encoding"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limits := element.Limits{Bytes: 800, Depth: 8, Attrs: 20, Children: 20}
			if tt.name == "too many prefixes" {
				limits.Depth = 100
			}
			r := element.NewReader(limits)
			_, err := read(r, tt.in)
			if got := condition(err); got != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if _, again := r.Next(); !errors.Is(again, err) {
				t.Errorf("the error is not final: %v", again)
			}
			r = element.NewReader(limits)
			for i := range tt.in {
				if _, err = read(r, tt.in[i:i+1]); !errors.Is(err, element.ErrMore) && !errors.Is(err, io.EOF) {
					break
				}
			}
			if got := condition(err); got != tt.want {
				t.Errorf("byte by byte: got %v, want %s", err, tt.want)
			}
		})
	}
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

// TestNormalForm says what is read from streams of all kinds.
func TestNormalForm(t *testing.T) {
	const (
		client  = plainHeader
		lang    = clientHeader
		server  = `<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'>`
		comp    = `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>`
		free    = `<stream xmlns='http://etherx.jabber.org/streams'>`
		prefix  = `<stream xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:client' xmlns:p='urn:p'>`
		badLang = `<stream:stream xml:lang="a'b" xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`
	)
	tests := []struct{ name, header, in, want string }{
		{"as it is", client, chatXML, chatXML},
		{"blanks and quotes stay", client, "<message\n to = \"a\"  ><body >x</body ></message >", "<message\n to = \"a\"  ><body >x</body ></message >"},
		{"namespace of the stream", client, `<message xmlns='jabber:client' to='a'><body/></message>`, `<message to='a'><body/></message>`},
		{"namespace of the stream last", client, `<message to='a' xmlns='jabber:client'/>`, `<message to='a'/>`},
		{"namespace of the stream between", client, "<message to='a' \n xmlns='jabber:client'\tid='b'><a xmlns='urn:a' b='c'/></message>", "<message to='a'\tid='b'><a xmlns='urn:a' b='c'/></message>"},
		{"namespace of the stream below", client, `<message><body xmlns="jabber:client">x</body></message>`, `<message><body>x</body></message>`},
		{"namespace of the stream with a reference", client, `<message xmlns='jabber&#58;client'/>`, `<message/>`},
		{"stanza namespace in another", client, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`},
		{"server namespace of a client", client, `<message xmlns='jabber:server'/>`, `<message xmlns='jabber:server'/>`},
		{"server", server, `<message to='a'><body/></message>`, `<message to='a'><body/></message>`},
		{"server explicit", server, `<message xmlns='jabber:server'><body/></message>`, `<message><body/></message>`},
		{"client namespace of a server", server, `<message xmlns='jabber:client'><body/></message>`, `<message><body/></message>`},
		{"server, client forwarded", server, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`},
		{"server, server forwarded", server, `<message><f xmlns='urn:f'><message xmlns='jabber:server'/></f></message>`, `<message><f xmlns='urn:f'><message xmlns='jabber:client'/></f></message>`},
		{"component", comp, `<message xmlns='jabber:component:accept'><body/></message>`, `<message><body/></message>`},
		{"prefix from the header", server, `<db:result from='a' to='b'>k</db:result>`, `<result xmlns='jabber:server:dialback' from='a' to='b'>k</result>`},
		{"stream error", client, `<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`, `<error xmlns='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>`},
		{"attribute with a prefix from the header", server, `<message db:a='1'/>`, `<message xmlns:db='jabber:server:dialback' db:a='1'/>`},
		{"prefix below", client, `<message><p:a xmlns:p='urn:p'><p:b p:c='1'/><d/></p:a></message>`, `<message><a xmlns='urn:p' xmlns:p='urn:p'><b p:c='1'/><d xmlns='jabber:client'/></a></message>`},
		{"declared and not used", client, `<message xmlns:p='urn:p'><a xmlns='urn:a' type='p:x'/></message>`, `<message xmlns:p='urn:p'><a xmlns='urn:a' type='p:x'/></message>`},
		{"no namespace", client, `<message><a xmlns=''/></message>`, `<message><a xmlns=''/></message>`},
		{"stream namespace as default", free, `<message xmlns='jabber:client'><body/></message>`, `<message><body/></message>`},
		{"stream namespace as default, server", free, `<message xmlns='jabber:server'><body/></message>`, `<message><body/></message>`},
		{"features below the default", free, `<features><a xmlns='urn:a'/></features>`, `<features xmlns='http://etherx.jabber.org/streams'><a xmlns='urn:a'/></features>`},
		{"content namespace with a prefix", prefix, `<c:message p:a='1'><c:body/><x/></c:message>`, `<message xmlns:p='urn:p' p:a='1'><body/><x xmlns='http://etherx.jabber.org/streams'/></message>`},
		{"CDATA", client, `<message><body>a<![CDATA[<b>&]]>c</body></message>`, `<message><body>a&lt;b&gt;&amp;c</body></message>`},
		{"CDATA that would end in text", client, `<message><body><![CDATA[]]]]>></body></message>`, `<message><body>]]&gt;</body></message>`},
		{"empty CDATA", client, `<message><body><![CDATA[]]></body></message>`, `<message><body/></message>`},
		{"language", lang, `<message to='a'><body/></message>`, `<message xml:lang='de' to='a'><body/></message>`},
		{"language and namespace", lang, `<message id='b' xmlns='jabber:client' to='a'/>`, `<message xml:lang='de' id='b' to='a'/>`},
		{"language and CDATA", lang, `<message><![CDATA[]]></message>`, `<message xml:lang='de'/>`},
		{"own language", lang, `<message xml:lang='fr'/>`, `<message xml:lang='fr'/>`},
		{"language not on others", lang, `<a xmlns='urn:xmpp:sm:3' h='1'/>`, `<a xmlns='urn:xmpp:sm:3' h='1'/>`},
		{"language with a quote", badLang, `<message/>`, `<message xml:lang='a&apos;b'/>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(element.NewReader(element.DefaultLimits), tt.header+tt.in)
			if !errors.Is(err, element.ErrMore) || len(got) != 2 || got[1].Kind != element.TopLevel {
				t.Fatalf("got %+v, %v", got, err)
			}
			if s := got[1].Element.String(); s != tt.want {
				t.Errorf("\n got %s\nwant %s", s, tt.want)
			}
			tree, err := element.Parse([]byte(tt.want))
			if err != nil || !element.Equal(tree, got[1].Element) {
				t.Errorf("the tree is not that of its bytes: %v", err)
			}
		})
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
