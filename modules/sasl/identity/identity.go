// SPDX-License-Identifier: Apache-2.0

// Package identity prepares what SASL mechanisms are told about who somebody
// is: user names and passwords by SASLprep (RFC 4013), localparts by RFC 7622,
// and authorization identities by RFC 6120 section 6.3.8.
package identity

import (
	"errors"
	"unicode/utf8"

	"github.com/xdg-go/stringprep"

	"tercet/core/jid"
)

// MaxPassword is how long a password may be, in bytes.
const MaxPassword = 1024

// maxUser bounds a user name before it is prepared, in bytes; a localpart has
// at most 1023 (RFC 7622 section 3.3).
const maxUser = 2048

var (
	errEmpty   = errors.New("identity: empty string")
	errTooLong = errors.New("identity: string too long")
	errUTF8    = errors.New("identity: not UTF-8")
)

// query is SASLprep for query strings: code points that Unicode 3.2 has not
// assigned (the first of the prohibited sets) pass. RFC 5802 section 5.1 asks
// for it in user names; in passwords it lets in what people type today.
var query = func() stringprep.Profile {
	p := stringprep.SASLprep
	p.Prohibits = p.Prohibits[1:]
	return p
}()

// User returns the localpart that a simple user name (RFC 4422) stands for.
func User(name string) (string, error) {
	s, err := prepare(name, maxUser)
	if err != nil {
		return "", err
	}
	return jid.PrepLocal(s)
}

// Password returns the form of a password in which it is hashed and compared.
func Password(s string) (string, error) { return prepare(s, MaxPassword) }

// Own reports whether an authorization identity names nobody but user at host:
// it is empty, the bare JID, or the localpart.
func Own(authzid, user, host string) bool {
	if authzid == "" {
		return true
	}
	if j, err := jid.Parse(authzid); err == nil && j.Local() != "" {
		return j.IsBare() && j.Local() == user && j.Domain() == host
	}
	own, err := User(authzid)
	return err == nil && own == user
}

func prepare(s string, limit int) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > limit:
		return "", errTooLong
	case printable(s):
		return s, nil
	case !utf8.ValidString(s):
		return "", errUTF8
	}
	out, err := query.Prepare(s)
	if err == nil && out == "" {
		return "", errEmpty
	}
	return out, err
}

// printable reports whether s is ASCII that SASLprep leaves as it is.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
