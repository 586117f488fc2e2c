// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // SCRAM-SHA-1 is mandatory (RFC 6120 section 13.8); PBKDF2 does not suffer from collisions
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"runtime"

	"tercet/core/auth"
	"tercet/core/listen"
)

// A kind is a hash for which accounts have keys.
type kind struct {
	name string // in mechanisms
	make func() hash.Hash
	size int
}

// kinds stands in the order in which passwords are checked: the first one
// costs least where the processor knows SHA-256.
var kinds = [...]kind{
	{"SHA-256", sha256.New, sha256.Size},
	{"SHA-512", sha512.New, sha512.Size},
	{"SHA-1", sha1.New, sha1.Size},
}

// A hashSet is a set of kinds: bit i stands for kinds[i].
type hashSet uint8

func (s hashSet) has(i int) bool { return s&(1<<i) != 0 }

func (s hashSet) names() []string {
	names := make([]string, 0, len(kinds))
	for i := range kinds {
		if s.has(i) {
			names = append(names, kinds[i].name)
		}
	}
	return names
}

func hashSetOf(names []string) hashSet {
	var s hashSet
	for _, n := range names {
		if i := kindOf(n); i >= 0 {
			s |= 1 << i
		}
	}
	return s
}

// kindOf finds a hash by its name, or -1.
func kindOf(name string) int {
	for i := range kinds {
		if kinds[i].name == name {
			return i
		}
	}
	return -1
}

// saltSize is that of new keys, in bytes.
const saltSize = 16

// derivations bounds how many passwords are hashed at a time in the whole
// process: a storm of logins leaves a core to those who are in.
var derivations = listen.NewGate(runtime.GOMAXPROCS(0)-1, "pbkdf2", nil)

// derive makes the keys of a prepared password (RFC 5802 section 3). That
// takes milliseconds, behind others who do the same.
func (k *kind) derive(ctx context.Context, password string, salt []byte, iterations int) (auth.ScramKeys, error) {
	if err := derivations.Enter(ctx); err != nil {
		return auth.ScramKeys{}, fmt.Errorf("hash password: %w", err)
	}
	defer derivations.Leave()
	salted, err := pbkdf2.Key(k.make, password, salt, iterations, k.size)
	if err != nil {
		return auth.ScramKeys{}, fmt.Errorf("hash password with %s: %w", k.name, err)
	}
	h := k.make()
	h.Write(k.mac(salted, "Client Key"))
	return auth.ScramKeys{
		Salt: salt, Iterations: iterations, StoredKey: h.Sum(nil), ServerKey: k.mac(salted, "Server Key"),
	}, nil
}

// fresh is derive with a salt that was never used.
func (k *kind) fresh(ctx context.Context, password string, iterations int) (auth.ScramKeys, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return k.derive(ctx, password, salt, iterations)
}

func (k *kind) mac(key []byte, parts ...string) []byte {
	h := hmac.New(k.make, key)
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// feign makes keys for a user who has none. They are the same each time, look
// like others, and no password has them.
func (k *kind) feign(secret []byte, user string, iterations int) auth.ScramKeys {
	return auth.ScramKeys{
		Salt:       k.mac(secret, "salt\x00", k.name, "\x00", user)[:saltSize],
		Iterations: iterations,
		StoredKey:  k.mac(secret, "stored\x00", k.name, "\x00", user),
		ServerKey:  k.mac(secret, "server\x00", k.name, "\x00", user),
	}
}

// opens reports whether the password has the keys.
func (k *kind) opens(ctx context.Context, password string, keys auth.ScramKeys) (bool, error) {
	got, err := k.derive(ctx, password, keys.Salt, keys.Iterations)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got.StoredKey, keys.StoredKey) == 1, nil
}
