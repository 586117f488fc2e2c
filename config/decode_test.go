// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"tercet/config"
)

// build makes a config of Go values: options named "host/option" are the host's.
func build(options map[string]any) *config.Config {
	c := config.New("test.cfg.lua", ".")
	n := 0
	for name, v := range options {
		n++
		section := c.Global
		if host, option, ok := strings.Cut(name, "/"); ok {
			name = option
			if section = c.Section(host); section == nil {
				section = &config.Section{
					Kind: config.VirtualHost, Name: host, Pos: config.Pos{File: "test.cfg.lua", Line: 100}, Options: map[string]config.Value{},
				}
				c.Hosts = append(c.Hosts, section)
			}
		}
		section.Options[name] = config.Of(config.Pos{File: "test.cfg.lua", Line: 1}, v)
	}
	return c
}

func texts(problems []config.Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Severity.String()+" "+p.String())
	}
	return strings.Join(out, "\n")
}

// color is a type that reads itself.
type color string

func (c *color) UnmarshalConfig(v config.Value) error {
	switch {
	case v.Kind() == config.String && strings.HasPrefix(v.Str(), "#"):
		*c = color(v.Str())
		return nil
	case len(v.List()) > 0:
		return errors.Join(config.Errorf(v.List()[0], "one"), config.Errorf(v.List()[0], "two"))
	}
	return errors.New("want a color such as \"#fff\"")
}

type shared struct {
	Name string `lua:"name"`
}

type everything struct {
	shared
	Bool    bool            `lua:"bool"`
	Int     int             `lua:"int" min:"1" max:"50"`
	Free    int             `lua:"free"`
	Port    uint16          `lua:"port"`
	Float   float64         `lua:"float" max:"1"`
	Text    string          `lua:"text"`
	Word    string          `lua:"word" enum:"one|two"`
	Period  time.Duration   `lua:"period" never:"true" min:"1m"`
	Months  time.Duration   `lua:"months" m:"month"`
	Rate    config.Rate     `lua:"rate" max:"1mb/s"`
	Size    config.Size     `lua:"size"`
	Set     config.Set      `lua:"set"`
	List    []string        `lua:"list"`
	Ports   []int           `lua:"ports" max:"9999"`
	Periods []time.Duration `lua:"periods"`
	Map     map[string]string
	Paths   map[string]string   `lua:"paths"`
	Lists   map[string][]string `lua:"lists"`
	Table   inner               `lua:"table"`
	Tables  []inner             `lua:"tables"`
	Maybe   *bool               `lua:"maybe"`
	Color   color               `lua:"color"`
	Raw     config.Value        `lua:"raw"`
	Renamed string              `lua:"new_name,old_name,older_name"`
	Secret  string              `lua:"admin_password"`
	Hidden  string              `lua:"hidden" secret:"true" enum:"a|b"`
}

type inner struct {
	A int    `lua:"a"`
	B string `lua:"b"`
}

