// SPDX-License-Identifier: Apache-2.0

// Package form writes data forms and reads what is submitted (XEP-0004,
// version 2.13.1; of XEP-0122, version 1.0.2, datatypes, ranges of numbers and
// open lists). Left out are tables (<reported/> and <item/>), media elements
// and patterns.
package form

import (
	"strings"

	"tercet/core/element"
	"tercet/core/jid"
)

// NS is the namespace of data forms.
const NS = "jabber:x:data"

const (
	nsValidate = "http://jabber.org/protocol/xdata-validate" // XEP-0122
	formType   = "FORM_TYPE"                                 // XEP-0068
)

// A Kind is a type of field (XEP-0004 section 3.3).
type Kind string

// The kinds of fields. Of the multi ones TextMulti has a value for each line.
const (
	Boolean     Kind = "boolean"
	Fixed       Kind = "fixed"
	Hidden      Kind = "hidden"
	JIDMulti    Kind = "jid-multi"
	JIDSingle   Kind = "jid-single"
	ListMulti   Kind = "list-multi"
	ListSingle  Kind = "list-single"
	TextMulti   Kind = "text-multi"
	TextPrivate Kind = "text-private"
	TextSingle  Kind = "text-single"
)

func (k Kind) multi() bool { return k == JIDMulti || k == ListMulti || k == TextMulti }

// A Form is what is asked for, or told.
type Form struct {
	Type         string // FORM_TYPE (XEP-0068); empty: the form has none
	Title        string
	Instructions string // one paragraph for each line
	Fields       []Field
}

// A Field is a field of a form.
type Field struct {
	Name     string
	Kind     Kind // empty: TextSingle
	Label    string
	Desc     string
	Required bool     // it must not be empty
	Values   []string // what it has unless something else is given
	Options  []Option // of lists; a value must be one of them
	Open     bool     // values beside the options are welcome, too
	Datatype string   // such as "xs:integer" (XEP-0122 section 3.1); empty: any text
	Min, Max string   // the range of a number, both ends included; empty: no end
}

func (f *Field) kind() Kind {
	if f.Kind == "" {
		return TextSingle
	}
	return f.Kind
}

// An Option is one of a list's.
type Option struct{ Label, Value string }

// Options are options that are their own labels.
func Options(values ...string) []Option {
	all := make([]Option, len(values))
	for i, v := range values {
		all[i] = Option{v, v}
	}
	return all
}

// Values are what fields hold, by their names. What Read returns is in
// canonical form: JIDs normalised, booleans "0" or "1". A field that was not
// submitted is missing.
type Values map[string][]string

// Get is a field's value, or the first of them.
func (v Values) Get(name string) string {
	if all := v[name]; len(all) > 0 {
		return all[0]
	}
	return ""
}

// Text is all values of a field as lines.
func (v Values) Text(name string) string { return strings.Join(v[name], "\n") }

// True reports whether a boolean field is true.
func (v Values) True(name string) bool {
	s := v.Get(name)
	return s == "1" || s == "true"
}

// JIDs are the addresses in a field.
func (v Values) JIDs(name string) []jid.JID {
	var all []jid.JID
	for _, s := range v[name] {
		if j, err := jid.Parse(s); err == nil {
			all = append(all, j)
		}
	}
	return all
}

// Lines are a text as the values of a field of kind TextMulti.
func Lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}

// Blank is the form to be filled in. Of what values has, a field shows that,
// otherwise its own.
func (f *Form) Blank(values Values) element.Element { return f.write("form", values) }

// Result is the form as an answer.
func (f *Form) Result(values Values) element.Element { return f.write("result", values) }

func (f *Form) write(kind string, values Values) element.Element {
	b := element.New(NS, "x").Attr("type", kind)
	if f.Title != "" {
		b.TextChild(NS, "title", f.Title)
	}
	for _, line := range Lines(f.Instructions) {
		b.TextChild(NS, "instructions", line)
	}
	if f.Type != "" {
		b.Open(NS, "field").Attr("var", formType).Attr("type", string(Hidden)).TextChild(NS, "value", f.Type).Close()
	}
	for i := range f.Fields {
		f.Fields[i].write(b, kind, values)
	}
	return b.Element()
}

func (f *Field) write(b *element.Builder, kind string, values Values) {
	b.Open(NS, "field")
	attr(b, "var", f.Name)
	b.Attr("type", string(f.kind()))
	attr(b, "label", f.Label)
	if f.Desc != "" {
		b.TextChild(NS, "desc", f.Desc)
	}
	if kind == "form" {
		f.writeRules(b)
	}
	list, given := values[f.Name]
	if !given {
		list = f.Values
	}
	for i, v := range list {
		if i == 0 || f.kind().multi() {
			b.TextChild(NS, "value", v)
		}
	}
	if kind == "form" {
		for _, o := range f.Options {
			b.Open(NS, "option")
			attr(b, "label", o.Label)
			b.TextChild(NS, "value", o.Value).Close()
		}
	}
	b.Close()
}

func (f *Field) writeRules(b *element.Builder) {
	if f.Required {
		b.Open(NS, "required").Close()
	}
	if f.Datatype == "" && !f.Open {
		return
	}
	b.Open(nsValidate, "validate")
	attr(b, "datatype", f.Datatype)
	if f.Open {
		b.Open(nsValidate, "open").Close()
	} else if f.Min != "" || f.Max != "" {
		b.Open(nsValidate, "range")
		attr(b, "min", f.Min)
		attr(b, "max", f.Max)
		b.Close()
	}
	b.Close()
}

func attr(b *element.Builder, name, value string) {
	if value != "" {
		b.Attr(name, value)
	}
}

// Submitted are all fields of a form that somebody has filled in, as they are.
// Of fields with the same name the first counts.
func Submitted(x element.Element) Values {
	all := make(Values)
	for f := range x.Children() {
		if name := f.Attr("var"); f.Is(NS, "field") && name != "" {
			if _, twice := all[name]; !twice {
				all[name] = valuesOf(f)
			}
		}
	}
	return all
}

func valuesOf(field element.Element) []string {
	values := []string{}
	for v := range field.Children() {
		if v.Is(NS, "value") {
			values = append(values, v.Text())
		}
	}
	return values
}
