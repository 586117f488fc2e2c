// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"context"

	"tercet/core/ext"
	"tercet/core/jid"
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
