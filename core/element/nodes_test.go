// SPDX-License-Identifier: Apache-2.0

package element_test

import (
	"strings"
	"testing"

	"tercet/core/element"
)

func TestNodes(t *testing.T) {
	for _, tt := range []struct{ xml, want string }{
		{"<a/>", ""},
		{"<a>one</a>", "one"},
		{"<a>o&lt;<b>inner</b>t\r\nwo<c/><![CDATA[<x>]]></a>", "o<|<b>|t\nwo|<c>|<x>"},
		{"<a><b/></a>", "<b>"},
	} {
		e, err := element.Parse([]byte(tt.xml))
		if err != nil {
			t.Fatalf("%s: %v", tt.xml, err)
		}
		var got []string
		for child, words := range e.Nodes() {
			if !child.IsZero() {
				words = "<" + child.Local() + ">"
			}
			got = append(got, words)
		}
		if s := strings.Join(got, "|"); s != tt.want {
			t.Errorf("%s: got %q, want %q", tt.xml, s, tt.want)
		}
	}
	for range (element.Element{}).Nodes() {
		t.Error("the zero element has nodes")
	}
}
