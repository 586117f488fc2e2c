// SPDX-License-Identifier: Apache-2.0

package lib_test

import (
	"bytes"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// TestHostileXML wants large documents to take no more than their length, and
// those that are made to be expensive to be refused.
func TestHostileXML(t *testing.T) {
	nested := strings.Builder{}
	for range 200 {
		nested.WriteString("<a")
		for i := range 200 {
			nested.WriteString(" xmlns:p" + strings.Repeat("x", i+1) + "='u'")
		}
		nested.WriteString(">")
	}
	for _, tt := range []struct {
		name, xml string
		ok        bool
	}{
		{"many elements", "<a>" + strings.Repeat("<b c='d'>e</b>", 100_000) + "</a>", true},
		{"long text", "<a>" + strings.Repeat("text &amp; ", 300_000) + "</a>", true},
		{"many references", "<a b='" + strings.Repeat("&#65;", 100_000) + "'/>", true},
		{"deep", strings.Repeat("<a>", 100_000), false},
		{"many namespaces", nested.String(), false},
		{"many attributes", "<a " + strings.Repeat("b='c' ", 1000) + "/>", false},
		{"long document type", "<!DOCTYPE a [" + strings.Repeat("<!ENTITY b 'c'>", 10_000) + "]><a/>", false},
		{"billion laughs", "<!DOCTYPE a [<!ENTITY a 'a'><!ENTITY b '&a;&a;'>]><a>&b;</a>", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newState(t, &bytes.Buffer{})
			if err := l.DoString(`local xml, lxp = require "util.xml", require "lxp"
				function whole(s) return xml.parse(s) ~= nil end
				function pieces(s)
					local p = lxp.new({}, "\1")
					for i = 1, #s, 1000 do if not p:parse(s:sub(i, i + 999)) then return false end end
					return p:parse() ~= nil
				end`); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"whole", "pieces"} {
				if err := l.CallByParam(lua.P{Fn: l.GetGlobal(name), NRet: 1, Protect: true}, lua.LString(tt.xml)); err != nil {
					t.Fatal(err)
				}
				got := lua.LVAsBool(l.Get(-1))
				l.Pop(1)
				if got != tt.ok && (name == "whole" || tt.name != "billion laughs") {
					t.Errorf("%s: got %v, want %v", name, got, tt.ok)
				}
			}
		})
	}
}