// Each value is read, and read into nothing else.
func TestDecode(t *testing.T) {
	yes := true
	for _, c := range []struct {
		option string
		value  any
		want   func(*everything)
	}{
		{"name", "x", func(o *everything) { o.Name = "x" }},
		{"bool", true, func(o *everything) { o.Bool = true }},
		{"bool", "true", func(o *everything) { o.Bool = true }},
		{"bool", 1, func(o *everything) { o.Bool = true }},
		{"bool", "false", func(*everything) {}},
		{"int", 50, func(o *everything) { o.Int = 50 }},
		{"int", "7", func(o *everything) { o.Int = 7 }},
		{"free", -3, func(o *everything) { o.Free = -3 }},
		{"port", 65535, func(o *everything) { o.Port = 65535 }},
		{"float", 0.5, func(o *everything) { o.Float = 0.5 }},
		{"text", "", func(*everything) {}},
		{"text", 5, func(o *everything) { o.Text = "5" }},
		{"word", "two", func(o *everything) { o.Word = "two" }},
		{"period", "2 weeks", func(o *everything) { o.Period = 14 * 24 * time.Hour }},
		{"period", 90, func(o *everything) { o.Period = 90 * time.Second }},
		{"period", "Never", func(o *everything) { o.Period = config.Never }},
		{"months", "2m", func(o *everything) { o.Months = 62 * 24 * time.Hour }},
		{"rate", "10kb/s", func(o *everything) { o.Rate = 10_000 }},
		{"size", "1 KiB", func(o *everything) { o.Size = 1024 }},
		{"size", 99, func(o *everything) { o.Size = 99 }},
		{"set", []string{"b", "a", "b"}, func(o *everything) { o.Set = config.Set{"a", "b"} }},
		{"set", map[string]bool{"a": true, "b": false}, func(o *everything) { o.Set = config.Set{"a"} }},
		{"set", "a", func(o *everything) { o.Set = config.Set{"a"} }},
		{"list", []any{"a", 5}, func(o *everything) { o.List = []string{"a", "5"} }},
		{"list", "a", func(o *everything) { o.List = []string{"a"} }},
		{"list", []string{}, func(o *everything) { o.List = []string{} }},
		{"ports", []any{5222, "5223"}, func(o *everything) { o.Ports = []int{5222, 5223} }},
		{"ports", 5222, func(o *everything) { o.Ports = []int{5222} }},
		{"periods", []any{"1m", 5}, func(o *everything) { o.Periods = []time.Duration{time.Minute, 5 * time.Second} }},
		{"paths", map[string]string{"a": "/a"}, func(o *everything) { o.Paths = map[string]string{"a": "/a"} }},
		{"paths", map[string]string{}, func(o *everything) { o.Paths = map[string]string{} }},
		{"lists", map[string]any{"a": []string{"b"}}, func(o *everything) { o.Lists = map[string][]string{"a": {"b"}} }},
		{"table", map[string]any{"a": 5}, func(o *everything) { o.Table.A = 5 }},
		{"tables", []any{map[string]any{"b": "x"}}, func(o *everything) { o.Tables = []inner{{B: "x"}} }},
		{"maybe", true, func(o *everything) { o.Maybe = &yes }},
		{"color", "#fff", func(o *everything) { o.Color = "#fff" }},
		{"new_name", "n", func(o *everything) { o.Renamed = "n" }},
		{"older_name", "o", func(o *everything) { o.Renamed = "o" }},
		{"admin_password", "p", func(o *everything) { o.Secret = "p" }},
		{"Map", map[string]string{"a": "b"}, func(*everything) {}},
	} {
		defaults := everything{Int: 20, Word: "one", Period: time.Hour, Table: inner{1, "default"}, List: []string{"z"}}
		got, want := defaults, defaults
		c.want(&want)
		problems := config.Decode(build(map[string]any{c.option: c.value}), "", &got)
		if len(problems) > 0 {
			t.Errorf("%s = %v: %s", c.option, c.value, texts(problems))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v: got %+v, want %+v", c.option, c.value, got, want)
		}
	}
}

// What is wrong is named, and leaves the default.
func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		option string
		value  any
		want   string
	}{
		{"bool", "yes", `bool: want true or false, got "yes"`},
		{"bool", 2, `bool: want true or false, got 2`},
		{"int", 0, `int: want a whole number from 1 to 50, got 0`},
		{"int", 1.5, `int: want a whole number from 1 to 50, got 1.5`},
		{"int", "x", `int: want a whole number from 1 to 50, got "x"`},
		{"int", "0x10", `int: want a whole number from 1 to 50, got "0x10"`},
		{"int", true, `int: want a whole number from 1 to 50, got true`},
		{"free", 1e300, `free: want a whole number, got 1e+300`},
		{"port", 65536, `port: want a whole number from 0 to 65535, got 65536`},
		{"port", -1, `port: want a whole number from 0 to 65535, got -1`},
		{"float", 1.1, `float: want a number of at most 1, got 1.1`},
		{"text", true, `text: want a string, got true`},
		{"text", []string{"a"}, `text: want a string, got { "a" }`},
		{"word", "tow", `word: want "one" or "two", got "tow"; did you mean "two"?`},
		{"word", "three", `word: want "one" or "two", got "three"`},
		{"period", "10s", `period: want a period such as "2 weeks" of at least 1m or "never", got "10s"`},
		{"period", -5, `period: want a period such as "2 weeks" of at least 1m or "never", got -5`},
		{"period", 1e300, `period: want a period such as "2 weeks" of at least 1m or "never", got 1e+300`},
		{"months", "never", `months: want a period such as "2 weeks", got "never"`},
		{"months", -1, `months: want a period such as "2 weeks", got -1`},
		{"rate", 5, `rate: want a rate such as "10kb/s" of at most 1mb/s, got 5`},
		{"rate", "2mb/s", `rate: want a rate such as "10kb/s" of at most 1mb/s, got "2mb/s"`},
		{"size", -1, `size: want a size such as "10 MiB", got -1`},
		{"set", 5, `set: want a list of strings, got 5`},
		{"set", map[string]any{"a": 1}, `set.a: want true or false, got 1`},
		{"list", map[string]any{"a": 1}, `list: want a list of strings, got { a = 1 }`},
		{"list", []any{"a", true}, `list[2]: want a string, got true`},
		{"ports", []any{10000}, `ports[1]: want a whole number of at most 9999, got 10000`},
		{"paths", []string{"a"}, `paths: want a table of strings, got { "a" }`},
		{"paths", map[string]any{"a b": true}, `paths["a b"]: want a string, got true`},
		{"table", map[string]any{"a": "x"}, `table.a: want a whole number, got "x"`},
		{"table", "x", `table: want a table, got "x"`},
		{"tables", []any{map[string]any{"a": "x"}}, `tables[1].a: want a whole number, got "x"`},
		{"color", "red", `color: want a color such as "#fff"`},
		{"admin_password", true, `admin_password: want a string, got a boolean (not shown)`},
		{"hidden", "c", `hidden: want "a" or "b", got a string (not shown)`},
		{"paths", map[string]any{"token": true}, `paths.token: want a string, got a boolean (not shown)`},
		{"text", func() {}, `text: want a string, got a function`},
	} {
		got := everything{Int: 20, Word: "one", Paths: map[string]string{"k": "v"}}
		want := got
		problems := config.Decode(build(map[string]any{c.option: c.value}), "", &got)
		if text := texts(problems); text != "error test.cfg.lua:1: "+c.want {
			t.Errorf("%s = %v: got %s, want %s", c.option, c.value, text, c.want)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v: the default became %+v", c.option, c.value, got)
		}
	}
}

