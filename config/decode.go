// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Unmarshaler is implemented by types that read themselves from a value. An
// error that [Errorf] made stands at its own value, any other at v; both are
// shown behind the option's name.
type Unmarshaler interface {
	UnmarshalConfig(v Value) error
}

// Errorf returns an error about v, a part of the value that UnmarshalConfig got.
func Errorf(v Value, format string, args ...any) error {
	return &valueError{v.Pos, fmt.Sprintf(format, args...)}
}

type valueError struct {
	pos  Pos
	text string
}

func (e *valueError) Error() string { return e.text }

// Decode reads the options of host (empty: the global ones) into dst, a pointer
// to a struct that holds the defaults. What is wrong is reported, and leaves the
// default in place. Afterwards dst.Check(*Check) is called if there is one.
//
// Fields are described by tags:
//
//	lua:"name,old_name"  the option, and its older names
//	doc:"..."            one sentence for the README
//	min:"1" max:"9"      range of a number, period, rate or size, or of each item of a list
//	enum:"a|b"           the words that a string, or each item of a list, may be
//	never:"true"         a period may be "never", which becomes Never
//	m:"month"            a bare m in a period means month, not minute
//	secret:"true"        values are not shown; names with password, secret or token imply it
//	type:"..."           what OptionsTable calls the type of an Unmarshaler
//
// Embedded structs without a tag are part of the struct around them; a struct
// with a tag is a table.
func Decode(c *Config, host string, dst any) []Problem {
	rv := reflect.ValueOf(dst)
	if rv.Kind() != reflect.Pointer || rv.Elem().Kind() != reflect.Struct {
		return []Problem{{Pos{File: c.File}, Error, fmt.Sprintf("options of type %T are not a pointer to a struct", dst)}}
	}
	d := &decoder{c: c, host: host}
	plans := plan(rv.Elem().Type())
	for i := range plans {
		p := &plans[i]
		if v, ok := d.find(p); ok {
			d.value(target{path: p.name, plan: p, secret: p.secret}, rv.Elem().FieldByIndex(p.index), v)
		}
	}
	if checked, ok := dst.(interface{ Check(c *Check) }); ok {
		checked.Check(&Check{d, plans})
	}
	return d.problems
}

type decoder struct {
	c        *Config
	host     string
	problems []Problem
}

// find returns the value of an option under its name or an older one: what the
// host says under any of them goes before what is said globally.
func (d *decoder) find(p *fieldPlan) (Value, bool) {
	sections := []*Section{d.c.Global}
	if s := d.c.Section(d.host); s != nil && d.host != "" {
		sections = []*Section{s, d.c.Global}
	}
	for _, s := range sections {
		found, winner := Value{}, ""
		for _, name := range append([]string{p.name}, p.aliases...) {
			v, ok := s.Options[name]
			switch {
			case !ok:
			case winner == "":
				found, winner = v, name
			default:
				d.add(v.Pos, Warning, name, "without effect beside "+winner+", its newer name")
			}
		}
		if winner != "" {
			return found, true
		}
	}
	return Value{}, false
}

func (d *decoder) add(pos Pos, s Severity, path, text string) {
	d.problems = append(d.problems, Problem{pos, s, path + ": " + text})
}

// target is what a value is decoded for: the words of messages about it.
type target struct {
	path   string
	plan   *fieldPlan
	secret bool
}

func (t target) item(i int) target {
	t.path = fmt.Sprintf("%s[%d]", t.path, i+1)
	return t
}

func (t target) key(name string) target {
	if key := luaKey(name); key != name {
		t.path += "[" + strings.Trim(key, "[]") + "]"
	} else {
		t.path += "." + name
	}
	t.secret = t.secret || SecretName(name)
	return t
}

// got says what v is, without its content if that must not be shown.
func (t target) got(v Value) string {
	if t.secret && v.Kind() != Nil {
		return v.Kind().String() + " (not shown)"
	}
	return v.String()
}

// want reports that v is not what t needs.
func (d *decoder) want(t target, v Value, want string) bool {
	d.add(v.Pos, Error, t.path, "want "+want+", got "+t.got(v))
	return false
}

