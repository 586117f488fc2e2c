// SPDX-License-Identifier: Apache-2.0

package register

import (
	"net/netip"

	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// Registering is fired on the host when a client asks for an account, before
// it is known whether the name is free. A handler that refuses sets Err and
// stops.
var Registering = ext.NewHook[Event]("user-registering")

var _ = guest.Expose(Registering, guest.Changing(view, change),
	"A client asks for an account. To refuse it a guest sets refuse, the text that the client is told, and stops.")

// seen is what guests see of an Event.
type seen struct {
	User   string            `json:"user"`
	Host   string            `json:"host"`
	Remote string            `json:"remote"`
	Fields map[string]string `json:"fields"`
	Refuse string            `json:"refuse"`
}

func view(ev *Event) seen { return seen{ev.User, ev.Host, ev.Remote.String(), ev.Fields, ""} }

func change(ev *Event, v seen) error {
	if v.Refuse != "" {
		ev.Err = stanza.Fail(stanza.NotAllowed, v.Refuse)
	}
	return nil
}

// An Event is a client's wish for an account.
type Event struct {
	Stream *stream.Stream
	Pass   ext.Pass
	User   string // localpart
	Host   string
	Remote netip.Addr
	Fields map[string]string // what was given beside name and password
	Err    *stanza.Error
}
