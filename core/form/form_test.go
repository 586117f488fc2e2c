// SPDX-License-Identifier: Apache-2.0

package form_test

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tercet/core/element"
	"tercet/core/form"
)

var all = form.Form{
	Type: "urn:test", Title: "A form", Instructions: "One line.\nAnother.",
	Fields: []form.Field{
		{Kind: form.Fixed, Values: []string{"Read this"}},
		{Name: "plain", Label: "Text", Desc: "Any text", Required: true},
		{Name: "secret", Kind: form.TextPrivate},
		{Name: "lines", Kind: form.TextMulti, Values: []string{"a", "b"}},
		{Name: "yes", Kind: form.Boolean, Values: []string{"1"}},
		{Name: "one", Kind: form.ListSingle, Options: form.Options("x", "y")},
		{Name: "many", Kind: form.ListMulti, Options: []form.Option{{"Ex", "x"}, {"", "y"}}},
		{Name: "open", Kind: form.ListSingle, Options: form.Options("x"), Open: true},
		{Name: "who", Kind: form.JIDSingle},
		{Name: "all", Kind: form.JIDMulti},
		{Name: "number", Datatype: "xs:integer", Min: "1", Max: "10"},
		{Name: "small", Datatype: "xs:byte"},
		{Name: "real", Datatype: "xs:decimal"},
		{Name: "when", Datatype: "xs:dateTime"},
		{Name: "day", Datatype: "xs:date"},
		{Name: "odd", Datatype: "x:unknown"},
		{Name: "hid", Kind: form.Hidden},
	},
}

