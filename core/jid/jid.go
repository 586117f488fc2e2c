// SPDX-License-Identifier: Apache-2.0

// Package jid implements addresses of the Extensible Messaging and Presence
// Protocol (RFC 7622) as comparable values.
package jid

import (
	"errors"
	"fmt"
	"math"
)

// maxPart is how many bytes a localpart, a domainpart or a resourcepart may
// have (RFC 7622 3.1).
const maxPart = 1023

// maxJID is the longest address: three parts and two separators.
const maxJID = 3*maxPart + 2

// ErrInvalid is wrapped by all errors of this package.
var ErrInvalid = errors.New("malformed address")

// JID is an address in canonical form. Two JIDs are the same address exactly
// if they are equal by ==. The zero value is no address.
type JID struct {
	s     string
	at    int16 // length of the localpart, 0 without one
	slash int16 // index of the slash before the resourcepart, 0 without one
}

// compile time check that any index into an address fits the fields of JID.
const _ = uint(math.MaxInt16 - maxJID)

// Local returns the localpart, "" if there is none.
func (j JID) Local() string { return j.s[:j.at] }

// Domain returns the domainpart.
func (j JID) Domain() string { return j.bare()[j.domainStart():] }

// Resource returns the resourcepart, "" if there is none.
func (j JID) Resource() string {
	if j.slash == 0 {
		return ""
	}
	return j.s[j.slash+1:]
}

// String returns the address in its canonical form, "" for the zero JID.
func (j JID) String() string { return j.s }

// Bare returns the address without its resourcepart.
func (j JID) Bare() JID { return JID{s: j.bare(), at: j.at} }

// Host returns the address of the domainpart alone.
func (j JID) Host() JID { return JID{s: j.Domain()} }

// WithResource returns the bare address of j with the resourcepart r, which
// is prepared; "" gives the bare address.
func (j JID) WithResource(r string) (JID, error) {
	if r == "" {
		return j.Bare(), nil
	}
	if j.s == "" {
		return JID{}, fmt.Errorf("%w: resourcepart without domainpart", ErrInvalid)
	}
	r, err := PrepResource(r)
	if err != nil {
		return JID{}, err
	}
	b := j.bare()
	return JID{s: b + "/" + r, at: j.at, slash: short(len(b))}, nil
}

// IsZero reports whether j is no address.
func (j JID) IsZero() bool { return j.s == "" }

// IsBare reports whether j is an address without a resourcepart. The address
// of a host is bare too.
func (j JID) IsBare() bool { return j.s != "" && j.slash == 0 }

// IsFull reports whether j has a resourcepart.
func (j JID) IsFull() bool { return j.slash != 0 }

// IsDomain reports whether j is a domainpart alone.
func (j JID) IsDomain() bool { return j.s != "" && j.at == 0 && j.slash == 0 }

// MarshalText returns the canonical form.
func (j JID) MarshalText() ([]byte, error) { return []byte(j.s), nil }

// UnmarshalText parses b; nothing gives the zero JID.
func (j *JID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*j = JID{}
		return nil
	}
	p, err := ParseBytes(b)
	if err != nil {
		return err
	}
	*j = p
	return nil
}

func (j JID) bare() string {
	if j.slash == 0 {
		return j.s
	}
	return j.s[:j.slash]
}

func (j JID) domainStart() int {
	if j.at == 0 {
		return 0
	}
	return int(j.at) + 1
}

// join makes a JID of three canonical parts; domain is not empty. It keeps
// none of them.
func join(local, domain, resource string) JID {
	b := make([]byte, 0, len(local)+len(domain)+len(resource)+2)
	var j JID
	if local != "" {
		b = append(append(b, local...), '@')
		j.at = short(len(local))
	}
	b = append(b, domain...)
	if resource != "" {
		j.slash = short(len(b))
		b = append(append(b, '/'), resource...)
	}
	j.s = string(b)
	return j
}

// short makes an index into an address of n, which is at most maxJID.
func short(n int) int16 { return int16(n) } //nolint:gosec // see above
