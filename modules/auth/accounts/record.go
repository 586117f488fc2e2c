// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"tercet/core/auth"
)

// A record is an account as it is stored, under its localpart.
type record struct {
	Created  time.Time           `json:"created"`
	Updated  time.Time           `json:"updated"` // of the password
	Disabled bool                `json:"disabled,omitempty"`
	Password string              `json:"password,omitempty"` // prepared; with internal_plain only
	Hashes   map[string]hashKeys `json:"hashes,omitempty"`
}

// hashKeys are auth.ScramKeys as they are stored.
type hashKeys struct {
	Salt       []byte `json:"salt"`
	Iterations int    `json:"iterations"`
	StoredKey  []byte `json:"stored_key"`
	ServerKey  []byte `json:"server_key"`
}

// sound reports whether keys are of use: what was written by others, or is
// broken, must not be taken for keys that anything opens.
func (h hashKeys) sound(k *kind) bool {
	return len(h.Salt) > 0 && h.Iterations > 0 && len(h.StoredKey) == k.size && len(h.ServerKey) == k.size
}

// hashes are the kinds of which the record has keys.
func (r *record) hashes() hashSet {
	var s hashSet
	for i := range kinds {
		if h, ok := r.Hashes[kinds[i].name]; ok && h.sound(&kinds[i]) {
			s |= 1 << i
		}
	}
	return s
}

// has is what hashes would be if keys were made of the plain password.
func (r *record) has() hashSet {
	if r.Password != "" {
		return 1<<len(kinds) - 1
	}
	return r.hashes()
}

// set puts keys into the record.
func (r *record) set(k *kind, keys auth.ScramKeys) {
	if r.Hashes == nil {
		r.Hashes = make(map[string]hashKeys)
	}
	r.Hashes[k.name] = hashKeys(keys)
}

// A hostRecord is what the accounts of a host share. It is stored under "",
// the host itself.
type hostRecord struct {
	// Secret makes the keys of users who do not exist.
	Secret []byte `json:"secret"`
	// Hashes are those of which each account has keys.
	Hashes []string `json:"hashes"`
	// Plain says that there may be plain passwords.
	Plain bool `json:"plain,omitempty"`
}

// An account is what is kept in memory of a record, or the likeness of one. It
// is shared and does not change, but for what it remembers.
type account struct {
	known    bool // there is such an account
	disabled bool
	settled  bool // the record is what the policy makes of it
	real     hashSet
	password string                     // with internal_plain only
	keys     [len(kinds)]auth.ScramKeys // feigned where they are not real
	proof    atomic.Pointer[[sha256.Size]byte]
}

// check is the kind by which the password is checked.
func (a *account) check(configured hashSet) int {
	from := a.real & configured
	switch {
	case a.real == 0:
		from = configured
	case from == 0:
		from = a.real
	}
	for i := range kinds {
		if from.has(i) {
			return i
		}
	}
	return 0
}

// proofOf is what is kept in memory of a password that was right, so that the
// next login with it need not hash it again. The key dies with the process.
func proofOf(key []byte, user, password string) (p [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(user))
	h.Write([]byte{0}) // not in a localpart
	h.Write([]byte(password))
	h.Sum(p[:0])
	return p
}

func (a *account) remember(p [sha256.Size]byte) { a.proof.Store(&p) }

func (a *account) remembers(p [sha256.Size]byte) bool {
	have := a.proof.Load()
	return have != nil && hmac.Equal(have[:], p[:])
}
