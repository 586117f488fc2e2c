// SPDX-License-Identifier: Apache-2.0

package smacks

import (
	"tercet/core/guest"
	"tercet/core/route"
)

var (
	_ = guest.Expose(HibernationStart, guest.JSON(view), "A session has lost its connection, and waits to be resumed; waiting: stanzas that its client has not acknowledged.")
	_ = guest.Expose(HibernationEnd, guest.JSON(view), "A session that waited was resumed, or given up.")
	_ = guest.Expose(AckDelayed, guest.JSON(view), "A client has not acknowledged in time: its connection may be broken.")
	_ = guest.Expose(DeliveryFailed, guest.About(func(ev *FailureEvent) *route.Event { return ev.Event }),
		"A stanza that a session has not acknowledged at its end. Stop: it is in good hands.")
)

// seen is what guests see of a HibernationEvent.
type seen struct {
	JID     string `json:"jid"`
	Waiting int    `json:"waiting"`
	Resumed bool   `json:"resumed"`
}

func view(ev *HibernationEvent) seen { return seen{ev.Session.JID.String(), len(ev.Queue), ev.Resumed} }
