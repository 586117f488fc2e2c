// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"context"
	"errors"
	"iter"

	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/jid"
	"tercet/core/session"
	"tercet/core/slot"
)

// Service gives other modules the rosters of a host.
var Service = ext.NewService[Contacts]("roster")

// Contacts are the rosters of a host's accounts, by localpart.
type Contacts interface {
	// Roster is the whole roster of an account: shared, not to be changed.
	Roster(ctx context.Context, user string) (*Roster, error)
	// Edit changes one item of a roster: fn gets the item as it is (its zero
	// value but for the JID if there is none) and returns what it shall be. Keep
	// false removes it. What a client may see of the change is pushed to the
	// account's interested resources after it is stored.
	Edit(ctx context.Context, user string, contact jid.JID, fn func(Item) (next Item, keep bool)) error
}

// Subscriptions is how the presence module keeps subscriptions.
var Subscriptions = ext.NewService[Ledger]("roster-subscriptions")

// A Ledger changes subscriptions so that both sides come to agree, whenever
// the server is killed: a stanza for the other side that lives on this server
// is stored in the same transaction as the change that it tells of.
type Ledger interface {
	// Change is Edit for changes that have to be told to the contact. An item
	// that does not exist is hidden.
	Change(ctx context.Context, user string, contact jid.JID, fn func(Item) Change) error
	// Settle forgets that a stanza of that type is owed to the contact.
	Settle(ctx context.Context, user string, contact jid.JID, typ string) error
	// Owed yields what is owed, by all accounts.
	Owed(ctx context.Context) iter.Seq2[Debt, error]
}

// A Change is what becomes of an item.
type Change struct {
	Item  Item
	Keep  bool
	Owe   []string // types of the subscription stanzas for the contact, kept until Settle if it lives on this server
	First func()   // called after the change is stored and before it is pushed; it may deliver, not route
}

// A Debt is a subscription stanza that a contact may not have got.
type Debt struct {
	User    string
	Contact jid.JID
	Type    string
}

// Shared lets modules that handle Load say that they would do it otherwise now.
var Shared = ext.NewService[Refresher]("roster-refresh")

// A Refresher fires Load again for each roster, and pushes what differs.
type Refresher interface{ Refresh(ctx context.Context) }

// ErrShared says that an item is not the account's own to change.
var ErrShared = errors.New("roster: the item comes from a shared group")

// Load is fired when a roster has been read. Handlers may put items into it, or
// change some, and mark them as Shared; they are not stored.
var Load = ext.NewHook[LoadEvent]("roster-load")

// A LoadEvent is the roster of an account.
type LoadEvent struct {
	User, Host string
	Items      map[jid.JID]Item
	Pass       ext.Pass
}

// Removed is fired when an item has been removed from a roster, but for a mere
// request to subscribe.
var Removed = ext.NewHook[RemovedEvent]("roster-item-removed")

// A RemovedEvent is an item that was in a roster.
type RemovedEvent struct {
	User, Host string
	Item       Item
	Pass       ext.Pass
}

var _ = guest.Expose(Removed, guest.JSON(viewRemoved), "A contact has been removed from a roster.")

// seenRemoved is what guests see of a RemovedEvent.
type seenRemoved struct {
	User    string `json:"user"`
	Host    string `json:"host"`
	Contact string `json:"contact"`
}

func viewRemoved(ev *RemovedEvent) seenRemoved {
	return seenRemoved{ev.User, ev.Host, ev.Item.JID.String()}
}

// A Roster is an account's contacts by bare JID.
type Roster struct {
	Version string // changes with each change (RFC 6121 section 2.6)
	Items   map[jid.JID]Item
}

// An Item is one contact (RFC 6121 section 2.1.2), with what the server alone
// knows of it.
type Item struct {
	JID      jid.JID // bare
	Name     string
	Groups   []string
	To, From bool   // the two directions of subscription
	Ask      bool   // our request to subscribe is not answered
	Approved bool   // its request is approved before it came (section 3.4)
	Pending  []byte // its request, as it came, that our user has not answered
	Hidden   bool   // there is only that request: clients see no item
	Shared   bool   // from a shared group: not stored, and not the client's to change
}

// Subscription is the item's state in the words of RFC 6121 section 2.1.2.5.
func (i Item) Subscription() string {
	switch {
	case i.To && i.From:
		return "both"
	case i.To:
		return "to"
	case i.From:
		return "from"
	}
	return "none"
}

// Ends are the types of the stanzas that end all that there is between the
// account and the contact (RFC 6121 section 2.5.2).
func (i Item) Ends() (types []string) {
	if i.To || i.Ask {
		types = append(types, "unsubscribe")
	}
	if i.From || i.Pending != nil {
		types = append(types, "unsubscribed")
	}
	return types
}

// interested says which sessions have asked for the roster (RFC 6121 section
// 2.1.6).
var interested = slot.New[flag]("roster")

// Interested reports whether a resource has asked for the roster: pushes and
// answers to subscription requests are delivered to it.
func Interested(s *session.Session) bool {
	f := interested.Peek(s)
	return f != nil && f.Load()
}
