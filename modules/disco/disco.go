// SPDX-License-Identifier: Apache-2.0

// Package disco tells what the host and its accounts are and can do (XEP-0030,
// version 2.5.0; XEP-0128).
package disco

import (
	"context"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/stanza"
)

// Module is the service discovery module.
var Module = module.Define("disco", module.OnHost, options{Name: "Tercet"}, load)

type options struct {
	Name string `lua:"name" doc:"Name of the server's identity."`
}

const (
	nsInfo  = "http://jabber.org/protocol/disco#info"
	nsItems = "http://jabber.org/protocol/disco#items"
)

type disco struct {
	options
	scope *module.Scope
}

func load(s *module.Scope, o options) error {
	d := &disco{o, s}
	Feature.Add(s, nsInfo)
	Feature.Add(s, nsItems)
	iq.Handle(s, iq.Get, iq.Host, element.Name{Space: nsInfo, Local: "query"}, d.hostInfo)
	return nil
}

func (d *disco) hostInfo(ctx context.Context, r *iq.Request) (element.Element, error) {
	ev := &QueryEvent{Request: r, Node: r.Payload.Attr("node")}
	if ev.Node != "" {
		HostInfoNode.Fire(ctx, r.Pass, ev)
		if !ev.Found {
			return element.Element{}, stanza.Fail(stanza.ItemNotFound, "")
		}
		return info(ev), nil
	}
	ev.Identities = append(ev.Identities, Identity{"server", "im", d.Name})
	collect(r.Pass, ev)
	return info(ev), nil
}

func collect(p ext.Pass, ev *QueryEvent) {
	for id := range Identities.All(p) {
		ev.Identities = append(ev.Identities, id)
	}
	for f := range Feature.All(p) {
		ev.Features = append(ev.Features, f)
	}
	for x := range Extensions.All(p) {
		ev.Forms = append(ev.Forms, x)
	}
}

func info(ev *QueryEvent) element.Element {
	b := element.New(nsInfo, "query")
	if ev.Node != "" {
		b.Attr("node", ev.Node)
	}
	for _, id := range ev.Identities {
		b.Open(nsInfo, "identity").Attr("category", id.Category).Attr("type", id.Type).Attr("name", id.Name).Close()
	}
	for _, f := range ev.Features {
		b.Open(nsInfo, "feature").Attr("var", f).Close()
	}
	for _, x := range ev.Forms {
		b.Child(x)
	}
	return b.Element()
}
