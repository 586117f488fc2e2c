// SPDX-License-Identifier: Apache-2.0

package external

import (
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string // nil: refused
	}{
		{"", []string{}},
		{"/bin/x", []string{"/bin/x"}},
		{"  /bin/x \t a\nb ", []string{"/bin/x", "a", "b"}},
		{`x "a b" 'c d'`, []string{"x", "a b", "c d"}},
		{`x "" ''`, []string{"x", "", ""}},
		{`x a"b c"d`, []string{"x", "ab cd"}},
		{`x a\ b \"`, []string{"x", "a b", `"`}},
		{`x "a\"b\\c\d"`, []string{"x", `a"b\c\d`}},
		{`x 'a\b'`, []string{"x", `a\b`}},
		{`x $HOME *;|`, []string{"x", "$HOME", "*;|"}},
		{`x 'a`, nil},
		{`x "a`, nil},
		{`x a\`, nil},
	} {
		got, err := split(c.in)
		if (err == nil) != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

// Words that are quoted come out as they were.
func FuzzSplit(f *testing.F) {
	f.Add("a b", `c'd"\`, "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		words := []string{a, b, c}
		for _, quote := range []func(string) string{
			func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
			func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` },
		} {
			var text []string
			for _, w := range words {
				text = append(text, quote(w))
			}
			if got, err := split(strings.Join(text, " ")); err != nil || !slices.Equal(got, words) {
				t.Errorf("%q: %q, %v", text, got, err)
			}
		}
		_, _ = split(a) // any text may be given
	})
}
