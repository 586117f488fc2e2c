// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"context"

	"tercet/core/ext"
	"tercet/core/jid"
)

// Quiet is for modules that change an item in several steps.
var Quiet = ext.NewService[Scribe]("roster-quiet")

// A Scribe changes rosters, and has who changes them say when clients are told.
type Scribe interface {
	// Note is Contacts.Edit without a push. An item that does not exist is
	// hidden.
	Note(ctx context.Context, user string, contact jid.JID, fn func(Item) (next Item, keep bool)) error
	// Push tells the account's interested resources of one item as it is now:
	// that there is none, too.
	Push(ctx context.Context, user string, contact jid.JID) error
}

// Note changes one item of a roster and tells no client.
func (m *roster) Note(ctx context.Context, user string, contact jid.JID, fn func(Item) (Item, bool)) error {
	var was Item
	gone := false
	err := m.change(ctx, user, contact, silent, func(i Item, found bool) (Change, error) {
		was = i
		i.Hidden = i.Hidden || !found
		var c Change
		c.Item, c.Keep = fn(i)
		gone = found && !was.Hidden && (!c.Keep || c.Item.Hidden)
		return c, nil
	})
	if err == nil && gone {
		m.removed(ctx, user, was)
	}
	return err
}

// Push tells clients of one item as it is.
func (m *roster) Push(ctx context.Context, user string, contact jid.JID) error {
	contact = contact.Bare()
	if _, err := m.book.get(ctx, user); err != nil {
		return err
	}
	_, err := m.book.cache.Edit(ctx, user, func(r *record) (*record, error) {
		i, found := r.all.Items[contact]
		i.JID = contact
		m.book.push(user, r.all.Version, i, found && !i.Hidden)
		return r, nil
	})
	return err
}
