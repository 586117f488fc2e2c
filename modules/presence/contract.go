// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"maps"
	"slices"

	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/jid"
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

// Directed are those who have got directed presence from a session and not yet
// its end (RFC 6121 section 4.6).
func Directed(s *session.Session) []jid.JID {
	st := states.Peek(s)
	if st == nil {
		return nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.Collect(maps.Keys(st.directed))
}

// DirectedTo reports whether somebody is among them.
func DirectedTo(s *session.Session, who jid.JID) bool {
	st := states.Peek(s)
	return st != nil && st.to(who) != nil
}
