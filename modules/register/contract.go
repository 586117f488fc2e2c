// SPDX-License-Identifier: Apache-2.0

package register

import (
	"net/netip"

	"tercet/core/ext"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// Registering is fired on the host when a client asks for an account, before
// it is known whether the name is free. A handler that refuses sets Err and
// stops.
var Registering = ext.NewHook[Event]("user-registering")

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
