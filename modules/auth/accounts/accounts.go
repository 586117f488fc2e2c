// SPDX-License-Identifier: Apache-2.0

// Package accounts keeps the accounts of a host in the server's own storage:
// the credential providers internal_hashed and internal_plain. Of a password
// they keep the keys of SCRAM (RFC 5802 section 3), those of several hashes at
// once.
package accounts

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"tercet/core/auth"
	"tercet/core/jid"
	"tercet/core/metric"
	"tercet/core/storage"
)

// policy is what a host has decided about its passwords.
type policy struct {
	hashes     hashSet // of which new passwords get keys
	iterations int
	plain      bool // keep the password, too
}

// A provider is an auth.Provider. Who makes one sets the fields up to metrics
// and opens it.
type provider struct {
	*shared
	policy
	kv      storage.KeyValue
	cache   *cache // beside those in shared
	log     *slog.Logger
	metrics *metric.Registry

	secret []byte // makes the keys of those who do not exist
	key    []byte // makes proofs; of this instance only

	// offered are the hashes of which each account has keys, a hashSet. It
	// loses those of which an account turns out to have none.
	offered atomic.Uint32
	// stale says that a sweep might find something new.
	stale atomic.Bool

	records      storage.Typed[record]
	hits, misses *metric.Counter
}

// Hashes implements auth.Provider.
func (p *provider) Hashes() []string { return p.offers().names() }

func (p *provider) offers() hashSet { return hashSet(p.offered.Load()) } //nolint:gosec // only hashSets are stored

// Exists implements auth.Provider.
func (p *provider) Exists(ctx context.Context, user string) (bool, error) {
	a, err := p.account(ctx, user)
	return err == nil && a.known, err
}

// Keys implements auth.Provider. Of a disabled account it returns the keys
// beside auth.ErrDisabled: only who has the password is to hear of it. What it
// returns must not be changed.
func (p *provider) Keys(ctx context.Context, user, hash string) (k auth.ScramKeys, ok bool, err error) {
	i := kindOf(hash)
	if i < 0 {
		return k, false, fmt.Errorf("keys of %s: %w", hash, auth.ErrNotSupported)
	}
	a, err := p.account(ctx, user)
	if err != nil {
		return k, false, err
	}
	if !a.real.has(i) && p.hashes.has(i) && a.password != "" {
		if a, err = p.complete(ctx, user); err != nil {
			return k, false, err
		}
	}
	if a.real.has(i) && a.disabled {
		err = auth.ErrDisabled
	}
	return a.keys[i], a.real.has(i), err
}

// Check implements auth.Provider. For a disabled account it returns
// auth.ErrDisabled if the password is right.
func (p *provider) Check(ctx context.Context, user, password string) (bool, error) {
	password, err := auth.PrepPassword(password)
	if err != nil {
		return false, nil //nolint:nilerr // no account has such a password
	}
	a, err := p.account(ctx, user)
	if err != nil {
		return false, err
	}
	if a.real == 0 && a.password != "" {
		if a, err = p.complete(ctx, user); err != nil {
			return false, err
		}
	}
	proof := proofOf(p.key, user, password)
	if !a.remembers(proof) {
		// A password that differs from the remembered one is hashed all the
		// same: the answer must not take less time for users who exist.
		i := a.check(p.hashes)
		right, err := kinds[i].opens(ctx, password, a.keys[i])
		if err != nil || !right || a.real == 0 {
			return false, err
		}
		a.remember(proof)
		p.renew(ctx, user, password, a, i)
	}
	if a.disabled {
		return true, auth.ErrDisabled
	}
	return true, nil
}

// Create implements auth.Provider.
func (p *provider) Create(ctx context.Context, user, password string) error {
	if prepared, err := jid.PrepLocal(user); err != nil || prepared != user {
		return fmt.Errorf("create account %q: not a localpart", user)
	}
	password, err := auth.PrepPassword(password)
	if err != nil {
		return err
	}
	return p.change(ctx, user, func(r *record) (*record, error) {
		if r != nil {
			return nil, fmt.Errorf("create account %s: %w", user, auth.ErrExists)
		}
		now := time.Now().UTC().Truncate(time.Second)
		return p.with(ctx, record{Created: now, Updated: now}, password)
	})
}

