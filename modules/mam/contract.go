// SPDX-License-Identifier: Apache-2.0

package mam

import (
	"context"

	"tercet/core/ext"
)

// Preferences gives other modules what the accounts of a host want archived.
var Preferences = ext.NewService[Keeper]("archive-preferences")

// A Keeper keeps the archive preferences of a host's accounts, by localpart.
type Keeper interface {
	// Store is the name of the store that has them.
	Store() string
	// Edit changes those of an account: fn gets what they are, its zero value
	// where the account has none, and returns what they shall be. The next
	// message is kept or not by that. What fn got is not to be changed.
	Edit(ctx context.Context, user string, fn func(Prefs) (Prefs, error)) error
}

// Prefs are an account's preferences (XEP-0441), as they are stored. They are
// replaced, never changed.
type Prefs struct {
	Default string          `json:"default,omitempty"` // "always", "never" or "roster"; empty: the host's
	Always  map[string]bool `json:"always,omitempty"`  // JIDs
	Never   map[string]bool `json:"never,omitempty"`
	Active  bool            `json:"active,omitempty"` // somebody has asked for the archive or set this
}

// IsZero reports whether an account has no preferences.
func (p Prefs) IsZero() bool {
	return p.Default == "" && len(p.Always) == 0 && len(p.Never) == 0 && !p.Active
}

// keeper is the service.
type keeper struct{ a *archive }

func (k keeper) Store() string { return k.a.Store + prefsSuffix }

func (k keeper) Edit(ctx context.Context, user string, fn func(Prefs) (Prefs, error)) error {
	_, err := k.a.edit(ctx, user, fn)
	return err
}

// edit changes an account's preferences in the store and in memory.
func (a *archive) edit(ctx context.Context, user string, fn func(Prefs) (Prefs, error)) (Prefs, error) {
	return a.prefs.Edit(ctx, user, func(had Prefs) (Prefs, error) {
		next, err := fn(had)
		switch {
		case err != nil:
		case next.IsZero():
			err = a.saved.Delete(ctx, user)
		default:
			err = a.saved.Set(ctx, user, next)
		}
		return next, err
	})
}
