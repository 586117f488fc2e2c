// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"tercet/core/ext"
	"tercet/core/stanza"
)

// Leaving is fired for each stanza for a domain that is not ours, on the host
// of its sender, before Remote gets it. Who stops it has sent or answered it.
var Leaving = ext.NewHook[Event]("route/remote")

// Remote is where stanzas for other domains go; without it they are answered
// with remote-server-not-found.
var Remote = ext.NewService[Outbound]("remote")

// An Outbound takes a stanza for a domain that is not ours, or reports false.
type Outbound interface {
	Send(ctx context.Context, ev *Event) bool
}

// remote takes the stanza to another server.
func (ev *Event) remote(ctx context.Context) {
	host, pass := ev.Host, ev.Pass
	if own := host.Router.Host(ev.Stanza.From.Domain()); own != nil {
		ev.Host = own
	}
	p := ev.Host.Table.Enter()
	defer func() { p.Leave(); ev.Host, ev.Pass = host, pass }()
	ev.Pass = p
	if Leaving.Fire(ctx, ev.Pass, ev) == ext.Stop {
		return
	}
	if out, ok := Remote.In(ev.Pass); ok && out.Send(ctx, ev) {
		return
	}
	if ev.Stanza.Kind == stanza.Presence && ev.Stanza.Type != "" && ev.Stanza.Type != "subscribe" {
		return
	}
	ev.Bounce(ctx, stanza.Fail(stanza.RemoteServerNotFound, ""))
}
