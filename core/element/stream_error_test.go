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

// streamErrors has every way to break a stream that RFC 6120 names a
// condition for and that shows in its XML.
var streamErrors = []struct{ name, in, want string }{
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
	{"too deep", plainHeader + strings.Repeat("<a>", 10), "policy-violation"},
	{"too many attributes", plainHeader + "<a" + numbered(" a%d=''"), "policy-violation"},
	{"too many elements", plainHeader + "<a>" + strings.Repeat("<b/>", 30), "policy-violation"},
	{"too large", plainHeader + "<a>" + strings.Repeat("x", 1000), "policy-violation"},
	{"too large but complete", plainHeader + "<a>" + strings.Repeat("x", 1000) + "</a>", "policy-violation"},
	{"stream too large", `<stream:stream a='` + strings.Repeat("x", 1000), "policy-violation"},
	{"too large once its prefixes are gone", plainHeader + `<a xmlns:p='urn:` + strings.Repeat("x", 400) + `'><p:a/><p:b/><p:c/></a>`, "policy-violation"},
	{"too many prefixes", plainHeader + numbered("<a xmlns:p%d='urn:p'>"), "policy-violation"},
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

// numbered repeats format with the numbers below 40.
func numbered(format string) string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestStreamErrors(t *testing.T) {
	for _, tt := range streamErrors {
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

// TestLongNames: names, prefixes and namespaces have limits of their own.
func TestLongNames(t *testing.T) {
	x := strings.Repeat("x", 1100)
	for _, in := range []string{
		"<" + x, "<a " + x, "<" + x[:256] + ":a/>", "<a xmlns='" + x + "'/>", "<a xmlns:p='" + x + "'/>",
		"<a xmlns:p='" + x[:1000] + "'><b xmlns:q='" + x[:1000] + "'><c xmlns:r='" + x[:1000] + "'/>",
	} {
		if _, err := read(element.NewReader(element.DefaultLimits), plainHeader+in); condition(err) != "policy-violation" {
			t.Errorf("%.40s: got %v, want policy-violation", in, err)
		}
	}
	in := "<" + x[:1000] + " " + x[:1000] + "='' xmlns:" + x[:255] + "='" + x[:1000] + "'/>"
	if got, err := read(element.NewReader(element.DefaultLimits), plainHeader+in); !errors.Is(err, element.ErrMore) || len(got) != 2 {
		t.Errorf("long names are refused: %v", err)
	}
}
