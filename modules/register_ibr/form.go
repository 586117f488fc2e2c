// SPDX-License-Identifier: Apache-2.0

package register_ibr

import (
	"strings"

	"tercet/core/element"
	"tercet/core/stanza"
)

// labels are the fields of XEP-0077 section 14.1 that may be asked for beside
// name and password.
var labels = map[string]string{
	"nick": "Nickname", "name": "Full Name", "first": "Given Name", "last": "Family Name", "email": "Email",
	"address": "Street", "city": "City", "state": "State", "zip": "Postal code", "phone": "Telephone number",
	"url": "Webpage", "date": "Birth date",
}

// maxField is the length of a further field, in bytes.
const maxField = 1024

// form is what a client is to fill in: as elements, and as a data form for
// clients that know those (XEP-0077 section 4).
func (m *register) form() element.Element {
	b := element.New(ns, "query").TextChild(ns, "instructions", m.Instructions).
		Open(ns, "username").Close().Open(ns, "password").Close()
	for _, f := range m.Extra {
		b.Open(ns, strings.TrimSuffix(f, "+")).Close()
	}
	b.Open(nsForm, "x").Attr("type", "form").
		TextChild(nsForm, "title", m.Title).TextChild(nsForm, "instructions", m.Instructions)
	b.Open(nsForm, "field").Attr("var", "FORM_TYPE").Attr("type", "hidden").TextChild(nsForm, "value", ns).Close()
	field(b, "username", "text-single", "Username", true)
	field(b, "password", "text-private", "Password", true)
	for _, f := range m.Extra {
		local, required := strings.CutSuffix(f, "+")
		field(b, local, "text-single", labels[local], required)
	}
	return b.Element()
}

func field(b *element.Builder, name, kind, label string, required bool) {
	b.Open(nsForm, "field").Attr("var", name).Attr("type", kind).Attr("label", label)
	if required {
		b.Open(nsForm, "required").Close()
	}
	b.Close()
}

// read takes the fields from what a client has sent, in either form.
func (m *register) read(query element.Element) (map[string]string, error) {
	value := func(local string) string { return query.ChildText(ns, local) }
	if form := query.Child(nsForm, "x"); !form.IsZero() {
		if form.Attr("type") != "submit" {
			return nil, stanza.Fail(stanza.BadRequest, "")
		}
		given := make(map[string]string)
		for f := range form.Children() {
			if f.Is(nsForm, "field") {
				given[f.Attr("var")] = f.ChildText(nsForm, "value")
			}
		}
		if t, ok := given["FORM_TYPE"]; ok && t != ns {
			return nil, stanza.Fail(stanza.BadRequest, "")
		}
		value = func(local string) string { return given[local] }
	}
	fields := make(map[string]string)
	for _, f := range append([]string{"username+", "password+"}, m.Extra...) {
		local, required := strings.CutSuffix(f, "+")
		v := value(local)
		switch {
		case v == "" && required:
			return nil, stanza.Fail(stanza.NotAcceptable, "Required value missing: "+local)
		case len(v) > maxField && local != "password":
			return nil, stanza.Fail(stanza.NotAcceptable, "Value too long: "+local)
		case v != "":
			fields[local] = v
		}
	}
	return fields, nil
}