// value decodes v into dst and reports whether that went well; if not, dst is
// as it was.
func (d *decoder) value(t target, dst reflect.Value, v Value) bool {
	if u, ok := reflect.TypeAssert[Unmarshaler](dst.Addr()); ok {
		return d.unmarshal(t, u, v)
	}
	switch dst.Type() {
	case typeValue:
		dst.Set(reflect.ValueOf(v))
		return true
	case typePeriod, typeRate, typeSize:
		return d.quantity(t, dst, v)
	case typeSet:
		return d.set(t, dst, v)
	}
	switch dst.Kind() {
	case reflect.Bool:
		return d.boolean(t, dst, v)
	case reflect.String:
		return d.text(t, dst, v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return d.integer(t, dst, v)
	case reflect.Float32, reflect.Float64:
		return d.float(t, dst, v)
	case reflect.Pointer:
		fresh := reflect.New(dst.Type().Elem())
		if ok := d.value(t, fresh.Elem(), v); !ok {
			return false
		}
		dst.Set(fresh)
		return true
	case reflect.Slice:
		return d.list(t, dst, v)
	case reflect.Map:
		return d.table(t, dst, v)
	case reflect.Struct:
		return d.record(t, dst, v)
	default:
		d.add(v.Pos, Error, t.path, "the server has a fault: no option can be of the Go type "+dst.Type().String())
		return false
	}
}

func (d *decoder) unmarshal(t target, u Unmarshaler, v Value) bool {
	err := u.UnmarshalConfig(v)
	if err == nil {
		return true
	}
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	for _, err := range errs {
		pos := v.Pos
		if at, ok := errors.AsType[*valueError](err); ok {
			pos = at.pos
		}
		d.add(pos, Error, t.path, err.Error())
	}
	return false
}

func (d *decoder) list(t target, dst reflect.Value, v Value) bool {
	items := v.List()
	switch {
	case v.Kind() == String || v.Kind() == Number:
		items = []Value{v} // as Prosody does
	case v.Kind() != Table:
		return d.want(t, v, describe(dst.Type(), t.plan))
	case len(v.Fields()) > 0 && len(items) == 0:
		return d.want(t, v, describe(dst.Type(), t.plan))
	}
	for _, p := range v.Fields() {
		d.add(p.Value.Pos, Warning, t.path, "ignored: "+luaKey(p.Key)+" = ... is not an item of a list")
	}
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	ok := true
	for i, item := range items {
		ok = d.value(t.item(i), out.Index(i), item) && ok
	}
	if ok {
		dst.Set(out)
	}
	return ok
}

// set reads a list of words or a table whose keys are the words:
// { "a", "b" } and { a = true, b = true, c = false } are the same.
func (d *decoder) set(t target, dst reflect.Value, v Value) bool {
	items := v.List()
	if v.Kind() == String {
		items = []Value{v}
	} else if v.Kind() != Table {
		return d.want(t, v, describe(dst.Type(), t.plan))
	}
	words, ok := make([]string, 0, len(items)), true
	for i, item := range items {
		var word string
		ok = d.text(t.item(i), reflect.ValueOf(&word).Elem(), item) && ok
		words = append(words, word)
	}
	for _, p := range v.Fields() {
		if p.Value.Kind() != Bool {
			ok = d.want(t.key(p.Key), p.Value, "true or false")
			continue
		}
		var word string
		key := Value{Pos: p.Value.Pos, kind: String, str: p.Key}
		if ok = d.text(t, reflect.ValueOf(&word).Elem(), key) && ok; p.Value.Bool() {
			words = append(words, word)
		}
	}
	if ok {
		dst.Set(reflect.ValueOf(NewSet(words...)))
	}
	return ok
}

func (d *decoder) table(t target, dst reflect.Value, v Value) bool {
	if v.Kind() != Table || len(v.List()) > 0 || dst.Type().Key().Kind() != reflect.String {
		return d.want(t, v, describe(dst.Type(), t.plan))
	}
	out, ok := reflect.MakeMap(dst.Type()), true
	for _, p := range v.Fields() {
		item := reflect.New(dst.Type().Elem()).Elem()
		ok = d.value(t.key(p.Key), item, p.Value) && ok
		out.SetMapIndex(reflect.ValueOf(p.Key).Convert(dst.Type().Key()), item)
	}
	if ok {
		dst.Set(out)
	}
	return ok
}

// record reads a table into a struct; keys that are absent keep what dst holds.
func (d *decoder) record(t target, dst reflect.Value, v Value) bool {
	if v.Kind() != Table || len(v.List()) > 0 {
		return d.want(t, v, "a table")
	}
	plans := plan(dst.Type())
	out := reflect.New(dst.Type()).Elem()
	out.Set(dst)
	ok := true
	for _, p := range v.Fields() {
		i := findPlan(plans, p.Key)
		if i < 0 {
			d.add(p.Value.Pos, Warning, t.path, "no key "+luaKey(p.Key)+didYouMean(p.Key, planNames(plans)))
			continue
		}
		f := &plans[i]
		at := t.key(p.Key)
		at.plan, at.secret = f, at.secret || f.secret
		ok = d.value(at, out.FieldByIndex(f.index), p.Value) && ok
	}
	if ok {
		dst.Set(out)
	}
	return ok
}

var (
	typePeriod = reflect.TypeFor[time.Duration]()
	typeRate   = reflect.TypeFor[Rate]()
	typeSize   = reflect.TypeFor[Size]()
	typeSet    = reflect.TypeFor[Set]()
	typeValue  = reflect.TypeFor[Value]()
)

// SecretName reports whether values of an option of this name stay unshown.
func SecretName(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "password") || strings.Contains(name, "secret") || strings.Contains(name, "token")
}
