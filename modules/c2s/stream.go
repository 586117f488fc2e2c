// SPDX-License-Identifier: Apache-2.0

package c2s

import (
	"context"
	"strconv"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/stream"
)

// enabled is there on each host that clients may connect to.
var enabled = ext.NewService[*acceptor]("c2s")

const nsLimits = "urn:xmpp:stream-limits:0" // XEP-0478

// limits advertises what we take from the client (XEP-0478 section 3).
func (a *acceptor) limits(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if ev.Stream.User() == "" {
		ev.Add(a.before)
	} else {
		ev.Add(a.after)
	}
	return ext.Next
}

// limitsFor is the feature for a limit on top-level elements, in bytes.
func (a *acceptor) limitsFor(size config.Size) element.Element {
	return element.New(nsLimits, "limits").
		TextChild(nsLimits, "max-bytes", strconv.Itoa(int(size))).
		TextChild(nsLimits, "idle-seconds", strconv.Itoa(int(a.Network.Read.Seconds()))).Element()
}

// keepAlive sends a whitespace ping (RFC 6120 section 4.6.1): if the client
// is gone, the system finds out.
func keepAlive(_ context.Context, ev *stream.LifeEvent) ext.Verdict {
	ev.Stream.Write([]byte{' '})
	return ext.Stop
}
