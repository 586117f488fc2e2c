// SPDX-License-Identifier: Apache-2.0

package coretest

import (
	"os"
	"strings"
	"testing"
)

// Generated compares the part of a file that is generated with its content; it
// stands between the lines <!-- NAME --> and <!-- /NAME -->. With TERCET_WRITE=1
// in the environment the part is written instead.
func Generated(tb testing.TB, file, name, content string) {
	tb.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->\n"
	before, rest, ok := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	switch {
	case !ok || !ended:
		tb.Fatalf("%s has no %s and %s", file, strings.TrimSpace(begin), strings.TrimSpace(end))
	case got == content:
	case os.Getenv("TERCET_WRITE") == "":
		tb.Fatalf("the %s in %s are out of date: run this test with TERCET_WRITE=1", name, file)
	default:
		if err := os.WriteFile(file, []byte(before+begin+content+end+after), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}
