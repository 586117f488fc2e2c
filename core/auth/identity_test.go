// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"tercet/core/auth"
)

// RFC 4013 section 3 has the first five.
func TestPrepPassword(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"soft hyphen goes", "I\u00adX", "IX"},
		{"no change", "user", "user"},
		{"case stays", "USER", "USER"},
		{"NFKC of feminine ordinal", "\u00aa", "a"},
		{"NFKC of roman nine", "\u2168", "IX"},
		{"prohibited control", "\u0007", ""},
		{"bidirectional mix", "\u06271", ""},
		{"a space of another kind", "a\u00a0b", "a b"},
		{"unassigned in Unicode 3.2 passes", "pa\U0001f600ss", "pa\U0001f600ss"},
		{"private use", "\ue000", ""},
		{"surrogate half", "\xed\xa0\x80", ""},
		{"not UTF-8", "pa\xffss", ""},
		{"tagging characters", "\U000e0041", ""},
		{"NUL", "a\x00b", ""},
		{"empty", "", ""},
		{"becomes empty", "\u00ad", ""},
		{"printable ASCII", " ~!\"#,=", " ~!\"#,="},
		{"longest", strings.Repeat("x", 1024), strings.Repeat("x", 1024)},
		{"too long", strings.Repeat("x", 1024+1), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := auth.PrepPassword(c.in)
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("PrepPassword(%q) = %q, %v; want %q", c.in, got, err, c.want)
			}
		})
	}
}

func TestPrepUser(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "romeo", "romeo"},
		{"case is mapped", "Romeo", "romeo"},
		{"soft hyphen goes", "ro\u00admeo", "romeo"},
		{"with a dot", "romeo.m", "romeo.m"},
		{"whole JID", "romeo@example.org", ""},
		{"with a slash", "a/b", ""},
		{"with a space", "a b", ""},
		{"with a quote", `a"b`, ""},
		{"NUL", "a\x00b", ""},
		{"empty", "", ""},
		{"too long", strings.Repeat("a", 1024), ""},
		{"far too long", strings.Repeat("a", 1<<20), ""},
		{"longest", strings.Repeat("a", 1023), strings.Repeat("a", 1023)},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := auth.PrepUser(c.in)
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("User(%.40q) = %.40q, %v; want %.40q", c.in, got, err, c.want)
			}
		})
	}
}

func TestOwn(t *testing.T) {
	for _, c := range []struct {
		authzid string
		want    bool
	}{
		{"", true},
		{"romeo@example.org", true},
		{"Romeo@EXAMPLE.org", true},
		{"romeo", true},
		{"ROMEO", true},
		{"juliet@example.org", false},
		{"juliet", false},
		{"romeo@example.com", false},
		{"romeo@example.org/orchard", false},
		{"example.org", false},
		{"@example.org", false},
		{"romeo@", false},
		{"romeo@example.org@example.org", false},
		{" romeo", false},
		{"\xff", false},
	} {
		if got := auth.Own(c.authzid, "romeo", "example.org"); got != c.want {
			t.Errorf("Own(%q) = %v, want %v", c.authzid, got, c.want)
		}
	}
	if auth.Own("example.org", "romeo", "example.org") {
		t.Error("the domain is taken for the account")
	}
}

func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"romeo", "I\u00adX", "\u06271", "\xff", "ﬁ", "Å", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := auth.PrepPassword(s); err == nil {
			if p == "" || !utf8.ValidString(p) || strings.ContainsRune(p, 0) {
				t.Errorf("PrepPassword(%q) = %q", s, p)
			}
		}
		u, err := auth.PrepUser(s)
		if err != nil {
			return
		}
		if again, err := auth.PrepUser(u); err != nil || again != u {
			t.Errorf("User(%q) = %q, of which it makes %q, %v", s, u, again, err)
		}
		if !auth.Own(u, u, "example.org") {
			t.Errorf("%q may not act for itself", u)
		}
	})
}

func BenchmarkPrepUser(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := auth.PrepUser("romeo"); err != nil {
			b.Fatal(err)
		}
	}
}