// SetPassword implements auth.Provider.
func (p *provider) SetPassword(ctx context.Context, user, password string) error {
	password, err := auth.PrepPassword(password)
	if err != nil {
		return err
	}
	return p.change(ctx, user, func(r *record) (*record, error) {
		if r == nil {
			return nil, fmt.Errorf("set password of %s: %w", user, auth.ErrNoAccount)
		}
		return p.with(ctx, record{Created: r.Created, Updated: time.Now().UTC().Truncate(time.Second), Disabled: r.Disabled}, password)
	})
}

// Delete implements auth.Provider.
func (p *provider) Delete(ctx context.Context, user string) error {
	return p.change(ctx, user, func(r *record) (*record, error) {
		if r == nil {
			return nil, fmt.Errorf("delete account %s: %w", user, auth.ErrNoAccount)
		}
		return nil, nil
	})
}

// SetDisabled takes an account out of use or back into it. Sessions are the
// caller's matter.
func (p *provider) SetDisabled(ctx context.Context, user string, disabled bool) error {
	return p.change(ctx, user, func(r *record) (*record, error) {
		if r == nil {
			return nil, fmt.Errorf("disable account %s: %w", user, auth.ErrNoAccount)
		}
		r.Disabled = disabled
		return r, nil
	})
}

// Disabled reports whether an account is out of use.
func (p *provider) Disabled(ctx context.Context, user string) (bool, error) {
	a, err := p.account(ctx, user)
	if err != nil {
		return false, err
	}
	if !a.known {
		return false, fmt.Errorf("account %s: %w", user, auth.ErrNoAccount)
	}
	return a.disabled, nil
}

// Password returns an account's password for protocols that cannot do without,
// or auth.ErrNotSupported where it is not kept.
func (p *provider) Password(ctx context.Context, user string) (string, error) {
	a, err := p.account(ctx, user)
	switch {
	case err != nil:
		return "", err
	case !a.known:
		return "", fmt.Errorf("password of %s: %w", user, auth.ErrNoAccount)
	case a.disabled:
		return "", fmt.Errorf("password of %s: %w", user, auth.ErrDisabled)
	case !p.plain || a.password == "":
		return "", fmt.Errorf("password of %s: only hashes are kept: %w", user, auth.ErrNotSupported)
	}
	return a.password, nil
}

// Users implements auth.Provider.
func (p *provider) Users(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for user, err := range p.kv.Owners(ctx) {
			if user == "" && err == nil { // the host's own record
				continue
			}
			if err != nil {
				yield("", fmt.Errorf("list accounts: %w", err))
				return
			}
			if !yield(user, nil) {
				return
			}
		}
	}
}

// with is the record with keys of the password, and none of another one.
func (p *provider) with(ctx context.Context, r record, password string) (*record, error) {
	r.Hashes, r.Password = nil, ""
	if p.plain {
		r.Password = password
	}
	if err := p.fill(ctx, &r, password); err != nil {
		return nil, err
	}
	return &r, nil
}

// fill gives the record the keys that it lacks.
func (p *provider) fill(ctx context.Context, r *record, password string) error {
	for i := range kinds {
		if !p.hashes.has(i) || (r.hashes().has(i) && r.Hashes[kinds[i].name].Iterations >= p.iterations) {
			continue
		}
		keys, err := kinds[i].fresh(ctx, password, p.iterations)
		if err != nil {
			return err
		}
		r.set(&kinds[i], keys)
	}
	return nil
}

// settled reports whether the record is what the policy makes of it.
func (p *provider) settled(r *record) bool {
	if (r.Password != "") != p.plain {
		return false
	}
	for i := range kinds {
		if p.hashes.has(i) && (!r.hashes().has(i) || r.Hashes[kinds[i].name].Iterations < p.iterations) {
			return false
		}
	}
	return true
}
