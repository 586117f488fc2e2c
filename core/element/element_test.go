// SPDX-License-Identifier: Apache-2.0

package element_test

import (
	"slices"
	"strings"
	"testing"

	"tercet/core/element"
)

func parse(t *testing.T, s string) element.Element {
	t.Helper()
	e, err := element.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return e
}

// accessed is read by TestAttributes and TestContent.
const accessed = `<message to='a&amp;b' empty="" xml:lang='en' xmlns:p='urn:p' p:to='x'> one <body>hi</body>two<x xmlns='urn:x'><y/></x>` +
	"<body>second&#10;line\r\n</body><![CDATA[ three]]></message>"

// bothWays returns accessed as a document of its own and in an arena.
func bothWays(t *testing.T) []element.Element {
	t.Helper()
	var d element.Doc
	arena, err := d.Parse([]byte(accessed))
	if err != nil {
		t.Fatal(err)
	}
	return []element.Element{parse(t, accessed), arena}
}

func TestAttributes(t *testing.T) {
	for _, e := range bothWays(t) {
		if e.IsZero() || e.Name() != (element.Name{Space: element.NSClient, Local: "message"}) || !e.Is(element.NSClient, "message") ||
			e.Is("", "message") || e.Is(element.NSClient, "iq") {
			t.Errorf("name is %v", e.Name())
		}
		if v := e.Attr("to"); v != "a&b" {
			t.Errorf("to is %q", v)
		}
		if v, ok := e.LookupAttr("empty"); v != "" || !ok {
			t.Errorf("empty is %q, %v", v, ok)
		}
		if v, ok := e.LookupAttr("p"); v != "" || ok {
			t.Errorf("a declaration is an attribute: %q, %v", v, ok)
		}
		if v, ok := e.LookupAttr("lang"); ok {
			t.Errorf("lang without a namespace is %q", v)
		}
		if v, ok := e.AttrNS(element.NSXML, "lang"); v != "en" || !ok {
			t.Errorf("xml:lang is %q, %v", v, ok)
		}
		if v, ok := e.AttrNS("urn:p", "to"); v != "x" || !ok {
			t.Errorf("p:to is %q, %v", v, ok)
		}
		if v, ok := e.AttrNS("", "to"); v != "a&b" || !ok {
			t.Errorf("to without a namespace is %q, %v", v, ok)
		}
		if v, ok := e.AttrNS("urn:q", "to"); ok {
			t.Errorf("q:to is %q", v)
		}
		var attrs []string
		for n, v := range e.Attrs() {
			attrs = append(attrs, n.Space+" "+n.Local+"="+v)
		}
		want := []string{" to=a&b", " empty=", element.NSXML + " lang=en", "urn:p to=x"}
		if !slices.Equal(attrs, want) {
			t.Errorf("attributes are %q, want %q", attrs, want)
		}
	}
}

func TestContent(t *testing.T) {
	for _, e := range bothWays(t) {
		if v := e.Text(); v != " one two three" {
			t.Errorf("text is %q", v)
		}
		if v := e.ChildText(element.NSClient, "body"); v != "hi" {
			t.Errorf("body is %q", v)
		}
		var names, texts []string
		for c := range e.Children() {
			names, texts = append(names, c.Local()), append(texts, c.Text())
		}
		if !slices.Equal(names, []string{"body", "x", "body"}) || !slices.Equal(texts, []string{"hi", "", "second\nline\n"}) {
			t.Errorf("children are %q with %q", names, texts)
		}
		x := e.Child("urn:x", "x")
		if !x.First().Is("urn:x", "y") || string(x.Inner()) != "<y/>" || string(x.Raw()) != "<x xmlns='urn:x'><y/></x>" || x.Size() != len(x.Raw()) {
			t.Errorf("x is %s with %s", x, x.Inner())
		}
		if n := x.Next(); !n.Is(element.NSClient, "body") || !n.Next().IsZero() {
			t.Errorf("behind x is %s", n)
		}
	}
}

