// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"fmt"
	"net/netip"
	"strings"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/route"
)

// What the core exposes. Modules do so beside their own points.
var (
	_ = Expose(route.Before, Stanza, "Each stanza of a local client, before all other hooks.")
	_ = stanzaHooks(route.Out, "What a local client sends, before it goes to its destination. Stop drops it.")
	_ = stanzaHooks(route.In, "What has come to its destination on this host. Stop: it is dealt with.")
	_ = Expose(route.Leaving, Stanza, "What is for another server, on its sender's host, before it goes there. Stop: it is dealt with.")
	_ = requestHooks()

	_ = Expose(route.Bound, JSON(viewSession), "A resource has been bound.")
	_ = Expose(route.Unbound, JSON(viewSession), "A session is over: nothing reaches it any more.")
	_ = Expose(auth.Registered, JSON(viewAccount), "An account has been made, whoever made it.")
	_ = Expose(auth.PasswordChanged, JSON(viewAccount), "An account has another password.")
	_ = Expose(auth.Deleted, JSON(viewAccount), "An account is gone, and all that it had stored.")
	_ = Expose(auth.Success, JSON(viewLogin), "Somebody has authenticated.")
	_ = Expose(auth.Failed, JSON(viewLogin), "Somebody has failed to authenticate; user is what was tried.")
)

func stanzaHooks(all [3][4]ext.Hook[route.Event], doc string) struct{} { //nolint:unparam // for a package-level var
	for _, kind := range all {
		for _, h := range kind {
			Expose(h, Stanza, doc)
		}
	}
	return struct{}{}
}

func requestHooks() struct{} { //nolint:unparam // for a package-level var
	for prefix, k := range map[string]iq.Kind{"iq-get": iq.Get, "iq-set": iq.Set} {
		for name, t := range map[string]iq.Target{"/self/": iq.Self, "/bare/": iq.Account, "/host/": iq.Host} {
			requests(prefix+name, k, t)
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

// Describe is the text of sdk/api.txt: each door in two lines.
func Describe() string {
	var b strings.Builder
	for _, d := range Doors() {
		fmt.Fprintf(&b, "%s\t%s\t%s\n\t%s\n", d.Name, d.Kind, d.Payload, d.Doc)
	}
	return b.String()
}
