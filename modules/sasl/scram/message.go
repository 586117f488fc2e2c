// SPDX-License-Identifier: Apache-2.0

package scram

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"tercet/core/auth"
)

// Limits of what a client may send, in bytes. The longest message that makes
// sense holds a localpart of 1023 commas, each escaped.
const (
	maxMessage = 8192
	maxNonce   = 512
)

// A clientFirst is the client-first-message (RFC 5802 section 7).
type clientFirst struct {
	header  string // the gs2-header with its commas, such as "p=tls-exporter,,"
	flag    byte   // of the gs2-header: 'n', 'y' or 'p'
	binding string // the channel-binding type of 'p'
	authzid string
	user    string
	nonce   string
	bare    string // client-first-message-bare
}

// A clientFinal is the client-final-message.
type clientFinal struct {
	binding      []byte // what the client has seen: gs2-header and channel-binding data
	nonce        string
	proof        []byte
	withoutProof string // client-final-message-without-proof
}

func malformed(text string) error {
	return &auth.Failure{Condition: auth.MalformedRequest, Text: text}
}

func parseClientFirst(msg []byte) (m clientFirst, err error) {
	s, err := text(msg)
	if err != nil {
		return m, err
	}
	flag, rest, ok1 := strings.Cut(s, ",")
	authzid, bare, ok2 := strings.Cut(rest, ",")
	if !ok1 || !ok2 {
		return m, malformed("not a client-first-message")
	}
	if m.flag, m.binding, ok1 = parseFlag(flag); !ok1 {
		return m, malformed("bad channel-binding flag")
	}
	if authzid != "" {
		name, found := strings.CutPrefix(authzid, "a=")
		if m.authzid, ok1 = unescape(name); !found || !ok1 {
			return m, malformed("bad authorization identity")
		}
	}
	m.header, m.bare = s[:len(s)-len(bare)], bare
	values, err := attributes(bare, "nr")
	if err != nil {
		return m, err
	}
	if m.user, ok1 = unescape(values[0]); !ok1 {
		return m, malformed("bad user name")
	}
	m.nonce = values[1]
	if len(m.nonce) > maxNonce || !isNonce(m.nonce) {
		return m, malformed("bad nonce")
	}
	return m, nil
}

func parseClientFinal(msg []byte) (m clientFinal, err error) {
	s, err := text(msg)
	if err != nil {
		return m, err
	}
	// A value holds no comma, so this is where the last attribute begins.
	at := strings.LastIndex(s, ",p=")
	if at < 0 {
		return m, malformed("no proof")
	}
	m.withoutProof = s[:at]
	values, err := attributes(m.withoutProof, "cr", 'p')
	if err != nil {
		return m, err
	}
	var ok1, ok2 bool
	m.binding, ok1 = decode(values[0])
	m.proof, ok2 = decode(s[at+len(",p="):])
	if !ok1 || !ok2 {
		return m, malformed("bad base64")
	}
	m.nonce = values[1]
	return m, nil
}

// text checks what holds for any message: its size and its characters.
func text(msg []byte) (string, error) {
	switch {
	case len(msg) == 0:
		return "", malformed("empty message")
	case len(msg) > maxMessage:
		return "", malformed("message too long")
	case !utf8.Valid(msg) || bytes.IndexByte(msg, 0) >= 0:
		return "", malformed("not UTF-8")
	}
	return string(msg), nil
}

// attributes reads a list of attributes that begins with the wanted ones, in
// their order, and returns their values. Others that follow are optional
// extensions, which are skipped; "m" asks for a mandatory one, and we know
// none (RFC 5802 section 5.1). None may come twice, taken ones not at all.
func attributes(list, want string, taken ...byte) (values [2]string, err error) {
	var seen [128]bool
	for _, c := range taken {
		seen[c] = true
	}
	n := 0
	for part := range strings.SplitSeq(list, ",") {
		if len(part) < 3 || part[1] != '=' || !isAlpha(part[0]) {
			return values, malformed("bad attribute")
		}
		switch c := part[0]; {
		case c == 'm':
			return values, malformed("extensions are not supported")
		case seen[c]:
			return values, malformed("an attribute comes twice")
		default:
			seen[c] = true
		}
		if n < len(want) {
			if part[0] != want[n] {
				return values, malformed("attributes are missing or out of order")
			}
			values[n] = part[2:]
			n++
		}
	}
	if n < len(want) {
		return values, malformed("an attribute is missing")
	}
	return values, nil
}

func parseFlag(s string) (flag byte, binding string, ok bool) {
	switch {
	case s == "n", s == "y":
		return s[0], "", true
	case len(s) > len("p=") && strings.HasPrefix(s, "p="):
		return 'p', s[2:], isBindingName(s[2:])
	}
	return 0, "", false
}

// isBindingName is cb-name of RFC 5056 section 7; registered names are short.
func isBindingName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlpha(c) && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return len(s) <= 64
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isNonce(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ',' {
			return false
		}
	}
	return s != ""
}

// unescape reads a saslname: "=2C" is a comma, "=3D" is "="; any other "=" is
// an error.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '=') < 0 {
		return s, s != ""
	}
	var b strings.Builder
	for {
		plain, rest, found := strings.Cut(s, "=")
		b.WriteString(plain)
		if !found {
			return b.String(), true
		}
		switch {
		case strings.HasPrefix(rest, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(rest, "3D"):
			b.WriteByte('=')
		default:
			return "", false
		}
		s = rest[2:]
	}
}

// decode reads base64 as RFC 5802 means it: padded, without line ends, which
// Go's decoder would skip, and in the one form that each value has.
func decode(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil
}
