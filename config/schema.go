// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Field describes one option, or one key of an option that is a table.
type Field struct {
	Name, Type, Doc, Default string
	// Min and Max are empty where there is no limit.
	Min, Max string
	// Words are those that a string may be, if not any.
	Words   []string
	Aliases []string
	Secret  bool
	// Fields are the keys of a table; Name "*" stands for any key.
	Fields []Field
}

// fieldPlan is what the tags of a struct field say.
type fieldPlan struct {
	index      []int
	name       string
	aliases    []string
	doc        string
	low, high  string
	words      []string
	typeName   string
	never      bool
	secret     bool
	minute     time.Duration // what a bare m means
	structType reflect.Type
}

// plan lists the options of a struct in their order.
func plan(t reflect.Type) []fieldPlan {
	var plans []fieldPlan
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("lua")
		switch {
		case tagged && f.IsExported():
			names := strings.Split(tag, ",")
			p := fieldPlan{
				index: []int{i}, name: names[0], aliases: names[1:],
				doc: f.Tag.Get("doc"), low: f.Tag.Get("min"), high: f.Tag.Get("max"),
				typeName: f.Tag.Get("type"), never: f.Tag.Get("never") == "true",
				secret: f.Tag.Get("secret") == "true" || SecretName(names[0]),
				minute: time.Minute, structType: f.Type,
			}
			if words := f.Tag.Get("enum"); words != "" {
				p.words = strings.Split(words, "|")
			}
			if f.Tag.Get("m") == "month" {
				p.minute = month
			}
			plans = append(plans, p)
		case !tagged && f.Anonymous && f.Type.Kind() == reflect.Struct:
			for _, p := range plan(f.Type) {
				p.index = append([]int{i}, p.index...)
				plans = append(plans, p)
			}
		}
	}
	return plans
}

func findPlan(plans []fieldPlan, name string) int {
	return slices.IndexFunc(plans, func(p fieldPlan) bool { return p.name == name || slices.Contains(p.aliases, name) })
}

func planNames(plans []fieldPlan) []string {
	var names []string
	for _, p := range plans {
		names = append(names, p.name)
	}
	return names
}

// Schema returns the options that a struct declares, with the defaults that it
// holds. defaults may be a struct or a pointer to one.
func Schema(defaults any) []Field {
	rv := reflect.Indirect(reflect.ValueOf(defaults))
	if rv.Kind() != reflect.Struct {
		return nil
	}
	return schema(rv)
}

func schema(rv reflect.Value) []Field {
	var fields []Field
	for _, p := range plan(rv.Type()) {
		v := rv.FieldByIndex(p.index)
		f := Field{
			Name: p.name, Type: typeWord(p.structType, &p), Doc: p.doc, Default: luaText(v, &p),
			Min: p.low, Max: p.high, Words: p.words, Aliases: p.aliases, Secret: p.secret,
		}
		f.Fields = subFields(v)
		fields = append(fields, f)
	}
	return fields
}

func subFields(v reflect.Value) []Field {
	t := v.Type()
	if reflect.PointerTo(t).Implements(reflect.TypeFor[Unmarshaler]()) || t == typeValue {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return schema(v)
	case reflect.Pointer:
		if v.IsNil() {
			return subFields(reflect.New(t.Elem()).Elem())
		}
		return subFields(v.Elem())
	case reflect.Map:
		if fields := subFields(reflect.New(t.Elem()).Elem()); fields != nil {
			return []Field{{Name: "*", Type: "table", Fields: fields}}
		}
	case reflect.Slice:
		return subFields(reflect.New(t.Elem()).Elem())
	default:
	}
	return nil
}

// Names returns every name that Decode looks for, older ones included.
func Names(defaults any) []string {
	var names []string
	for _, f := range Schema(defaults) {
		names = append(append(names, f.Name), f.Aliases...)
	}
	return names
}

// typeWord names a type in a table of options.
func typeWord(t reflect.Type, p *fieldPlan) string {
	if p.typeName != "" {
		return p.typeName
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[Unmarshaler]()) {
		return "value"
	}
	switch t {
	case typePeriod:
		if p.never {
			return `period or "never"`
		}
		return "period"
	case typeRate:
		return "rate"
	case typeSize:
		return "size"
	case typeSet:
		return "set of " + plural(reflect.TypeFor[string](), p)
	case typeValue:
		return "value"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		if len(p.words) > 0 {
			return oneOf(p.words)
		}
		return "string"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Pointer:
		return typeWord(t.Elem(), p)
	case reflect.Slice:
		return "list of " + plural(t.Elem(), p)
	case reflect.Map:
		return "table of " + plural(t.Elem(), p)
	case reflect.Struct:
		return "table"
	default:
		return "integer"
	}
}

// luaText writes a default as a config file would.
func luaText(v reflect.Value, p *fieldPlan) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		if x == Never && p.never {
			return `"never"`
		}
		if x == 0 {
			return "0"
		}
		return strconv.Quote(FormatPeriod(x))
	case Rate:
		return strconv.Quote(x.String())
	case Size:
		return strconv.Quote(x.String())
	case Value:
		return x.String()
	case fmt.Stringer:
		return strconv.Quote(x.String())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return luaText(v.Elem(), p)
	case reflect.Struct:
		return "" // its keys are listed one by one
	case reflect.String:
		if p.secret && v.Len() > 0 {
			return "(not shown)"
		}
		if v.Len() == 0 && !slices.Contains(p.words, "") {
			return "nil"
		}
	case reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			return "{}"
		}
	default:
	}
	return Of(Pos{}, v.Interface()).String()
}

// OptionsTable returns Schema as a table in Markdown, for a README.
func OptionsTable(defaults any) string { return FieldsTable(Schema(defaults)) }

// FieldsTable returns fields as a table in Markdown; "None." if there are none.
func FieldsTable(fields []Field) string {
	if len(fields) == 0 {
		return "None.\n"
	}
	var b strings.Builder
	b.WriteString("| Option | Type | Default | Meaning |\n|---|---|---|---|\n")
	writeRows(&b, "", fields)
	return b.String()
}

func writeRows(b *strings.Builder, prefix string, fields []Field) {
	for _, f := range fields {
		name := prefix + f.Name
		if f.Type != "table" || f.Doc != "" || len(f.Fields) == 0 {
			def := f.Default
			if def != "" {
				def = "`" + def + "`"
			}
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, cell(f.Type), cell(def), cell(meaning(f)))
		}
		writeRows(b, name+".", f.Fields)
	}
}

func meaning(f Field) string {
	s := f.Doc
	if span := limits(&fieldPlan{low: f.Min, high: f.Max}); span != "" {
		s += " " + strings.ToUpper(span[1:2]) + span[2:] + "."
	}
	if len(f.Aliases) > 0 {
		s += " Older name: `" + strings.Join(f.Aliases, "`, `") + "`."
	}
	return strings.TrimSpace(s)
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
