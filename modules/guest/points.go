// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"net/netip"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/route"
	"tercet/core/stream"
)

// What the core has beside the points of requests.
var (
	_ = guest.Expose(route.Before, guest.Stanza, "Each stanza of a local client, before all other hooks.")
	_ = stanzaHooks(route.Out, "What a local client sends, before it goes to its destination. Stop drops it.")
	_ = stanzaHooks(route.In, "What has come to its destination on this host. Stop: it is dealt with.")
	_ = guest.Expose(route.Leaving, guest.Stanza, "What is for another server, on its sender's host, before it goes there. Stop: it is dealt with.")

	_ = guest.Expose(route.Bound, guest.JSON(viewSession), "A resource has been bound.")
	_ = guest.Expose(route.Unbound, guest.JSON(viewSession), "A session is over: nothing reaches it any more.")
	_ = guest.Expose(auth.Registered, guest.JSON(viewAccount), "An account has been made, whoever made it.")
	_ = guest.Expose(auth.PasswordChanged, guest.JSON(viewAccount), "An account has another password.")
	_ = guest.Expose(auth.Deleted, guest.JSON(viewAccount), "An account is gone, and all that it had stored.")
	_ = guest.Expose(auth.Success, guest.JSON(viewLogin), "Somebody has authenticated.")
	_ = guest.Expose(auth.Failed, guest.JSON(viewLogin), "Somebody has failed to authenticate; user is what was tried.")
	_ = guest.Expose(auth.Deleting, guest.JSON(viewAccount), "An account is about to go; what it has stored is still there.")

	_ = guest.Expose(stream.Opened, guest.JSON(viewStream), "A client's stream has begun, also anew after encryption and authentication; user: once it has authenticated.")
	_ = guest.Expose(stream.Closed, guest.JSON(viewStream), "A client's stream is over.")
)

func stanzaHooks(all [3][4]ext.Hook[route.Event], doc string) struct{} { //nolint:unparam // for a package-level var
	for _, kind := range all {
		for _, h := range kind {
			guest.Expose(h, guest.Stanza, doc)
		}
	}
	return struct{}{}
}

// A resource, and its like below, are what guests see.
type resource struct {
	JID string `json:"jid"`
}

func viewSession(ev *route.SessionEvent) resource { return resource{ev.Session.JID.String()} }

type account struct {
	User   string `json:"user"`
	Host   string `json:"host"`
	Source string `json:"source"`
	Remote string `json:"remote"`
}

func viewAccount(ev *auth.AccountEvent) account {
	return account{ev.User, ev.Host, ev.Source, address(ev.Remote)}
}

type login struct {
	User      string `json:"user"`
	Host      string `json:"host"`
	Mechanism string `json:"mechanism"`
	Remote    string `json:"remote"`
}

func viewLogin(ev *auth.LoginEvent) login {
	return login{ev.User, ev.Host, ev.Mechanism, address(ev.Remote)}
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

type connection struct {
	ID     string `json:"id"`
	Host   string `json:"host"`
	User   string `json:"user"`
	Remote string `json:"remote"`
	Secure bool   `json:"secure"`
}

func viewStream(ev *stream.LifeEvent) connection {
	s := ev.Stream
	return connection{s.ID, s.Host, s.User(), address(s.Remote.Addr().Unmap()), s.Secured}
}
