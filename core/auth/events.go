// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"net/netip"

	"tercet/core/ext"
)

// An AccountEvent tells of an account of the host.
type AccountEvent struct {
	User   string     // localpart
	Host   string     // domainpart
	Source string     // who caused it, such as "register" or "control"
	Remote netip.Addr // the address that asked, if it came from a client
	Shadow any        // what runtimes of guests keep with the event; at first the client's *stream.Stream, or nil
	Pass   ext.Pass
}

// What happens to accounts; fired on the host.
var (
	// Registered is fired when an account has been made, whoever made it.
	Registered = ext.NewHook[AccountEvent]("user-registered")
	// PasswordChanged is fired when an account has another password.
	PasswordChanged = ext.NewHook[AccountEvent]("user-password-changed")
	// Deleting is fired when nobody can use an account any more and what it has
	// stored is still there.
	Deleting = ext.NewHook[AccountEvent]("user-deleting")
	// Deleted is fired when an account is gone: its sessions have ended and all
	// that it had stored is purged. Modules forget what they keep in memory.
	Deleted = ext.NewHook[AccountEvent]("user-deleted")
)

// A LoginEvent tells of an attempt to authenticate.
type LoginEvent struct {
	User      string // what was tried; may be empty or no localpart at all
	Host      string
	Mechanism string
	Remote    netip.Addr
	Failure   *Failure // nil after success
	Pass      ext.Pass
}

// Fired on the host after each exchange.
var (
	Success = ext.NewHook[LoginEvent]("authentication-success")
	Failed  = ext.NewHook[LoginEvent]("authentication-failure")
)
