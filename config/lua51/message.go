// SPDX-License-Identifier: Apache-2.0

package lua51

import "strings"

// messages are gopher-lua's words for faults of a program and Lua's, as far as
// Lua's can be said: gopher-lua does not tell the names of variables.
var messages = []struct {
	theirs string
	ours   func(rest string) string
}{
	{"attempt to index a non-table object(", func(rest string) string {
		kind, key, _ := strings.Cut(rest, ") with key ")
		return "attempt to index a " + kind + " value with the key " + key
	}},
	{"attempt to call a non-function object", func(string) string { return "attempt to call a value that is no function" }},
	{"cannot perform ", func(rest string) string {
		_, kinds, ok := strings.Cut(rest, " operation between ")
		left, right, _ := strings.Cut(kinds, " and ")
		if !ok {
			return "cannot perform " + rest
		}
		if left == "number" {
			left = right
		}
		return "attempt to perform arithmetic on a " + left + " value"
	}},
	{"__unm undefined", func(string) string { return "attempt to perform arithmetic on a value that is no number" }},
	{"__len undefined", func(string) string { return "attempt to get the length of a value that has none" }},
	{"registry overflow", func(string) string { return "stack overflow (too many values)" }},
}

// Reword says an error that gopher-lua raised in Lua's words. What stands in
// front of it ("file:line: ") stays.
func Reword(text string) string {
	place, message := "", text
	if i := strings.Index(text, ": "); i >= 0 {
		place, message = text[:i+2], text[i+2:]
	}
	for _, m := range messages {
		if rest, ok := strings.CutPrefix(message, m.theirs); ok {
			return place + m.ours(rest)
		}
	}
	return text
}
