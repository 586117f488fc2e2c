// SPDX-License-Identifier: Apache-2.0

package jid

import "strings"

// Escape returns local with the characters that a localpart can not have
// replaced (XEP-0106 1.1). A space at the begin or the end, which the XEP forbids, stays.
func Escape(local string) string { return escaper(local) }

// Unescape undoes Escape.
func Unescape(local string) string { return unescaper(local) }

const escaped = ` "&'/:<>@\`

func hexOf(c byte) string {
	const hex = "0123456789abcdef"
	return string([]byte{'\\', hex[c>>4], hex[c&15]})
}

// sequence returns the character that the escape sequence at the begin of s
// stands for, or 0.
func sequence(s string) byte {
	if len(s) < 3 || s[0] != '\\' {
		return 0
	}
	for i := range len(escaped) {
		if hexOf(escaped[i]) == s[:3] {
			return escaped[i]
		}
	}
	return 0
}

func escaper(local string) string {
	if !strings.ContainsAny(local, escaped) {
		return local
	}
	var b strings.Builder
	for i := range len(local) {
		c := local[i]
		switch {
		case c == '\\' && sequence(local[i:]) == 0, strings.IndexByte(escaped, c) < 0:
			b.WriteByte(c)
		default:
			b.WriteString(hexOf(c))
		}
	}
	return b.String()
}

func unescaper(local string) string {
	if strings.IndexByte(local, '\\') < 0 {
		return local
	}
	var b strings.Builder
	for i := 0; i < len(local); {
		if c := sequence(local[i:]); c != 0 && !(c == ' ' && (i == 0 || i+3 == len(local))) {
			b.WriteByte(c)
			i += 3
			continue
		}
		b.WriteByte(local[i])
		i++
	}
	return b.String()
}
