// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"net/netip"
	"regexp"
	"strings"
)

const redacted = "[redacted]"

// secretWords in a key make its value one that is never written.
var secretWords = []string{"password", "passwd", "secret", "token", "authorization", "credential", "cookie", "private_key", "sasl"}

// contentKeys are keys of what people write to each other.
var contentKeys = []string{"body", "stanza", "payload", "xml", "subject"}

func secretKey(key string) bool {
	for _, w := range secretWords {
		if containsFold(key, w) {
			return true
		}
	}
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, w := range contentKeys {
		if strings.EqualFold(last, w) {
			return true
		}
	}
	return false
}

// containsFold is for words of lower-case ASCII.
func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if s[i]|0x20 == word[0] && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// scrub takes out of a text what is never written: contents of stanzas, SASL
// payloads, passwords. Guests and errors of libraries put such into messages.
func scrub(s string, private bool) string {
	if strings.IndexByte(s, '<') >= 0 {
		s = cutContents(s)
	}
	if strings.ContainsAny(s, "=:") {
		for _, w := range [...]string{"passw", "secret", "token", "authorization"} {
			if containsFold(s, w) {
				s = assignment.ReplaceAllString(s, "${1}"+redacted)
				break
			}
		}
		if strings.Contains(s, "://") && strings.IndexByte(s, '@') >= 0 {
			s = userinfo.ReplaceAllString(s, "${1}"+redacted+"@")
		}
	}
	if private {
		s = hidePersons(s)
	}
	return s
}

var (
	// assignment is password=x, "token": "x", Authorization: Basic x.
	assignment = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:passw(?:or)?d|secret|token|authorization)[a-z0-9_-]*["']?\s*[:=]\s*)` +
		`(?:(?:basic|bearer|digest|negotiate)\s+)?(?:"[^"]*"?|'[^']*'?|[^\s"',;&)]+)`)
	// userinfo is the password in a URL.
	userinfo = regexp.MustCompile(`(://[^/\s:@]*:)[^/\s@]+@`)
)

// contentElements are those whose text is nobody's business.
var contentElements = []string{
	"body", "subject", "html", "encrypted", "payload", "password", "token", "secret",
	"auth", "response", "challenge", "success", "initial-response", "additional-data", "authenticate",
}

// cutContents ends a text at the first element with contents.
func cutContents(s string) string {
	for i := range len(s) {
		if s[i] != '<' {
			continue
		}
		name := s[i+1:]
		if end := strings.IndexAny(name, " \t\r\n/>"); end >= 0 {
			name = name[:end]
		}
		if colon := strings.IndexByte(name, ':'); colon >= 0 {
			name = name[colon+1:]
		}
		for _, e := range contentElements {
			if strings.EqualFold(name, e) {
				return s[:i] + "<" + e + " " + redacted
			}
		}
	}
	return s
}

var (
	bareJID = regexp.MustCompile(`[^\s"'<>=@(\[,;]+@[^\s"'<>=@)\],;]+`)
	address = regexp.MustCompile(`[0-9a-fA-F]*[.:][0-9a-fA-F:.]*[0-9a-fA-F:](?:%[0-9a-z]+)?`)
)

// hidePersons replaces JIDs of users and IP addresses.
func hidePersons(s string) string {
	if strings.IndexByte(s, '@') >= 0 {
		s = bareJID.ReplaceAllString(s, "[jid]")
	}
	return address.ReplaceAllStringFunc(s, func(word string) string {
		if isAddress(word) {
			return "[ip]"
		}
		return word
	})
}

// isAddress also takes an address with a port, and what is left of "[::1]:5222"
// without its brackets.
func isAddress(word string) bool {
	if _, err := netip.ParseAddr(strings.TrimRight(word, ":")); err == nil {
		return true
	}
	if _, err := netip.ParseAddrPort(word); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.TrimRight(word, "."))
	return err == nil
}
