// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"math"
	"strings"
	"testing"

	"tercet/config"
)

func TestValueString(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "nil"},
		{true, "true"},
		{5, "5"},
		{uint8(5), "5"},
		{0.5, "0.5"},
		{1e300, "1e+300"},
		{math.Inf(1), "inf"},
		{"a \"b\"\n", `"a \"b\"\n"`},
		{"\x00\xff\u202e", `"???"`},
		{"ü", `"ü"`},
		{[]any{"a", 1, nil}, `{ "a", 1 }`},
		{map[string]any{"b": 1, "a": []int{2}}, `{ a = { 2 }, b = 1 }`},
		{map[string]any{"a b": 1, "5": 2}, `{ [5] = 2, ["a b"] = 1 }`},
		{[]int{}, "{}"},
		{func() {}, "a function"},
		{strings.Repeat("x", 500), `"` + strings.Repeat("x", 55) + `..."`},
		{strings.Repeat("ü", 500), `"` + strings.Repeat("ü", 27) + `..."`},
		{make([]int, 100), "a list of 100"},
		{map[string]any{strings.Repeat("k", 70): 1}, "a table of 1"},
	} {
		if got := config.Of(config.Pos{}, c.v).String(); got != c.want {
			t.Errorf("%v: got %s, want %s", c.v, got, c.want)
		}
	}
}

func TestValue(t *testing.T) {
	v := config.Of(config.Pos{}, map[string]any{"a": 1, "b": []string{"x"}})
	if a, ok := v.Get("a"); !ok || a.Number() != 1 || a.Str() != "" || a.Bool() || a.List() != nil {
		t.Errorf("got %v, %v", a, ok)
	}
	if _, ok := v.Get("c"); ok {
		t.Error("got c")
	}
	var zero config.Value
	if !zero.IsZero() || zero.Kind() != config.Nil || zero.Fields() != nil || v.IsZero() {
		t.Errorf("got %v, %v", zero, v)
	}
}

func TestPos(t *testing.T) {
	for want, p := range map[string]config.Pos{
		"config": {}, "a.lua": {File: "a.lua"}, "a.lua:5": {File: "a.lua", Line: 5},
	} {
		if p.String() != want {
			t.Errorf("got %s, want %s", p, want)
		}
	}
}

