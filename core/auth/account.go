// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"iter"

	"tercet/core/ext"
)

// Accounts is the credential provider of a host.
var Accounts = ext.NewService[Provider]("auth-provider")

// What a Provider may answer.
var (
	// ErrNotSupported says that the provider cannot do this: accounts are kept
	// elsewhere, or their keys are.
	ErrNotSupported = errors.New("auth: not supported by the provider of this host")
	// ErrExists says that the account to create is there already.
	ErrExists = errors.New("auth: account exists")
	// ErrNoAccount says that there is no such account.
	ErrNoAccount = errors.New("auth: no such account")
	// ErrDisabled says that the account is there and may not be used.
	ErrDisabled = errors.New("auth: account is disabled")
)

// A Provider knows the accounts of one host. Users are localparts in the form
// of RFC 7622. Each method may wait for a database or a network; each honours
// its context. Of a disabled account Check and Keys return what they would, and
// beside it ErrDisabled: only who has shown the password is told so.
type Provider interface {
	// Exists reports whether there is such an account.
	Exists(ctx context.Context, user string) (bool, error)
	// Check reports whether the password is the account's. An unknown user
	// costs the same work as a wrong password.
	Check(ctx context.Context, user, password string) (bool, error)
	// Hashes are the SCRAM hashes for which the host's accounts have keys, by
	// their names in mechanisms ("SHA-1", "SHA-256", "SHA-512"); none if only
	// Check can be asked.
	Hashes() []string
	// Keys returns the keys of an account for a hash. For an unknown user it
	// returns keys that look real, are the same each time, and never match:
	// ok is false then.
	Keys(ctx context.Context, user, hash string) (k ScramKeys, ok bool, err error)
	// Create makes an account, SetPassword changes its password, Delete ends it.
	Create(ctx context.Context, user, password string) error
	SetPassword(ctx context.Context, user, password string) error
	Delete(ctx context.Context, user string) error
	// Users yields the accounts in order of their names.
	Users(ctx context.Context) iter.Seq2[string, error]
}

// ScramKeys are what a server keeps of a password (RFC 5802 section 3).
type ScramKeys struct {
	Salt       []byte
	Iterations int
	StoredKey  []byte
	ServerKey  []byte
}