func TestZeroElement(t *testing.T) {
	var e element.Element
	if !e.IsZero() || e.Is("", "") || e.Name() != (element.Name{}) || e.Attr("a") != "" || e.Text() != "" || e.String() != "" || e.Size() != 0 ||
		!e.First().IsZero() || !e.Next().IsZero() || !e.Child("", "").IsZero() || e.ChildText("", "") != "" || e.Inner() != nil || e.Raw() != nil ||
		len(e.AppendTo(nil, "")) != 0 || len(e.AppendAttrs(nil, nil)) != 0 {
		t.Error("the zero element is something")
	}
	if _, ok := e.AttrNS(element.NSXML, "lang"); ok {
		t.Error("the zero element has an attribute")
	}
	for range e.Children() {
		t.Error("the zero element has a child")
	}
	for range e.Attrs() {
		t.Error("the zero element has an attribute")
	}
	if !element.Equal(e, e) || element.Equal(e, parse(t, "<a/>")) || element.Equal(parse(t, "<a/>"), e) {
		t.Error("the zero element equals another")
	}
}

func TestAppendTo(t *testing.T) {
	const deep = `<a xmlns:p='urn:p' xmlns:q='urn:q&amp;'><b xmlns='urn:b' xmlns:p='urn:p2'><c q:x='1' p:y='2'/><d xmlns='jabber:client'/></b></a>`
	tests := []struct {
		name, in string
		path     []int
		parent   string
		want     string
	}{
		{"whole", `<a b='c'/>`, nil, "jabber:client", `<a b='c'/>`},
		{"whole below another", `<a b='c'/>`, nil, "urn:x", `<a xmlns='jabber:client' b='c'/>`},
		{"whole with its own", `<a xmlns='urn:x'/>`, nil, "jabber:client", `<a xmlns='urn:x'/>`},
		{"whole with its own below that", `<a xmlns='urn:x' b='c'><d/></a>`, nil, "urn:x", `<a b='c'><d/></a>`},
		{"own in double quotes and at the end", "<a b='c'\n xmlns = \"urn:x\"/>", nil, "urn:x", `<a b='c'/>`},
		{"nested, inherited", `<a xmlns='urn:x'><b/></a>`, []int{0}, "jabber:client", `<b xmlns='urn:x'/>`},
		{"nested, inherited, same", `<a xmlns='urn:x'><b/></a>`, []int{0}, "urn:x", `<b/>`},
		{"stanza out of a forward", `<f xmlns='urn:f'><message xmlns='jabber:client' to='a'><body/></message></f>`, []int{0}, "jabber:client", `<message to='a'><body/></message>`},
		{"no namespace", `<a xmlns=''><b/></a>`, []int{0}, "jabber:client", `<b xmlns=''/>`},
		{"prefixes from around", deep, []int{0, 0}, "urn:b", `<c xmlns:p='urn:p2' xmlns:q='urn:q&amp;' q:x='1' p:y='2'/>`},
		{"prefixes and a namespace", deep, []int{0, 0}, "jabber:client", `<c xmlns='urn:b' xmlns:p='urn:p2' xmlns:q='urn:q&amp;' q:x='1' p:y='2'/>`},
		{"prefixes and no namespace", deep, []int{0, 1}, "jabber:client", `<d xmlns:p='urn:p2' xmlns:q='urn:q&amp;'/>`},
		{"prefixes of its own", deep, []int{0}, "urn:b", `<b xmlns:q='urn:q&amp;' xmlns:p='urn:p2'><c q:x='1' p:y='2'/><d xmlns='jabber:client'/></b>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := parse(t, tt.in)
			for _, i := range tt.path {
				e = slices.Collect(e.Children())[i]
			}
			if got := string(e.AppendTo([]byte("x"), tt.parent)); got != "x"+tt.want {
				t.Errorf("\n got %s\nwant x%s", got, tt.want)
			}
		})
	}
}

func TestEqual(t *testing.T) {
	same := [][2]string{
		{`<a b='1' c='2'/>`, `<a c="2"  b='1'></a>`},
		{`<a>&lt;x</a>`, `<a><![CDATA[<x]]></a>`},
		{`<p:a xmlns:p='urn:p' p:b='1'/>`, `<q:a xmlns:q='urn:p' q:b='1'/>`},
		{`<a xmlns='jabber:client'/>`, `<a/>`},
		{"<a b='1\n2'/>", `<a b='1 2'/>`},
	}
	for _, s := range same {
		if !element.Equal(parse(t, s[0]), parse(t, s[1])) {
			t.Errorf("%s and %s differ", s[0], s[1])
		}
	}
	for _, s := range []string{
		`<b/>`, `<a xmlns='urn:x'/>`, `<a b='1'/>`, `<a> </a>`, `<a><b/></a>`, `<a><c/></a>`, `<a><b/><b/></a>`, `<a><b/> </a>`, `<a b='2'/>`,
		`<a xmlns:p='urn:p' p:b='1'/>`, `<a b='1' c='1'/>`, `<a>x</a>`,
	} {
		for _, o := range []string{`<a/>`, `<a><b/>x</a>`} {
			if element.Equal(parse(t, s), parse(t, o)) || element.Equal(parse(t, o), parse(t, s)) {
				t.Errorf("%s and %s are equal", s, o)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, s := range []string{"", " ", "x", "<a/>x", "<a/><b/>", "<a>", "x<a/>", "<?xml version='1.0'?><a/>"} {
		if e, err := element.Parse([]byte(s)); err == nil || !e.IsZero() {
			t.Errorf("%q gives %s, %v", s, e, err)
		}
	}
	if e, err := element.Parse([]byte("\n <a/> \n")); err != nil || e.String() != "<a/>" {
		t.Errorf("blanks around give %s, %v", e, err)
	}
	l := element.Limits{Bytes: 20, Depth: 2, Attrs: 1, Children: 2}
	for _, s := range []string{"<a><b><c/></b></a>", "<a b='' c=''/>", "<a><b/><b/></a>", "<a>012345678901234567</a>"} {
		if e, err := element.ParseWithin([]byte(s), l); condition(err) != "policy-violation" || !e.IsZero() {
			t.Errorf("%q gives %s, %v", s, e, err)
		}
	}
}

// TestParseCopies: neither an element nor an arena lies in the bytes that
// were parsed.
func TestParseCopies(t *testing.T) {
	b := []byte(`<a b='c'>text</a>`)
	e, err := element.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	var d element.Doc
	f, err := d.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	v, text := f.Attr("b"), f.Text()
	clear(b)
	if e.String() != `<a b='c'>text</a>` || f.String() != e.String() {
		t.Errorf("elements changed to %s and %s", e, f)
	}
	if _, err := d.Parse([]byte(`<z y='x'>else</z>`)); err != nil {
		t.Fatal(err)
	}
	if v != "c" || text != "text" {
		t.Errorf("strings out of an arena changed to %q and %q", v, text)
	}
}

func TestArenaAfterError(t *testing.T) {
	var d element.Doc
	for _, s := range []string{`<a>`, `<a><b></a>`, `<a><![CDATA[x]]></a>`, `<a b='1' b='2'/>`, `<p:a/>`, `<a/>`} {
		if _, err := d.Parse([]byte(s)); (err == nil) != (strings.Contains(s, "CDATA") || s == "<a/>") {
			t.Errorf("%s: %v", s, err)
		}
		e, err := d.Parse([]byte(chatXML))
		if err != nil || e.String() != chatXML || e.ChildText(element.NSClient, "body") == "" {
			t.Errorf("after %s: %s, %v", s, e, err)
		}
	}
}
