// SPDX-License-Identifier: Apache-2.0

package element

import (
	"bytes"
	"unicode/utf8"
)

// What a byte may be without a second look.
const (
	plainText = 1 << iota // character data
	plainAttr             // attribute value
	nameFirst             // first character of a name
	nameNext              // later character of a name, colon included
	blank
)

var class = func() (t [256]uint8) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = plainText | plainAttr
	}
	t['\t'], t['\n'], t['\r'], t[' '] = plainText|blank, plainText|blank, blank, plainText|plainAttr|blank
	for _, c := range "<&>" {
		t[c] &^= plainText
	}
	for _, c := range "<&'\"" {
		t[c] &^= plainAttr
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] |= nameFirst | nameNext
		t[c-'a'+'A'] |= nameFirst | nameNext
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= nameNext
	}
	t['_'] |= nameFirst | nameNext
	t['-'] |= nameNext
	t['.'] |= nameNext
	t[':'] |= nameNext
	return t
}()

// isChar reports whether XML 1.0 allows r (2.2, production Char).
func isChar(r rune) bool {
	return r >= 0x20 && r < 0xd800 || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

// runeAt returns how many bytes the character at the begin of b has, or an
// error. The first byte is not ASCII.
func runeAt(b []byte) (int, error) {
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n == 1 {
		if !utf8.FullRune(b) {
			return 0, ErrMore
		}
		return 0, malformed("invalid UTF-8")
	}
	if !isChar(r) {
		return 0, malformed("character that XML forbids")
	}
	return n, nil
}

// maxReference is how many bytes a reference may have. The longest one
// without leading zeros is "&#1114111;".
const maxReference = 32

// reference returns how many bytes the reference at the begin of b has, or an
// error.
func reference(b []byte) (int, error) {
	for i := 1; i < len(b) && i < maxReference; i++ {
		switch c := b[i]; {
		case c == ';':
			if _, ok := resolve(b[1:i]); !ok {
				return 0, malformed("undefined entity")
			}
			return i + 1, nil
		case c == '#' && i == 1, class[c]&nameNext != 0 && c != ':':
		default:
			return 0, malformed("ampersand that begins no reference")
		}
	}
	if len(b) < maxReference {
		return 0, ErrMore
	}
	return 0, malformed("reference without an end")
}

// resolve returns the character that a reference stands for, given without
// its ampersand and semicolon.
func resolve(name []byte) (rune, bool) {
	if len(name) == 0 || name[0] != '#' {
		switch string(name) {
		case "lt":
			return '<', true
		case "gt":
			return '>', true
		case "amp":
			return '&', true
		case "quot":
			return '"', true
		case "apos":
			return '\'', true
		}
		return 0, false
	}
	digits, base := name[1:], rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	var r rune
	for _, c := range digits {
		d := rune(16)
		switch {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case c >= 'a' && c <= 'f':
			d = rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = rune(c-'A') + 10
		}
		if d >= base || r > utf8.MaxRune {
			return 0, false
		}
		r = r*base + d
	}
	return r, len(digits) > 0 && isChar(r)
}

// appendTextValue appends what the character data raw stands for: references
// resolved, line ends as XML 2.11 wants them. raw has been checked.
func appendTextValue(dst, raw []byte) []byte { return appendValue(dst, raw, '\n', false) }

// appendAttrValue is appendTextValue for an attribute, in which a blank
// character that is written out stands for a space (XML 3.3.3).
func appendAttrValue(dst, raw []byte) []byte { return appendValue(dst, raw, ' ', true) }

func appendValue(dst, raw []byte, lineEnd byte, spaces bool) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '&':
			n := bytes.IndexByte(raw[i:], ';')
			r, _ := resolve(raw[i+1 : i+n])
			dst = utf8.AppendRune(dst, r)
			i += n
		case c == '\r':
			dst = append(dst, lineEnd)
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
		case spaces && (c == '\n' || c == '\t'):
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
		i++
	}
	return dst
}

// AppendEscaped appends s as character data. What XML forbids becomes U+FFFD.
func AppendEscaped(dst []byte, s string) []byte { return appendEscaped(dst, s, plainText) }

// AppendEscapedAttr appends s as the value of an attribute in quotes of
// either kind. What XML forbids becomes U+FFFD.
func AppendEscapedAttr(dst []byte, s string) []byte { return appendEscaped(dst, s, plainAttr) }

func appendEscaped(dst []byte, s string, plain uint8) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if class[c]&plain != 0 {
			i++
			continue
		}
		n := 1
		var to string
		switch {
		case c >= utf8.RuneSelf:
			var r rune
			r, n = utf8.DecodeRuneInString(s[i:])
			if isChar(r) && (r != utf8.RuneError || n == 3) {
				i += n
				continue
			}
			to = "\uFFFD"
		default:
			to = escapes(c)
		}
		dst = append(append(dst, s[from:i]...), to...)
		i += n
		from = i
	}
	return append(dst, s[from:]...)
}

func escapes(c byte) string {
	switch c {
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '&':
		return "&amp;"
	case '\'':
		return "&apos;"
	case '"':
		return "&quot;"
	case '\t':
		return "&#9;"
	case '\n':
		return "&#10;"
	case '\r':
		return "&#13;"
	}
	return "\uFFFD"
}
