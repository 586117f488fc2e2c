// SPDX-License-Identifier: Apache-2.0

package csi_simple

import (
	"tercet/core/element"
	"tercet/core/stanza"
)

const nsMUCUser = "http://jabber.org/protocol/muc#user"

// important reports whether somebody who looks away wants to know at once.
func (q *queue) important(st *stanza.Stanza) bool {
	switch st.Kind {
	case stanza.IQ:
		return true
	case stanza.Presence:
		switch st.Type {
		case "", "unavailable":
			return false
		}
		return true
	default:
		return q.message(st.Type, st.Element(), st.From == st.To.Bare())
	}
}

// message decides on a message; own says that it comes from the account
// itself: carbons of others are forged.
func (q *queue) message(typ string, e element.Element, own bool) bool {
	switch typ {
	case "headline":
		return false
	case "error":
		return true
	}
	for c := range e.Children() {
		if q.Payloads[c.Name()] {
			return true
		}
		switch c.Space() {
		case "urn:xmpp:carbons:2":
			if !own {
				continue
			}
			if c.Local() == "sent" {
				return true // read elsewhere: notices go away
			}
			inner := c.Child("urn:xmpp:forward:0", "forwarded").Child(element.NSClient, "message")
			return !inner.IsZero() && q.message(inner.Attr("type"), inner, false)
		case element.NSClient:
			if c.Local() == "body" || c.Local() == "subject" {
				return true
			}
		case "urn:xmpp:eme:0", "eu.siacs.conversations.axolotl", "urn:xmpp:omemo:2", "jabber:x:encrypted",
			"jabber:x:conference",
			"urn:xmpp:jingle-message:0", "urn:xmpp:jingle-message:1", "urn:xmpp:http-upload:0":
			return true
		case nsMUCUser:
			if !c.Child(nsMUCUser, "invite").IsZero() || !c.Child(nsMUCUser, "decline").IsZero() {
				return true
			}
		case "urn:xmpp:mam:2":
			return true // the client has asked for it
		}
	}
	return false
}
