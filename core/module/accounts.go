// SPDX-License-Identifier: Apache-2.0

package module

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/stream"
)

// An Actor is who changes an account: a module or a command, and the address
// of the client that asked, if there is one.
type Actor struct {
	Source string
	Remote netip.Addr
}

// Accounts changes the accounts of a host and tells the modules. It is the one
// way in which accounts are made, changed and removed.
type Accounts struct {
	env  *Env
	host *route.Host
	auth.Provider
}

// Accounts are those of a host; it fails where nobody provides any.
func (e *Env) Accounts(h *route.Host) (*Accounts, error) {
	p := h.Table.Enter()
	defer p.Leave()
	provider, ok := auth.Accounts.In(p)
	if !ok {
		return nil, fmt.Errorf("%s: %w", h.Name, auth.ErrNotSupported)
	}
	return &Accounts{e, h, provider}, nil
}

// Register makes an account.
func (a *Accounts) Register(ctx context.Context, user, password string, by Actor) error {
	if err := a.Create(ctx, user, password); err != nil {
		return fmt.Errorf("create %s@%s: %w", user, a.host.Name, err)
	}
	a.tell(ctx, auth.Registered, user, by)
	return nil
}

// ChangePassword gives an account another password and ends the sessions that
// know only the old one, but for the one that asked.
func (a *Accounts) ChangePassword(ctx context.Context, user, password string, by Actor, keep *stream.Stream) error {
	if err := a.SetPassword(ctx, user, password); err != nil {
		return fmt.Errorf("change the password of %s@%s: %w", user, a.host.Name, err)
	}
	for _, s := range a.host.Sessions.Resources(user) {
		if st := s.Stream(); st == nil || st != keep {
			a.host.Kick(ctx, s, stream.Fail(stream.Reset, "the password was changed"))
		}
	}
	a.tell(ctx, auth.PasswordChanged, user, by)
	return nil
}

// Remove ends an account: nobody can log in, its sessions end, all that it
// has stored is purged. The stream that asked, if one did, is left for the
// caller to answer on and to end; its session is over, too.
func (a *Accounts) Remove(ctx context.Context, user string, by Actor, asked *stream.Stream) error {
	if err := a.Delete(ctx, user); err != nil {
		return fmt.Errorf("remove %s@%s: %w", user, a.host.Name, err)
	}
	gone := stream.Fail(stream.NotAuthorized, "the account was removed")
	for _, s := range a.host.Sessions.Resources(user) {
		if st := s.Stream(); st != nil && st == asked {
			a.host.Unbind(ctx, s, gone)
			continue
		}
		a.host.Kick(ctx, s, gone)
	}
	a.tell(ctx, auth.Deleting, user, by)
	purge, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := a.env.Storage.Purge(purge, a.host.Name, user); err != nil {
		return err
	}
	a.tell(ctx, auth.Deleted, user, by)
	return nil
}

func (a *Accounts) tell(ctx context.Context, hook ext.Hook[auth.AccountEvent], user string, by Actor) {
	p := a.host.Table.Enter()
	defer p.Leave()
	hook.Fire(ctx, p, &auth.AccountEvent{User: user, Host: a.host.Name, Source: by.Source, Remote: by.Remote, Pass: p})
}
