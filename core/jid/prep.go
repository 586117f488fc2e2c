// SPDX-License-Identifier: Apache-2.0

package jid

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	mellium "mellium.im/xmpp/jid"
)

// base is what parts are prepared upon.
var base = mellium.NewUnsafe("", "x", "").JID

// PrepLocal returns the canonical form of a localpart
// (RFC 7622 3.3: UsernameCaseMapped).
func PrepLocal(s string) (string, error) {
	if plainLocal(s) {
		return s, nil
	}
	return settle(s, "localpart", func(s string) (string, error) {
		j, err := base.WithLocal(s)
		return j.Localpart(), err
	})
}

// PrepResource returns the canonical form of a resourcepart
// (RFC 7622 3.4: OpaqueString).
func PrepResource(s string) (string, error) {
	if plainResource(s) {
		return s, nil
	}
	return settle(s, "resourcepart", func(s string) (string, error) {
		j, err := base.WithResource(s)
		return j.Resourcepart(), err
	})
}

// PrepDomain returns the canonical form of a domainpart (RFC 7622 3.2):
// U-labels in lower case without a trailing dot, an IPv4 address, or an IPv6
// address in brackets as RFC 5952 writes it.
func PrepDomain(s string) (string, error) {
	if plainDomain(s) {
		return s, nil
	}
	if strings.HasPrefix(s, "[") {
		return prepIPv6(s)
	}
	return settle(s, "domainpart", func(s string) (string, error) {
		j, err := mellium.New("", s, "")
		if err != nil {
			return "", err
		}
		d := j.Domainpart()
		if !strings.HasSuffix(s, ".") {
			d = strings.TrimSuffix(d, ".") // an ideographic full stop became a dot
		}
		if d == "" || strings.HasPrefix(d, ".") || strings.HasSuffix(d, ".") || strings.Contains(d, "..") {
			return "", fmt.Errorf("%w: empty label", ErrInvalid)
		}
		if strings.ContainsAny(d, "@/ []:") {
			return "", fmt.Errorf("%w: character that a domain can not have", ErrInvalid)
		}
		return d, nil
	})
}

func prepIPv6(s string) (string, error) {
	a, err := netip.ParseAddr(strings.TrimSuffix(s[1:], "]"))
	if err != nil || !strings.HasSuffix(s, "]") || !a.Is6() || a.Is4In6() || a.Zone() != "" {
		return "", fmt.Errorf("%w: domainpart is no IPv6 address", ErrInvalid)
	}
	return "[" + a.String() + "]", nil
}

// settle applies fn until its result stays the same, as RFC 8264 7 asks: some
// strings need more than one pass, and one that needs more than four is
// refused.
func settle(s, part string, fn func(string) (string, error)) (string, error) {
	if s == "" || len(s) > maxPart || !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: %s empty, too long or not UTF-8", ErrInvalid, part)
	}
	for range 4 {
		next, err := fn(s)
		if err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrInvalid, part, err)
		}
		if next == "" || len(next) > maxPart {
			return "", fmt.Errorf("%w: %s empty or too long", ErrInvalid, part)
		}
		if next == s {
			return s, nil
		}
		s = next
	}
	return "", fmt.Errorf("%w: %s has no stable form", ErrInvalid, part)
}