func TestDecodeWarnings(t *testing.T) {
	for _, c := range []struct {
		options map[string]any
		want    string
	}{
		{map[string]any{"table": map[string]any{"c": 1}}, `warning test.cfg.lua:1: table: no key c; did you mean a?`},
		{map[string]any{"new_name": "a", "old_name": "b"}, `warning test.cfg.lua:1: old_name: without effect beside new_name, its newer name`},
		{map[string]any{"color": []string{"a"}}, "error test.cfg.lua:1: color: one\nerror test.cfg.lua:1: color: two"},
		{
			map[string]any{"list": config.TableOf(config.Pos{}, []config.Value{config.Of(config.Pos{}, "a")}, []config.Pair{{Key: "k", Value: config.Of(config.Pos{File: "f", Line: 2}, 1)}})},
			`warning f:2: list: ignored: k = ... is not an item of a list`,
		},
	} {
		var o everything
		if got := texts(config.Decode(build(c.options), "", &o)); got != c.want {
			t.Errorf("%v: got %s, want %s", c.options, got, c.want)
		}
	}
}

// A host's own value goes before the global one, under whichever name.
func TestDecodeHosts(t *testing.T) {
	c := build(map[string]any{"new_name": "global", "text": "global", "a.example/old_name": "own", "b.example/text": "own"})
	for host, want := range map[string][2]string{
		"":            {"global", "global"},
		"a.example":   {"own", "global"},
		"b.example":   {"global", "own"},
		"c.a.example": {"global", "global"},
	} {
		var o everything
		if problems := config.Decode(c, host, &o); len(problems) > 0 || o.Renamed != want[0] || o.Text != want[1] {
			t.Errorf("%s: got %s, %s, want %v; %s", host, o.Renamed, o.Text, want, texts(problems))
		}
	}
}

type checked struct {
	Cert   string `lua:"cert"`
	Key    string `lua:"key,tls_key"`
	Limits struct {
		A int `lua:"a"`
	} `lua:"limits"`
}

func (o *checked) Check(c *config.Check) {
	if o.Cert != "" && !c.Has("key") {
		c.At("cert").Errorf("needs a key on %s in %s", c.Host(), c.Dir())
		c.At("key").Warnf("is not set")
	}
	if o.Limits.A > 5 {
		c.At("limits.a").Errorf("%d is too much", o.Limits.A)
		c.At("limits.b").Errorf("is not there")
	}
}

func TestCheck(t *testing.T) {
	c := build(map[string]any{"a.example/cert": "x", "b.example/cert": "x", "b.example/tls_key": "y", "limits": map[string]any{
		"a": config.Of(config.Pos{File: "f", Line: 9}, 6),
	}})
	for host, want := range map[string]string{
		"a.example": "error test.cfg.lua:1: cert: needs a key on a.example in .\nwarning test.cfg.lua:100: key: is not set\n" +
			"error f:9: limits.a: 6 is too much\nerror test.cfg.lua:1: limits.b: is not there",
		"b.example": "error f:9: limits.a: 6 is too much\nerror test.cfg.lua:1: limits.b: is not there",
	} {
		if got := texts(config.Decode(c, host, &checked{})); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

// Faults of the program are told, not panicked about.
func TestDecodeFaults(t *testing.T) {
	c := build(map[string]any{"a": 1})
	if got := texts(config.Decode(c, "", everything{})); !strings.Contains(got, "not a pointer to a struct") {
		t.Errorf("got %s", got)
	}
	var o struct {
		A chan int `lua:"a"`
	}
	if got := texts(config.Decode(c, "", &o)); !strings.Contains(got, "chan int") {
		t.Errorf("got %s", got)
	}
}

func BenchmarkDecode(b *testing.B) {
	c := build(map[string]any{"int": 5, "text": "x", "period": "1w", "list": []string{"a", "b"}, "table": map[string]any{"a": 1}})
	b.ReportAllocs()
	for b.Loop() {
		var o everything
		if problems := config.Decode(c, "", &o); len(problems) > 0 {
			b.Fatal(texts(problems))
		}
	}
}
