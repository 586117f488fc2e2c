// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/xdg-go/stringprep"

	"tercet/core/jid"
)

// Limits of what is prepared, in bytes. A localpart has at most 1023
// (RFC 7622 section 3.3).
const (
	maxUser     = 2048
	maxPassword = 1024
)

// ErrPassword says that a password can not be used: it is empty, longer than
// 1024 bytes, or holds what SASLprep forbids.
var ErrPassword = errors.New("auth: not a usable password")

var (
	errEmpty   = errors.New("empty string")
	errTooLong = errors.New("string too long")
	errUTF8    = errors.New("not UTF-8")
)

// query is SASLprep (RFC 4013) for query strings: code points that Unicode 3.2
// has not assigned, the first of the prohibited sets, pass. RFC 5802 section
// 5.1 asks for it in user names; in passwords it lets in what people type today.
var query = func() stringprep.Profile {
	p := stringprep.SASLprep
	p.Prohibits = p.Prohibits[1:]
	return p
}()

// PrepUser returns the localpart that a simple user name (RFC 4422) stands for.
func PrepUser(name string) (string, error) {
	s, err := prepare(name, maxUser)
	if err != nil {
		return "", fmt.Errorf("prepare user name: %w", err)
	}
	return jid.PrepLocal(s)
}

// PrepPassword returns the form of a password in which it is hashed and
// compared, or an ErrPassword.
func PrepPassword(s string) (string, error) {
	out, err := prepare(s, maxPassword)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrPassword, err)
	}
	return out, nil
}

// Own reports whether an authorization identity (RFC 6120 section 6.3.8) names
// nobody but user at host: it is empty, the bare JID, or the localpart.
func Own(authzid, user, host string) bool {
	if authzid == "" {
		return true
	}
	if j, err := jid.Parse(authzid); err == nil && j.Local() != "" {
		return j.IsBare() && j.Local() == user && j.Domain() == host
	}
	own, err := PrepUser(authzid)
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
