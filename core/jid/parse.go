// SPDX-License-Identifier: Apache-2.0

package jid

import (
	"fmt"
	"strings"
)

// Parse returns the address that s stands for. The result does not share
// memory with s.
func Parse(s string) (JID, error) {
	local, domain, resource, err := split(s)
	if err != nil {
		return JID{}, err
	}
	return New(local, domain, resource)
}

// ParseBytes is Parse for a slice of a read buffer; it keeps nothing of b.
func ParseBytes(b []byte) (JID, error) { return Parse(string(b)) }

// New returns the address of three parts; local and resource may be empty.
func New(local, domain, resource string) (JID, error) {
	domain, err := PrepDomain(domain)
	if err != nil {
		return JID{}, err
	}
	if local != "" {
		if local, err = PrepLocal(local); err != nil {
			return JID{}, err
		}
	}
	if resource != "" {
		if resource, err = PrepResource(resource); err != nil {
			return JID{}, err
		}
	}
	return join(local, domain, resource), nil
}

// MustParse is Parse for constants and tests; it panics on an error.
func MustParse(s string) JID {
	j, err := Parse(s)
	if err != nil {
		panic(fmt.Sprintf("jid: parse %q: %v", s, err))
	}
	return j
}

// split cuts s at its first slash and, before that, at its first @
// (RFC 7622 3.2).
func split(s string) (local, domain, resource string, err error) {
	rest, resource, hasResource := strings.Cut(s, "/")
	local, domain, hasLocal := strings.Cut(rest, "@")
	if !hasLocal {
		local, domain = "", rest
	}
	if hasResource && resource == "" || hasLocal && local == "" || domain == "" {
		return "", "", "", fmt.Errorf("%w: empty part", ErrInvalid)
	}
	return local, domain, resource, nil
}
