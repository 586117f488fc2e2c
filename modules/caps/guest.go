// SPDX-License-Identifier: Apache-2.0

package caps

import "tercet/core/guest"

var _ = guest.Expose(Changed, guest.JSON(view), "It is known what a client can do, or that has changed.")

// seen is what guests see of a ChangedEvent.
type seen struct {
	JID      string   `json:"jid"`
	Features []string `json:"features"`
}

func view(ev *ChangedEvent) seen {
	v := seen{JID: ev.Session.JID.String()}
	if ev.Info != nil {
		v.Features = ev.Info.Features
	}
	return v
}
