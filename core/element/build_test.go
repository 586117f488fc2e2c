// SPDX-License-Identifier: Apache-2.0

package element_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"tercet/core/element"
)

const client = element.NSClient

func TestBuilder(t *testing.T) {
	foreign, err := element.Parse([]byte(`<x xmlns='urn:x' xmlns:p='urn:p'><y p:a='1'/></x>`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		b    *element.Builder
		want string
	}{
		{"empty", element.New(client, "iq"), `<iq/>`},
		{"another namespace", element.New("urn:a&b", "a"), `<a xmlns='urn:a&amp;b'/>`},
		{"no namespace", element.New("", "a").Open("", "b"), `<a xmlns=''><b/></a>`},
		{"attributes", element.New(client, "iq").Attr("type", "get").Attr("to", `<&>'"`), `<iq type='get' to='&lt;&amp;>&apos;&quot;'/>`},
		{"blanks in attributes", element.New(client, "a").Attr("b", "\t\n\r "), `<a b='&#9;&#10;&#13; '/>`},
		{"the last value counts", element.New(client, "a").Attr("b", "1").Attr("c", "2").Attr("b", "3").Attr("c", "").Attr("d", "4").Attr("c", "5"), `<a b='3' d='4' c='5'/>`},
		{"xml:lang", element.New(client, "a").AttrNS(element.NSXML, "lang", "de").AttrNS(element.NSXML, "lang", "en"), `<a xml:lang='en'/>`},
		{"attributes in namespaces", element.New(client, "a").AttrNS("urn:x", "b", "1").AttrNS("urn:y", "b", "2").AttrNS("urn:x", "c", "3").AttrNS("urn:x", "b", "4").AttrNS("", "b", "5"), `<a xmlns:ns1='urn:x' xmlns:ns2='urn:y' ns2:b='2' ns1:c='3' ns1:b='4' b='5'/>`},
		{"attributes of two elements", element.New(client, "a").AttrNS("urn:x", "b", "1").Open(client, "c").AttrNS("urn:x", "b", "2"), `<a xmlns:ns1='urn:x' ns1:b='1'><c xmlns:ns2='urn:x' ns2:b='2'/></a>`},
		{"declaration as attribute", element.New(client, "a").Attr("xmlns", "urn:x").Attr("xmlns:y", "urn:y"), `<a xmlns_y='urn:y'/>`},
		{"attribute too late", element.New(client, "a").Text("x").Attr("b", "c").AttrNS("urn:x", "b", "c"), `<a>x</a>`},
		{"text", element.New(client, "a").Text("1 < 2 > 0 & \"x\" 'y' ]]> \t\n").Text("").Text("\r"), "<a>1 &lt; 2 &gt; 0 &amp; \"x\" 'y' ]]&gt; \t\n&#13;</a>"},
		{"forbidden characters", element.New(client, "a").Attr("b", "\x00\xff\ufffe\ufffd").Text("\x0b\xed\xa0\x80é😀"), "<a b='\ufffd\ufffd\ufffd\ufffd'>\ufffd\ufffd\ufffd\ufffdé😀</a>"},
		{"forbidden names", element.New(client, "1 a:b>").Attr("", "x").Attr("c d=", "y").Open(client, "\xff").Close(), `<_1 />`},
		{"children", element.New(client, "a").Open("urn:x", "b").Open("urn:x", "c").Text("t").Close().Open(client, "d").Close().Close().TextChild(client, "e", "f").TextChild(client, "g", ""), `<a><b xmlns='urn:x'><c>t</c><d xmlns='jabber:client'/></b><e>f</e><g/></a>`},
		{"elements", element.New(client, "a").Child(foreign).Child(element.Element{}).Open("urn:x", "b").Child(foreign).Child(foreign.First()), `<a><x xmlns='urn:x' xmlns:p='urn:p'><y p:a='1'/></x><b xmlns='urn:x'><x xmlns:p='urn:p'><y p:a='1'/></x><y xmlns:p='urn:p' p:a='1'/></b></a>`},
		{"closed too often", element.New(client, "a").Close().Close().Text("x").Open(client, "b").Attr("c", "d").AttrNS("urn:x", "c", "d").TextChild(client, "e", "f").Child(foreign), `<a/>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := tt.b.Element()
			if tt.name == "forbidden names" {
				tt.want = `<__a_b_ _='x' c_d_='y'><_/></__a_b_>`
			}
			if e.IsZero() || e.String() != tt.want {
				t.Fatalf("\n got %s\nwant %s", e, tt.want)
			}
			back, err := element.Parse([]byte(tt.want))
			if err != nil || !element.Equal(back, e) {
				t.Errorf("read back it is %s, %v", back, err)
			}
			tt.b.Attr("late", "x").Text("late").Open(client, "late").Close().Child(foreign)
			if e.String() != tt.want {
				t.Errorf("the builder changes its element to %s", e)
			}
		})
	}
}

// TestBuilderWrapsDeep: what the limits of a stream let in can be wrapped.
func TestBuilderWrapsDeep(t *testing.T) {
	n := element.DefaultLimits.Depth
	e := parse(t, strings.Repeat("<a>", n)+strings.Repeat("</a>", n))
	for range 20 {
		e = element.New(client, "message").Open("urn:xmpp:forward:0", "forwarded").Child(e).Element()
	}
	if e.IsZero() {
		t.Fatal("lost")
	}
}

func FuzzBuilder(f *testing.F) {
	f.Add("urn:x", "a", "b", "c", "text")
	f.Add("", "1", "xmlns", "\x00", "]]>")
	f.Add(element.NSXML, "a:b", "", "\r\n", "\xff")
	f.Fuzz(func(t *testing.T, space, local, attr, value, text string) {
		e := element.New(client, local).Attr(attr, value).AttrNS(element.NSXML, attr, value).Attr("x", value).
			Open("urn:y", local).Text(text).Close().TextChild(client, local, text).Element()
		if e.IsZero() {
			t.Fatalf("no element of %q %q %q %q", local, attr, value, text)
		}
		clean := func(s string) string { return string(element.AppendEscaped(nil, s)) }
		if got := e.ChildText(client, e.Local()); clean(got) != clean(text) {
			t.Fatalf("text %q became %q", text, got)
		}
		if got := e.Attr("x"); utf8.ValidString(value) && attr != "x" && clean(got) != clean(value) {
			t.Fatalf("value %q became %q", value, got)
		}
		// a name of a namespace may be one that can not be declared: no panic
		element.New(space, "a").AttrNS(space, "b", value).Element()
	})
}
