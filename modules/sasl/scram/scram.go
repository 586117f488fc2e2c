// SPDX-License-Identifier: Apache-2.0

// Package scram is the server's side of SCRAM-SHA-1, SCRAM-SHA-256 and
// SCRAM-SHA-512, each also with channel binding (RFC 5802, RFC 7677,
// draft-melnikov-scram-sha-512), with the downgrade protection of XEP-0474
// (0.5.0).
package scram

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // SCRAM-SHA-1 is mandatory (RFC 6120 section 13.8); HMAC and PBKDF2 do not suffer from collisions
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"slices"
	"strings"

	"tercet/core/auth"
)

// A variant is SCRAM with one hash.
type variant struct {
	hash     string // its name in mechanisms
	make     func() hash.Hash
	size     int
	strength int
}

// plusStrength lifts each mechanism that binds to its channel above all that
// do not.
const plusStrength = 100

// optionDowngrade is what an admin would write to admit clients that are
// mistaken about channel binding.
const optionDowngrade = `channel_binding_downgrade = "allow"`

var variants = [...]variant{
	{"SHA-512", sha512.New, sha512.Size, 530},
	{"SHA-256", sha256.New, sha256.Size, 520},
	{"SHA-1", sha1.New, sha1.Size, 510},
}

func (v *variant) name(plus bool) string {
	if plus {
		return "SCRAM-" + v.hash + "-PLUS"
	}
	return "SCRAM-" + v.hash
}

// A policy is what the host has decided about its mechanisms.
type policy struct {
	allowDowngrade bool // "y" passes although we have offered channel binding
	unprotected    bool // no attribute of XEP-0474
	nonce          func() string
}

// mechanism returns SCRAM with the hash of v, with channel binding or without.
func (v *variant) mechanism(plus bool, p *policy) auth.Mechanism {
	strength := v.strength
	if plus {
		strength += plusStrength
	}
	return auth.Mechanism{
		Strength: strength,
		Offer: func(accounts auth.Provider, c *auth.Channel) bool {
			return slices.Contains(accounts.Hashes(), v.hash) && (!plus || len(c.Bindings) > 0)
		},
		Start: func(accounts auth.Provider, c *auth.Channel) auth.Exchange {
			return &exchange{variant: v, plus: plus, policy: p, accounts: accounts, channel: c}
		},
	}
}

// newNonce has 144 random bits and none of the characters that a nonce must
// not have.
func newNonce() string {
	var b [18]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(b[:])
}

func (v *variant) mac(key []byte, message string) []byte {
	h := hmac.New(v.make, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// proved reports whether the proof shows that its sender knows the ClientKey
// of which we have the hash (RFC 5802 section 3).
func (v *variant) proved(k auth.ScramKeys, message string, proof []byte) bool {
	if len(proof) != v.size {
		return false
	}
	key := v.mac(k.StoredKey, message)
	subtle.XORBytes(key, key, proof)
	h := v.make()
	h.Write(key)
	return subtle.ConstantTimeCompare(h.Sum(nil), k.StoredKey) == 1
}

// advertised hashes what the stream has offered, for a client that wants to
// know whether somebody took away from it (XEP-0474 section 5.1).
func (v *variant) advertised(mechanisms, bindings []string) string {
	s := joined(mechanisms)
	if len(bindings) > 0 {
		s += "\x1f" + joined(bindings)
	}
	h := v.make()
	h.Write([]byte(s))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func joined(words []string) string {
	return strings.Join(slices.Sorted(slices.Values(words)), "\x1e")
}
