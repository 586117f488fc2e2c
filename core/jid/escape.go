// SPDX-License-Identifier: Apache-2.0

package jid

import "strings"

// escaped are the characters that XEP-0106 (1.1) escapes.
const escaped = ` "&'/:<>@\`

// Escape returns local with the characters that a localpart can not have as
// escape sequences (XEP-0106 1.1). A backslash is one only where it would
// begin a sequence. Spaces at the begin and the end, which the XEP forbids,
// stay.
func Escape(local string) string {
	if !strings.ContainsAny(local, escaped) {
		return local
	}
	var b strings.Builder
	for i := range len(local) {
		c := local[i]
		edge := i == 0 || i == len(local)-1
		switch {
		case strings.IndexByte(escaped, c) < 0, c == ' ' && edge, c == '\\' && sequence(local[i:]) == 0:
			b.WriteByte(c)
		default:
			b.WriteString(sequenceOf(c))
		}
	}
	return b.String()
}

// Unescape undoes Escape.
func Unescape(local string) string {
	if strings.IndexByte(local, '\\') < 0 {
		return local
	}
	var b strings.Builder
	for i := 0; i < len(local); {
		c := sequence(local[i:])
		if c == 0 || c == ' ' && (i == 0 || i+3 == len(local)) {
			b.WriteByte(local[i])
			i++
			continue
		}
		b.WriteByte(c)
		i += 3
	}
	return b.String()
}

// sequence returns the character that the escape sequence at the begin of s
// stands for, or 0.
func sequence(s string) byte {
	if len(s) < 3 || s[0] != '\\' {
		return 0
	}
	for i := range len(escaped) {
		if sequenceOf(escaped[i]) == s[:3] {
			return escaped[i]
		}
	}
	return 0
}

func sequenceOf(c byte) string {
	const hex = "0123456789abcdef"
	return string([]byte{'\\', hex[c>>4], hex[c&15]})
}
