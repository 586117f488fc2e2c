// SPDX-License-Identifier: Apache-2.0

package config

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Set is a list of words without order or repetition.
type Set []string

// NewSet returns the words sorted, each once.
func NewSet(words ...string) Set {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

// Has reports whether word is in the set.
func (s Set) Has(word string) bool { return slices.Contains(s, word) }

// boolean takes what Prosody takes: true, "true", 1 and their opposites.
func (d *decoder) boolean(t target, dst reflect.Value, v Value) bool {
	switch {
	case v.Kind() == Bool:
		dst.SetBool(v.Bool())
	case v.Str() == "true", v.Kind() == Number && v.Number() == 1:
		dst.SetBool(true)
	case v.Str() == "false", v.Kind() == Number && v.Number() == 0:
		dst.SetBool(false)
	default:
		return d.want(t, v, describe(dst.Type(), t.plan))
	}
	return true
}

func (d *decoder) text(t target, dst reflect.Value, v Value) bool {
	s := v.Str()
	switch {
	case v.Kind() == Number:
		s = formatNumber(v.Number())
	case v.Kind() != String:
		return d.want(t, v, describe(reflect.TypeFor[string](), t.plan))
	}
	if words := t.plan.words; len(words) > 0 && !slices.Contains(words, s) {
		text := "want " + describe(reflect.TypeFor[string](), t.plan) + ", got " + t.got(v)
		if near := Suggest(s, words); near != "" && !t.secret {
			text += `; did you mean "` + near + `"?`
		}
		d.add(v.Pos, Error, t.path, text)
		return false
	}
	dst.SetString(s)
	return true
}

// number returns v if it is a number or a string that holds one.
func number(v Value) (float64, bool) {
	if v.Kind() == String {
		f, err := strconv.ParseFloat(strings.TrimSpace(v.Str()), 64)
		return f, err == nil && !strings.ContainsAny(v.Str(), "xXpPiInN_")
	}
	return v.Number(), v.Kind() == Number
}

func (d *decoder) integer(t target, dst reflect.Value, v Value) bool {
	f, ok := number(v)
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 || !inRange(t.plan, f, plainNumber) {
		return d.want(t, v, describe(dst.Type(), t.plan))
	}
	if dst.CanInt() {
		if dst.OverflowInt(int64(f)) {
			return d.want(t, v, describe(dst.Type(), t.plan))
		}
		dst.SetInt(int64(f))
		return true
	}
	if f < 0 || dst.OverflowUint(uint64(f)) {
		return d.want(t, v, describe(dst.Type(), t.plan))
	}
	dst.SetUint(uint64(f))
	return true
}

func (d *decoder) float(t target, dst reflect.Value, v Value) bool {
	f, ok := number(v)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) || !inRange(t.plan, f, plainNumber) {
		return d.want(t, v, describe(dst.Type(), t.plan))
	}
	dst.SetFloat(f)
	return true
}

// quantity reads a period, a rate or a size.
func (d *decoder) quantity(t target, dst reflect.Value, v Value) bool {
	if dst.Type() == typePeriod && t.plan.never && (strings.EqualFold(v.Str(), "never") || math.IsInf(v.Number(), 1)) {
		dst.SetInt(int64(Never))
		return true
	}
	parse := parserOf(dst.Type(), t.plan)
	n, ok := 0.0, false
	switch {
	case v.Kind() == String:
		n, ok = parse(v.Str())
	case v.Kind() == Number && dst.Type() == typePeriod:
		n, ok = v.Number()*float64(time.Second), true
	case v.Kind() == Number && dst.Type() == typeSize:
		n, ok = v.Number(), true
	}
	// A limit of its own keeps the conversion below in range; NaN fails it too.
	if !ok || !(math.Abs(n) <= math.MaxInt64/2) || !inRange(t.plan, n, parse) || n < 0 && t.plan.low == "" {
		return d.want(t, v, describe(dst.Type(), t.plan))
	}
	dst.SetInt(int64(math.Round(n)))
	return true
}

// parserOf returns the reader of quantities of type t.
func parserOf(t reflect.Type, p *fieldPlan) func(string) (float64, bool) {
	return func(s string) (float64, bool) {
		switch t {
		case typePeriod:
			n, err := parsePeriod(s, p.minute)
			return float64(n), err == nil
		case typeRate:
			n, err := ParseRate(s)
			return float64(n), err == nil
		case typeSize:
			n, err := ParseSize(s)
			return float64(n), err == nil
		}
		return plainNumber(s)
	}
}

func plainNumber(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// inRange compares n with the tags min and max, which are written like the values.
func inRange(p *fieldPlan, n float64, parse func(string) (float64, bool)) bool {
	if low, ok := parse(p.low); ok && n < low {
		return false
	}
	high, ok := parse(p.high)
	return !ok || n <= high
}

// describe says what an option of type t must be, after "want".
func describe(t reflect.Type, p *fieldPlan) string {
	switch t {
	case typePeriod:
		s := `a period such as "2 weeks"` + limits(p)
		if p.never {
			s += ` or "never"`
		}
		return s
	case typeRate:
		return `a rate such as "10kb/s"` + limits(p)
	case typeSize:
		return `a size such as "10 MiB"` + limits(p)
	case typeSet:
		return "a list of " + plural(reflect.TypeFor[string](), p)
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		if len(p.words) > 0 {
			return oneOf(p.words)
		}
		return "a string"
	case reflect.Float32, reflect.Float64:
		return "a number" + limits(p)
	case reflect.Pointer:
		return describe(t.Elem(), p)
	case reflect.Slice:
		return "a list of " + plural(t.Elem(), p)
	case reflect.Map:
		return "a table of " + plural(t.Elem(), p)
	case reflect.Struct:
		return "a table"
	default:
		return "a whole number" + limits(&fieldPlan{low: lowest(t, p), high: highest(t, p)})
	}
}

// plural names several values of type t.
func plural(t reflect.Type, p *fieldPlan) string {
	switch t {
	case typePeriod:
		return "periods"
	case typeRate:
		return "rates"
	case typeSize:
		return "sizes"
	}
	switch t.Kind() {
	case reflect.String:
		if len(p.words) > 0 {
			return oneOf(p.words)
		}
		return "strings"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map, reflect.Slice:
		return "tables"
	default:
		return "numbers"
	}
}

func limits(p *fieldPlan) string {
	switch {
	case p.low != "" && p.high != "":
		return " from " + p.low + " to " + p.high
	case p.low != "":
		return " of at least " + p.low
	case p.high != "":
		return " of at most " + p.high
	}
	return ""
}

// lowest and highest are the tags, or what the Go type can hold where that is
// a limit an admin can meet.
func lowest(t reflect.Type, p *fieldPlan) string {
	if p.low == "" && t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64 {
		return "0"
	}
	return p.low
}

func highest(t reflect.Type, p *fieldPlan) string {
	if p.high == "" && t.Size() <= 2 {
		if t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64 {
			return strconv.Itoa(1<<(8*t.Size()) - 1)
		}
		return strconv.Itoa(1<<(8*t.Size()-1) - 1)
	}
	return p.high
}

func oneOf(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `"` + w + `"`
	}
	if len(words) == 1 {
		return quoted[0]
	}
	return strings.Join(quoted[:len(words)-1], ", ") + " or " + quoted[len(words)-1]
}
