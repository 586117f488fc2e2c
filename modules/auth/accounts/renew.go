// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// errSettled says that a record needs no change.
var errSettled = errors.New("accounts: nothing to change")

// renew brings an account to what the policy asks for, now that its password
// is known (XEP-0480 does it for clients that show none). It was checked by
// the kind i. If that fails, the account stays as it is.
func (p *provider) renew(ctx context.Context, user, password string, a *account, i int) {
	if a.settled {
		return
	}
	checked := a.keys[i].StoredKey
	err := p.change(ctx, user, func(r *record) (*record, error) {
		if r == nil || !bytes.Equal(r.Hashes[kinds[i].name].StoredKey, checked) || p.settled(r) {
			return nil, errSettled // meanwhile it is another password, or done
		}
		if p.plain {
			r.Password = password
		} else {
			r.Password = ""
		}
		return r, p.fill(ctx, r, password)
	})
	if err != nil && !errors.Is(err, errSettled) {
		p.log.WarnContext(ctx, "account not renewed", "user", user, "err", err)
	}
}

// complete makes the keys that an account lacks of its plain password.
func (p *provider) complete(ctx context.Context, user string) (*account, error) {
	err := p.change(ctx, user, func(r *record) (*record, error) {
		if r == nil || r.Password == "" {
			return nil, errSettled
		}
		if err := p.fill(ctx, r, r.Password); err != nil {
			return nil, err
		}
		if !p.plain {
			r.Password = ""
		}
		return r, nil
	})
	if err != nil && !errors.Is(err, errSettled) {
		return nil, err
	}
	return p.account(ctx, user)
}

// sweep looks at all accounts: it makes keys of plain passwords, takes those
// away where they shall not be, and finds out which hashes may be offered.
func (p *provider) sweep(ctx context.Context) error {
	if !p.stale.Swap(false) {
		return nil
	}
	users, err := p.all(ctx)
	if err != nil {
		return p.again(err)
	}
	var lacking [len(kinds)]int
	total, plain := 0, 0
	for _, user := range users {
		r, err := p.read(ctx, user)
		if err != nil {
			p.log.WarnContext(ctx, "account cannot be read", "user", user, "err", err)
			r = &record{}
		}
		if r == nil {
			continue // gone meanwhile
		}
		has := r.hashes()
		if r.Password != "" && (!p.plain || has&p.hashes != p.hashes) {
			a, err := p.complete(ctx, user)
			if err != nil {
				return p.again(err)
			}
			if plain++; plain%1000 == 0 {
				p.log.InfoContext(ctx, "passwords are being hashed", "done", plain)
			}
			if has = a.real; !a.known {
				continue
			}
		}
		total++
		for i := range kinds {
			if p.hashes.has(i) && !has.has(i) {
				lacking[i]++
			}
		}
	}
	if plain > 0 {
		p.log.InfoContext(ctx, "passwords have been hashed", "accounts", plain)
	}
	return p.decide(ctx, total, lacking)
}

// all lists the accounts first: the store is written to while they are visited.
func (p *provider) all(ctx context.Context) (users []string, err error) {
	for user, err := range p.Users(ctx) {
		if err != nil {
			return nil, err
		}
		users = append(users, user)
	}
	return users, nil
}

func (p *provider) again(err error) error {
	p.stale.Store(true)
	return fmt.Errorf("look at all accounts: %w", err)
}

// decide offers the hashes that no account lacks.
func (p *provider) decide(ctx context.Context, total int, lacking [len(kinds)]int) error {
	offered := p.hashes
	for i, n := range lacking {
		if n > 0 {
			offered &^= 1 << i
			p.log.InfoContext(ctx, "accounts lack keys of a hash: it is offered when they have logged in by PLAIN or changed their password",
				"hash", kinds[i].name, "lacking", n, "accounts", total)
		}
	}
	err := p.changeHost(ctx, func(h *hostRecord, _ bool) {
		h.Hashes, h.Plain = offered.names(), p.plain
	})
	if err != nil {
		return p.again(err)
	}
	p.offered.Store(uint32(offered))
	return nil
}
