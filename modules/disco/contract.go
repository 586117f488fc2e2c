// SPDX-License-Identifier: Apache-2.0

package disco

import (
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/iq"
)

// What modules tell of themselves. Adding to a list is right even where disco
// is not loaded.
var (
	// Feature holds the features of the host, AccountFeature those of its
	// accounts, by their "var".
	Feature        = ext.NewList[string]("feature")
	AccountFeature = ext.NewList[string]("account-feature")
	// Identities and AccountIdentities are what the host and its accounts are.
	Identities        = ext.NewList[Identity]("identity")
	AccountIdentities = ext.NewList[Identity]("account-identity")
	// Extensions are data forms in the host's info (XEP-0128).
	Extensions = ext.NewList[element.Element]("extension")
	// Items are further items of the host.
	Items = ext.NewList[Item]("item")
)

var (
	_ = guest.Expose(Feature, guest.Strings, "A feature of the host.")
	_ = guest.Expose(AccountFeature, guest.Strings, "A feature of the host's accounts.")
	_ = guest.Expose(Identities, guest.Plain, "What the host is.")
	_ = guest.Expose(AccountIdentities, guest.Plain, "What the host's accounts are.")
	_ = guest.Expose(Items, guest.Plain, "A further item of the host.")
	_ = guest.Expose(Extensions, guest.Values(readForm), "A data form in the host's info (XEP-0128): an element, in XML.")
)

// readForm reads what a guest adds to Extensions.
func readForm(xml string) (element.Element, error) {
	return element.ParseWithin([]byte(xml), element.Limits{Bytes: 65536, Depth: 16, Attrs: 64, Children: 1024})
}

// An Identity is a category and a type of the registry, and a name.
type Identity struct{ Category, Type, Name string }

// An Item is an entity, or a node of one.
type Item struct{ JID, Node, Name string }

// A QueryEvent is a disco request on its way; handlers add to the reply.
type QueryEvent struct {
	*iq.Request
	Node       string
	Found      bool // the node is known
	Identities []Identity
	Features   []string
	Forms      []element.Element
	Items      []Item
	Err        error // answered instead, if not nil
}

// Hooks at which modules answer for accounts and for nodes.
var (
	AccountInfo      = ext.NewHook[QueryEvent]("account-disco-info")
	AccountItems     = ext.NewHook[QueryEvent]("account-disco-items")
	AccountInfoNode  = ext.NewHook[QueryEvent]("account-disco-info-node")
	AccountItemsNode = ext.NewHook[QueryEvent]("account-disco-items-node")
	HostItems        = ext.NewHook[QueryEvent]("host-disco-items")
	HostInfoNode     = ext.NewHook[QueryEvent]("host-disco-info-node")
	HostItemsNode    = ext.NewHook[QueryEvent]("host-disco-items-node")
)