func TestLookup(t *testing.T) {
	c := build(map[string]any{"a": 1, "b": true, "x.example/b": false, "x.example/c": 3})
	for _, q := range []struct {
		host, option, want string
	}{
		{"", "a", "1"},
		{"", "c", "none"},
		{"x.example", "a", "1"},
		{"x.example", "b", "false"}, // false is a value
		{"x.example", "c", "3"},
		{"sub.x.example", "c", "none"}, // nothing comes from a parent domain
		{"sub.x.example", "b", "true"},
	} {
		got := "none"
		if v, ok := c.Lookup(q.host, q.option); ok {
			got = v.String()
		}
		if got != q.want {
			t.Errorf("%s %s: got %s, want %s", q.host, q.option, got, q.want)
		}
	}
	if c.Section("") != c.Global || c.Section("y.example") != nil {
		t.Error("wrong sections")
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"admins", "archive_expires_after", "c2s_ports", "max_archive_query_results", "modules_enabled", "storage"}
	for word, want := range map[string]string{
		"max_archive_query_result":  "max_archive_query_results",
		"modules_enable":            "modules_enabled",
		"module_enabled":            "modules_enabled",
		"stroage":                   "storage",
		"STORAGE":                   "storage",
		"admin":                     "admins",
		"archive_expire_after":      "archive_expires_after",
		"c2s_port":                  "c2s_ports",
		"s2s_ports":                 "c2s_ports",
		"colour":                    "",
		"x":                         "",
		"":                          "",
		"storage":                   "",
		"a_wholly_different_option": "",
	} {
		if got := config.Suggest(word, known); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

func TestUnknown(t *testing.T) {
	c := build(map[string]any{"good": 1, "goood": 1, "a.example/host_only": 1, "a.example/enabled": true, "a.example/helper": func() {}, "b.example/host_only": 1})
	known := func(host string) map[string]bool {
		names := map[string]bool{"good": true}
		if host == "a.example" {
			names["host_only"] = true
		}
		return names
	}
	want := "warning test.cfg.lua:1: goood: no module has this option; did you mean good?\n" +
		"warning test.cfg.lua:1: host_only: no module that is enabled on b.example has this option"
	if got := texts(config.Unknown(c, known)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSort(t *testing.T) {
	at := func(file string, line int, text string) config.Problem {
		return config.Problem{Pos: config.Pos{File: file, Line: line}, Text: text}
	}
	got := texts(config.Sort([]config.Problem{at("b", 1, "x"), at("a", 10, "y"), at("a", 9, "z"), at("a", 10, "x"), at("a", 10, "y")}))
	if want := "warning a:9: z\nwarning a:10: x\nwarning a:10: y\nwarning b:1: x"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if config.Failed([]config.Problem{{}}) || !config.Failed([]config.Problem{{}, {Severity: config.Error}}) {
		t.Error("wrong severity")
	}
}

func TestCheckHosts(t *testing.T) {
	for _, c := range []struct {
		options map[string]any
		want    string
	}{
		{map[string]any{"a.example/x": 1}, ""},
		{map[string]any{"x": 1}, "error test.cfg.lua: no host to serve: at least one VirtualHost must be enabled"},
		{map[string]any{"a.example/enabled": false}, "error test.cfg.lua: no host to serve: at least one VirtualHost must be enabled"},
		{map[string]any{"a.example/enabled": "no"}, `error test.cfg.lua:1: enabled: want true or false, got "no"`},
		{
			map[string]any{"a.example/c2s_ports": 5222},
			"warning test.cfg.lua:1: c2s_ports: without effect on a.example; ports are those of the whole server, set them in the global section",
		},
	} {
		if got := texts(config.CheckHosts(build(c.options))); got != c.want {
			t.Errorf("%v: got %s, want %s", c.options, got, c.want)
		}
	}
}

func TestModules(t *testing.T) {
	auto, inherited := []string{"c2s", "iq"}, []string{"tls", "iq"}
	for _, c := range []struct {
		name      string
		options   map[string]any
		component string
		host      string
		want      string
	}{
		{"nothing said", map[string]any{}, "", "", "c2s iq"},
		{"global", map[string]any{"modules_enabled": []any{"roster", "tls", "roster", nil}, "modules_disabled": []string{"c2s"}}, "", "", "iq roster tls"},
		{"host", map[string]any{"modules_enabled": []string{"roster"}, "h/modules_enabled": []string{"ping", "c2s"}, "h/modules_disabled": []string{"roster", "x"}}, "", "h", "c2s iq ping"},
		{"component", map[string]any{"modules_enabled": []string{"roster", "tls"}, "h/modules_enabled": []string{"muc_mam"}}, "muc", "h", "muc iq tls muc_mam"},
		{"disabled globally, enabled on the host", map[string]any{"modules_disabled": []string{"iq"}, "h/modules_enabled": []string{"iq"}}, "", "h", "c2s iq"},
		{
			"vcard",
			map[string]any{"modules_enabled": []string{"vcard", "vcard_legacy"}},
			"", "",
			"c2s iq vcard_legacy | warning test.cfg.lua:1: modules_enabled: vcard is left out, for vcard_legacy takes its place",
		},
		{"a string", map[string]any{"modules_enabled": "roster"}, "", "", `c2s iq | error test.cfg.lua:1: modules_enabled: want a list of names, got "roster"`},
		{
			"a number in the list",
			map[string]any{"modules_enabled": []any{"a", 5}},
			"", "",
			`c2s iq a | error test.cfg.lua:1: modules_enabled: want the name of a module, got 5`,
		},
		{
			"a key in the list",
			map[string]any{"modules_enabled": map[string]any{"a": true}},
			"", "",
			`c2s iq | warning test.cfg.lua:1: modules_enabled: ignored: a = ... is not an item of a list`,
		},
		{"no such host", map[string]any{}, "", "x.example", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := build(c.options)
			if s := cfg.Section("h"); s != nil && c.component != "" {
				s.Kind, s.Module = config.Component, c.component
			}
			modules, problems := config.Modules(cfg, c.host, auto, inherited)
			var names []string
			for _, m := range modules {
				names = append(names, m.Str())
			}
			got := strings.Join(names, " ")
			if len(problems) > 0 {
				got += " | " + texts(problems)
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestDisabled(t *testing.T) {
	c := build(map[string]any{
		"modules_disabled":             []string{"mam"},
		"example.org/modules_disabled": []string{"ping", "time"},
		"example.net/modules_enabled":  []string{"mam"},
	})
	for _, tt := range []struct {
		host, word string
		want       bool
	}{
		{"", "mam", true},
		{"example.org", "mam", true},
		{"example.org", "time", true},
		{"example.org", "version", false},
		{"example.net", "ping", false},
		{"example.com", "mam", true}, // which is no host: the global section counts
		{"", "ping", false},
	} {
		if got := config.Disabled(c, tt.host, tt.word); got != tt.want {
			t.Errorf("%s on %q: got %v", tt.word, tt.host, got)
		}
	}
}
