// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/route"
	"tercet/core/session"
)

// Initial is fired when a resource has become available, after its presence
// has been broadcast and before anything that waits for it is delivered.
var Initial = ext.NewHook[InitialEvent]("presence/initial")

var _ = guest.Expose(Initial, guest.About(func(ev *InitialEvent) *route.Event { return ev.Event }), "A resource has become available.")

// An InitialEvent is the initial presence of a resource (RFC 6121 section 4.2).
type InitialEvent struct {
	*route.Event
	Session *session.Session
}
