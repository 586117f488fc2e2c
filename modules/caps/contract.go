// SPDX-License-Identifier: Apache-2.0

package caps

import (
	"slices"

	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/modules/disco"
)

// Service tells other modules what clients can do.
var Service = ext.NewService[Capabilities]("caps")

// Capabilities are what is known of clients.
type Capabilities interface {
	// Of is what a session's client has told; nil while that is not known.
	Of(s *session.Session) *Info
	// Known is what a presence's <c/> stands for, such as one that came from
	// another server; nil if nobody here has asked for it yet.
	Known(presence *stanza.Stanza) *Info
}

// An Info is what a client is and can do. It is shared and not to be changed.
type Info struct {
	Identities []disco.Identity
	Features   []string // in order
}

// Has reports whether the client has a feature.
func (i *Info) Has(feature string) bool {
	if i == nil {
		return false
	}
	_, found := slices.BinarySearch(i.Features, feature)
	return found
}

// Changed is fired when it has become known what a session's client can do, or
// when that has changed.
var Changed = ext.NewHook[ChangedEvent]("caps-changed")

// A ChangedEvent is a session and what its client can do.
type ChangedEvent struct {
	Session *session.Session
	Host    *route.Host
	Pass    ext.Pass
	Info    *Info
}
