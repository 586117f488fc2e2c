// SPDX-License-Identifier: Apache-2.0

package jid

// plainLocal reports whether s is a localpart that preparation leaves alone,
// by a look at ASCII only.
func plainLocal(s string) bool {
	if s == "" || len(s) > maxPart {
		return false
	}
	for i := range len(s) {
		if class[s[i]]&inLocal == 0 {
			return false
		}
	}
	return true
}

// plainResource is plainLocal for a resourcepart.
func plainResource(s string) bool {
	if s == "" || len(s) > maxPart {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// plainDomain is plainLocal for a domainpart. It refuses any label that is
// empty, over 63 bytes long, begins or ends with a hyphen, or has hyphens in
// its third and fourth place, which is where "xn--" has them.
func plainDomain(s string) bool {
	if s == "" || len(s) > maxPart {
		return false
	}
	start := 0
	for i := range len(s) {
		if s[i] == '.' {
			if !plainLabel(s[start:i]) {
				return false
			}
			start = i + 1
		} else if class[s[i]]&inDomain == 0 {
			return false
		}
	}
	return plainLabel(s[start:])
}

func plainLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	return len(l) < 4 || l[2] != '-' || l[3] != '-'
}

const (
	inLocal = 1 << iota
	inDomain
)

// class says in which parts an ASCII character may stand unchanged. A
// localpart has no upper case, no blank and none of "&'/:<>@ (RFC 7622
// 3.3.1).
var class = func() (t [256]byte) {
	for c := byte('!'); c <= '~'; c++ {
		switch {
		case c >= 'A' && c <= 'Z':
		case c == '"', c == '&', c == '\'', c == '/', c == ':', c == '<', c == '>', c == '@':
		default:
			t[c] |= inLocal
		}
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
			t[c] |= inDomain
		}
	}
	return t
}()