func TestBlank(t *testing.T) {
	want := `<x xmlns='jabber:x:data' type='form'><title>A form</title><instructions>One line.</instructions><instructions>Another.</instructions>` +
		`<field var='FORM_TYPE' type='hidden'><value>urn:test</value></field>` +
		`<field type='fixed'><value>Read this</value></field>` +
		`<field var='plain' type='text-single' label='Text'><desc>Any text</desc><required/><value>&lt;given&gt;</value></field>` +
		`<field var='secret' type='text-private'/>` +
		`<field var='lines' type='text-multi'><value>a</value><value>b</value></field>` +
		`<field var='yes' type='boolean'/>` +
		`<field var='one' type='list-single'><value>x</value><option label='x'><value>x</value></option><option label='y'><value>y</value></option></field>` +
		`<field var='many' type='list-multi'><option label='Ex'><value>x</value></option><option><value>y</value></option></field>` +
		`<field var='open' type='list-single'><validate xmlns='http://jabber.org/protocol/xdata-validate'><open/></validate><option label='x'><value>x</value></option></field>` +
		`<field var='who' type='jid-single'/><field var='all' type='jid-multi'/>` +
		`<field var='number' type='text-single'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:integer'><range min='1' max='10'/></validate></field>`
	got := all.Blank(form.Values{"plain": {"<given>"}, "yes": nil, "one": {"x", "not shown"}}).String()
	if !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestResult(t *testing.T) {
	f := form.Form{Type: "urn:test", Fields: []form.Field{{Name: "one", Kind: form.ListSingle, Label: "L", Required: true, Options: form.Options("x"), Datatype: "xs:string"}}}
	const want = `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:test</value></field><field var='one' type='list-single' label='L'><value>x</value></field></x>`
	if got := f.Result(form.Values{"one": {"x"}}).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// submit builds what a client sends.
func submit(fields map[string][]string) element.Element {
	b := element.New(form.NS, "x").Attr("type", "submit")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		b.Open(form.NS, "field").Attr("var", name)
		for _, v := range fields[name] {
			b.TextChild(form.NS, "value", v)
		}
		b.Close()
	}
	return b.Element()
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, field string
		given, want []string
		fault       string
	}{
		{"text", "plain", []string{" as it is "}, []string{" as it is "}, ""},
		{"one value of a single field", "plain", []string{"a", "b"}, []string{"a"}, ""},
		{"required and empty", "plain", []string{""}, nil, "Required value missing"},
		{"required without a value", "plain", []string{}, nil, "Required value missing"},
		{"an empty text that may be empty", "secret", []string{""}, []string{""}, ""},
		{"lines, empty ones, too", "lines", []string{"a", "", "b"}, []string{"a", "", "b"}, ""},
		{"true", "yes", []string{"true"}, []string{"1"}, ""},
		{"false", "yes", []string{"0"}, []string{"0"}, ""},
		{"neither", "yes", []string{"yes"}, nil, "Invalid boolean representation: yes"},
		{"an empty boolean is none", "yes", []string{""}, []string{}, ""},
		{"an option", "one", []string{"y"}, []string{"y"}, ""},
		{"no option", "one", []string{"z"}, nil, "not one of the options"},
		{"options once each", "many", []string{"x", "y", "x"}, []string{"x", "y"}, ""},
		{"one is no option", "many", []string{"x", "z"}, nil, "not one of the options"},
		{"beside the options", "open", []string{"z"}, []string{"z"}, ""},
		{"a JID is normalised", "who", []string{"Romeo@Example.ORG"}, []string{"romeo@example.org"}, ""},
		{"no JID", "who", []string{"@"}, nil, "Invalid JID: @"},
		{"the same JID twice, and none", "all", []string{"a@b", "A@b", "", "c@d"}, []string{"a@b", "c@d"}, ""},
		{"an integer", "number", []string{"10"}, []string{"10"}, ""},
		{"too much", "number", []string{"11"}, nil, "out of bounds"},
		{"too little", "number", []string{"0"}, nil, "out of bounds"},
		{"a fraction", "number", []string{"1.5"}, nil, "not an integer"},
		{"what Go takes for a number, and XML Schema does not", "number", []string{"1/2"}, nil, "not a number"},
		{"a huge exponent", "number", []string{"1e999999999"}, nil, "not a number"},
		{"a long number", "number", []string{strings.Repeat("9", 100)}, nil, "not a number"},
		{"no number", "number", []string{"one"}, nil, "not a number"},
		{"only a sign", "number", []string{"-"}, nil, "not a number"},
		{"lowest byte", "small", []string{"-128"}, []string{"-128"}, ""},
		{"below the lowest byte", "small", []string{"-129"}, nil, "out of bounds"},
		{"highest byte", "small", []string{"127"}, []string{"127"}, ""},
		{"above the highest byte", "small", []string{"128"}, nil, "out of bounds"},
		{"a decimal number", "real", []string{"-1.25"}, []string{"-1.25"}, ""},
		{"a time", "when", []string{"2026-11-22T14:00:00.5Z"}, []string{"2026-11-22T14:00:00.5Z"}, ""},
		{"no time", "when", []string{"tomorrow"}, nil, "not a date such as 2006-01-02T15:04:05.999999999Z07:00"},
		{"a day", "day", []string{"2026-11-22"}, []string{"2026-11-22"}, ""},
		{"a datatype that nobody knows", "odd", []string{"anything"}, []string{"anything"}, ""},
		{"another form", "FORM_TYPE", []string{"urn:other"}, nil, "not urn:test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fields := map[string][]string{"plain": {"given"}, tt.field: tt.given}
			got, err := all.Read(submit(fields))
			if tt.fault != "" {
				bad, ok := errors.AsType[*form.Error](err)
				if want := tt.field + ": " + tt.fault; !ok || bad.Error() != want {
					t.Fatalf("got %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[tt.field], tt.want) {
				t.Errorf("got %q, want %q", got[tt.field], tt.want)
			}
		})
	}
}

func TestReadTellsAllFaultsAtOnce(t *testing.T) {
	_, err := all.Read(submit(map[string][]string{"yes": {"?"}, "unknown": {"left out"}}))
	const want = "plain: Required value missing\nyes: Invalid boolean representation: ?"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err = all.Read(element.Element{}); err == nil {
		t.Error("no form at all is accepted")
	}
	got, err := all.Read(submit(map[string][]string{"plain": {"x"}, "unknown": {"left out"}}))
	if err != nil || len(got) != 1 {
		t.Errorf("got %v, %v: want one field", got, err)
	}
}

func TestTheFirstFieldOfANameCounts(t *testing.T) {
	x := element.New(form.NS, "x")
	for i := range 3 {
		x.Open(form.NS, "field").Attr("var", "plain").TextChild("urn:other", "value", "foreign").TextChild(form.NS, "value", strconv.Itoa(i)).Close()
	}
	got, err := all.Read(x.Element())
	if err != nil || got.Get("plain") != "0" || len(got["plain"]) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestValues(t *testing.T) {
	v := form.Values{"a": {"x", "y"}, "b": {"1"}, "c": {"true"}, "d": {"0"}, "j": {"a@b/c", "@"}}
	if v.Get("a") != "x" || v.Get("none") != "" || v.Text("a") != "x\ny" || !v.True("b") || !v.True("c") || v.True("d") || v.True("none") {
		t.Errorf("got %q %q %q", v.Get("a"), v.Get("none"), v.Text("a"))
	}
	if l := v.JIDs("j"); len(l) != 1 || l[0].Resource() != "c" {
		t.Errorf("got %v", l)
	}
	if l := form.Lines("a\r\nb\n\nc"); !slices.Equal(l, []string{"a", "b", "", "c"}) || form.Lines("") != nil {
		t.Errorf("got %q", l)
	}
}

// What is submitted is foreign: whatever it is, it is read or refused, and what
// is read is read again as the same.
func FuzzRead(f *testing.F) {
	f.Add("number", "10")
	f.Add("who", "romeo@example.org")
	f.Add("small", "-128")
	f.Add("when", "2026-11-22T14:00:00Z")
	f.Fuzz(func(t *testing.T, name, value string) {
		first, err := all.Read(submit(map[string][]string{"plain": {"x"}, name: {value}}))
		if err != nil {
			return
		}
		again, err := all.Read(submit(first))
		if err != nil || !maps.EqualFunc(first, again, slices.Equal) {
			t.Errorf("got %v, then %v (%v)", first, again, err)
		}
	})
}
