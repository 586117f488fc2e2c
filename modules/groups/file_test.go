// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"fmt"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "[] 0"},
		{"before any group", "a@b", "[default:a@b=] 0"},
		{"names", "[G]\na@b=A B\n c@d/x = C=D \r\n", "[G:a@b=A B,c@d=C=D] 0"},
		{"public", "[+G]\na@b", "[+G:a@b=] 0"},
		{"twice", "[G]\na@b\n[H]\n[G]\nA@B=x\nc@b", "[G:a@b=x,c@b= H:] 0"},
		{"comments", "; a@b\n# c@d\n[G]", "[G:] 0"},
		{"wrong", "[]\n[G]\nexample.org\n@\na@b", "[default: G:a@b=] 3"},
		{"mark", "\ufeff[G]\na@b", "[G:a@b=] 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, wrong := parse([]byte(tt.text))
			if got := fmt.Sprint(all, " ", len(wrong)); got != tt.want {
				t.Errorf("got %s, want %s (%q)", got, tt.want, wrong)
			}
		})
	}
}

// String is how a test sees a group.
func (g group) String() string {
	s := g.name + ":"
	if g.public {
		s = "+" + s
	}
	for i, m := range g.members {
		if i > 0 {
			s += ","
		}
		s += m.jid.String() + "=" + m.name
	}
	return s
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("[+G]\na@b=A\n; c\n[]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, wrong := parse(text)
		for _, g := range all {
			if g.name == "" || len(g.at) != len(g.members) {
				t.Errorf("group %v", g)
			}
			for _, m := range g.members {
				if !m.jid.IsBare() {
					t.Errorf("member %v", m)
				}
			}
		}
		if len(wrong) > len(text)+1 {
			t.Errorf("%d complaints", len(wrong))
		}
	})
}
