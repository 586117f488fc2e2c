// SPDX-License-Identifier: Apache-2.0

package register_ibr

import (
	"errors"
	"net/netip"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// Registering is fired on the host when somebody asks for an account, before
// it is known whether the name is free. A handler that refuses sets Err and
// stops.
var Registering = ext.NewHook[Event]("user-registering")

// Reset is fired when an account has another password instead of being made
// (Event.Reset).
var Reset = ext.NewHook[Event]("user-password-reset")

// Gates names the modules that decide who may register where
// allow_registration is not true. Without any, nobody may.
var Gates = ext.NewList[string]("registration-gates")

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

// An Event is somebody's wish for an account.
type Event struct {
	Stream   *stream.Stream // nil: it did not come on one
	Pass     ext.Pass
	User     string // localpart
	Host     string
	Remote   netip.Addr        // the zero one if it is not known
	Fields   map[string]string // what was given beside name and password
	Admitted bool              // one of Gates lets it in
	Reset    bool              // if there is such an account, it gets the password
	Shadow   any               // what a runtime of guests keeps with the event
	Err      *stanza.Error
}

// Refusal is what a client is told of an error of module.Accounts; one of the
// server's own is returned as it is.
func Refusal(err error) error {
	switch {
	case errors.Is(err, auth.ErrNotSupported):
		return stanza.Fail(stanza.NotAllowed, "Accounts cannot be changed here.")
	case errors.Is(err, auth.ErrExists):
		return stanza.Fail(stanza.Conflict, "The requested username already exists.")
	case errors.Is(err, auth.ErrPassword):
		return stanza.Fail(stanza.NotAcceptable, "The password cannot be used.")
	case errors.Is(err, auth.ErrNoAccount):
		return stanza.Fail(stanza.RegistrationRequired, "")
	}
	return err
}
