// SPDX-License-Identifier: Apache-2.0

package form

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"tercet/core/element"
	"tercet/core/jid"
)

// An Error says what is wrong with a form that was submitted: one line for each
// field, "name: what is wrong". It may be told to who has submitted it.
type Error struct{ Faults []string }

func (e *Error) Error() string { return strings.Join(e.Faults, "\n") }

// A fieldError is what is wrong with a field, as people are told: in Prosody's
// words where it has some.
type fieldError string

func (e fieldError) Error() string { return string(e) }

const (
	errMissing  fieldError = "Required value missing"
	errOption   fieldError = "not one of the options"
	errBounds   fieldError = "out of bounds"
	errNumber   fieldError = "not a number"
	errFraction fieldError = "not an integer"
)

// Read takes the form's fields from what was submitted; others are left out.
// The error is an *Error. That the form says it is cancelled is no reason not
// to read it (XEP-0050 section 3.5.1).
func (f *Form) Read(x element.Element) (Values, error) {
	given := Submitted(x)
	var faults []string
	if t, ok := given[formType]; ok && f.Type != "" && (len(t) != 1 || t[0] != f.Type) {
		faults = append(faults, formType+": not "+f.Type)
	}
	values := make(Values)
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Name == "" || field.kind() == Fixed {
			continue
		}
		list, err := field.read(given[field.Name])
		if err != nil {
			faults = append(faults, field.Name+": "+err.Error())
		} else if _, ok := given[field.Name]; ok {
			values[field.Name] = list
		}
	}
	if faults != nil {
		return nil, &Error{faults}
	}
	return values, nil
}

// read returns the values in canonical form.
func (f *Field) read(raw []string) ([]string, error) {
	kind := f.kind()
	if !kind.multi() && len(raw) > 1 {
		raw = raw[:1]
	}
	text := kind == TextMulti || kind == TextSingle && f.Datatype == "" || kind == TextPrivate || kind == Hidden
	list := make([]string, 0, len(raw))
	filled := false
	for _, v := range raw {
		if v != "" {
			filled = true
		} else if !text {
			continue // as good as none
		}
		v, err := f.canonical(v)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if f.Required && !filled {
		return nil, errMissing
	}
	if kind == JIDMulti || kind == ListMulti {
		list = unique(list)
	}
	return list, nil
}

func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(v string) bool {
		twice := seen[v]
		seen[v] = true
		return twice
	})
}

func (f *Field) canonical(v string) (string, error) {
	switch f.kind() {
	case Boolean:
		return boolean(v)
	case JIDMulti, JIDSingle:
		j, err := jid.Parse(v)
		if err != nil {
			return "", fieldError("Invalid JID: " + v)
		}
		return j.String(), nil
	case ListMulti, ListSingle:
		if !f.Open && len(f.Options) > 0 && !slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == v }) {
			return "", errOption
		}
	case Fixed, Hidden, TextMulti, TextPrivate, TextSingle:
	}
	return v, f.checkType(v)
}

func boolean(v string) (string, error) {
	switch v {
	case "1", "true":
		return "1", nil
	case "0", "false":
		return "0", nil
	}
	return "", fieldError("Invalid boolean representation: " + v)
}

// sizes are the bits of the integers of XML Schema.
var sizes = map[string]uint{"xs:byte": 8, "xs:short": 16, "xs:int": 32, "xs:long": 64, "xs:integer": 0}

// maxDigits bounds the work for a number.
const maxDigits = 64

// checkType holds a value against the datatype; unknown ones have any text.
func (f *Field) checkType(v string) error {
	bits, integer := sizes[f.Datatype]
	switch {
	case v == "" || f.Datatype == "":
		return nil
	case integer, f.Datatype == "xs:decimal", f.Datatype == "xs:double":
		n, ok := number(v)
		switch {
		case !ok:
			return errNumber
		case integer && strings.Contains(v, "."):
			return errFraction
		case bits > 0 && (n.Num().BitLen() >= int(bits) && n.Cmp(lowest(bits)) != 0),
			beyond(n, f.Min, -1), beyond(n, f.Max, 1):
			return errBounds
		}
	case f.Datatype == "xs:boolean":
		_, err := boolean(v)
		return err
	case f.Datatype == "xs:dateTime":
		return moment(v, time.RFC3339Nano)
	case f.Datatype == "xs:date":
		return moment(v, time.DateOnly)
	}
	return nil
}

// number reads a decimal number; hexadecimal ones, fractions and exponents,
// which may be huge, are none.
func number(v string) (*big.Rat, bool) {
	if len(v) > maxDigits || strings.Trim(v, "+-.0123456789") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(v)
}

// lowest is the one integer of so many bits that has no positive counterpart.
func lowest(bits uint) *big.Rat {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return new(big.Rat).SetInt(n.Neg(n))
}

// beyond reports whether n is on that side of an end of the range.
func beyond(n *big.Rat, end string, side int) bool {
	limit, ok := number(end)
	return ok && n.Cmp(limit) == side
}

func moment(v, layout string) error {
	if _, err := time.Parse(layout, v); err != nil {
		return fieldError("not a date such as " + layout)
	}
	return nil
}
