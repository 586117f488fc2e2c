// SPDX-License-Identifier: Apache-2.0

package jid

import (
	"fmt"
	"strings"
	"unsafe"
)

// Parse returns the address that s stands for. It keeps nothing of s.
func Parse(s string) (JID, error) {
	if len(s) > maxCached {
		return parse(s)
	}
	if j, ok := lookup(s); ok {
		return j, nil
	}
	j, err := parse(s)
	if err != nil {
		return JID{}, err
	}
	raw := j.s
	if raw != s {
		raw = strings.Clone(s)
	}
	remember(raw, j)
	return j, nil
}

// ParseBytes is Parse for a slice of a read buffer.
func ParseBytes(b []byte) (JID, error) {
	return Parse(unsafe.String(unsafe.SliceData(b), len(b))) //nolint:gosec // Parse keeps nothing of it
}

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
		panic(fmt.Sprintf("jid: parse %q: %v", s, err)) //nolint:forbidigo // a fault of the program
	}
	return j
}

// parse parses s without the cache.
func parse(s string) (JID, error) {
	local, domain, resource, err := split(s)
	if err != nil {
		return JID{}, err
	}
	if plainDomain(domain) && (local == "" || plainLocal(local)) && (resource == "" || plainResource(resource)) {
		j := JID{s: strings.Clone(s), at: short(len(local))}
		if resource != "" {
			j.slash = short(len(s) - len(resource) - 1)
		}
		return j, nil
	}
	return New(local, domain, resource)
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
