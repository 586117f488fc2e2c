// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"tercet/core/auth"
	"tercet/core/storage"
)

// secretSize is that of a host's secret and of an instance's key, in bytes.
const secretSize = 32

// hostOwner is the owner under which the host's own record is stored.
const hostOwner = ""

// open reads the host's record, or writes it if there is none.
func (p *provider) open(ctx context.Context) error {
	p.records = storage.JSON[record](p.kv)
	p.hits = p.metrics.Counter("auth_cache_hits", "Accounts that were found in memory.")
	p.misses = p.metrics.Counter("auth_cache_misses", "Accounts that were read from storage.")
	p.key = make([]byte, secretSize)
	_, _ = rand.Read(p.key) // never fails (crypto/rand)
	return p.changeHost(ctx, func(h *hostRecord, fresh bool) {
		if len(h.Secret) == 0 {
			h.Secret = make([]byte, secretSize)
			_, _ = rand.Read(h.Secret) // never fails (crypto/rand)
		}
		switch {
		case fresh && p.empty(ctx):
			h.Hashes, h.Plain = p.hashes.names(), p.plain
		case fresh: // nothing is known of what is there
			h.Plain = true
		default:
			h.Plain = h.Plain || p.plain
		}
		offered := hashSetOf(h.Hashes) & p.hashes
		// What new accounts will not have is given up before there are any.
		h.Hashes = offered.names()
		p.secret = h.Secret
		p.offered.Store(uint32(offered))
		p.stale.Store(offered != p.hashes || h.Plain != p.plain)
	})
}

func (p *provider) empty(ctx context.Context) bool {
	for _, err := range p.Users(ctx) {
		if err != nil {
			p.log.WarnContext(ctx, "accounts cannot be listed", "err", err)
		}
		return false // also on an error: then nothing is known
	}
	return true
}

// changeHost edits the host's record.
func (p *provider) changeHost(ctx context.Context, fn func(h *hostRecord, fresh bool)) error {
	unlock, err := p.lock(ctx, hostOwner)
	if err != nil {
		return err
	}
	defer unlock()
	hosts := storage.JSON[hostRecord](p.kv)
	h, ok, err := hosts.Get(ctx, hostOwner)
	if err != nil {
		return fmt.Errorf("read the host's accounts: %w", err)
	}
	before := h
	fn(&h, !ok)
	if ok && bytes.Equal(before.Secret, h.Secret) && before.Plain == h.Plain && hashSetOf(before.Hashes) == hashSetOf(h.Hashes) {
		return nil
	}
	if err := hosts.Set(ctx, hostOwner, h); err != nil {
		return fmt.Errorf("write the host's accounts: %w", err)
	}
	return nil
}

// account returns a user's account, or the likeness of one.
func (p *provider) account(ctx context.Context, user string) (*account, error) {
	if user == hostOwner {
		return p.make(ctx, user, nil), nil
	}
	if a := p.cache.get(user); a != nil {
		p.hits.Inc()
		return a, nil
	}
	unlock, err := p.lock(ctx, user)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if a := p.cache.get(user); a != nil { // somebody else was faster
		p.hits.Inc()
		return a, nil
	}
	p.misses.Inc()
	r, err := p.read(ctx, user)
	if err != nil {
		return nil, err
	}
	a := p.make(ctx, user, r)
	p.cache.put(user, a)
	return a, nil
}

// read returns the stored record, or nil if there is none.
func (p *provider) read(ctx context.Context, user string) (*record, error) {
	r, ok, err := p.records.Get(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("read account %s: %w", user, err)
	}
	if !ok {
		return nil, nil
	}
	return &r, nil
}

// make prepares a record for use.
func (p *provider) make(ctx context.Context, user string, r *record) *account {
	a := new(account)
	if r != nil {
		*a = account{known: true, disabled: r.Disabled, settled: p.settled(r), real: r.hashes(), password: r.Password}
		p.miss(ctx, user, p.offers()&^r.has())
	}
	for i := range kinds {
		if a.real.has(i) {
			a.keys[i] = auth.ScramKeys(r.Hashes[kinds[i].name])
		} else {
			a.keys[i] = kinds[i].feign(p.secret, user, p.iterations)
		}
	}
	return a
}

// miss gives up hashes of which an account has no keys: a client that has a
// choice would take one of them and be refused.
func (p *provider) miss(ctx context.Context, user string, gone hashSet) {
	if gone == 0 {
		return
	}
	for {
		old := p.offered.Load()
		if p.offered.CompareAndSwap(old, old&^uint32(gone)) {
			break
		}
	}
	p.stale.Store(true)
	p.log.WarnContext(ctx, "an account lacks keys: mechanisms with these hashes are no longer offered", "user", user, "hashes", gone.names())
}

// change edits the record of a user, nil where there is none; what fn returns
// takes its place.
func (p *provider) change(ctx context.Context, user string, fn func(r *record) (*record, error)) error {
	unlock, err := p.lock(ctx, user)
	if err != nil {
		return err
	}
	defer unlock()
	var r *record
	if user != hostOwner {
		if r, err = p.read(ctx, user); err != nil {
			return err
		}
	}
	next, err := fn(r)
	if err != nil {
		return err
	}
	// Also after an error, which leaves open what will be written.
	defer p.changed(user)
	if next == nil {
		err = p.records.Delete(ctx, user)
	} else {
		err = p.records.Set(ctx, user, *next)
	}
	if err != nil {
		return fmt.Errorf("write account %s: %w", user, err)
	}
	if p.offers() != p.hashes {
		p.stale.Store(true)
	}
	return nil
}
