// SPDX-License-Identifier: Apache-2.0

// Package disco tells what the host and its accounts are and can do (XEP-0030,
// version 2.5.0; XEP-0128; XEP-0115, for the host).
package disco

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/roster"
)

// Module is the service discovery module.
var Module = module.Define("disco", module.OnHost, options{Name: "Tercet"}, load).OnComponents()

type options struct {
	Name   string `lua:"name" doc:"Name of the host's identity."`
	Items  items  `lua:"disco_items" doc:"Further items of the host: a list of { \"jid\", \"name\" }."`
	Hidden bool   `lua:"disco_hidden" doc:"Keep this host, a component, out of the items of its parent."`
	Admins bool   `lua:"disco_expose_admins" doc:"List the admins among the host's items."`
}

// items is the option disco_items.
type items []Item

// UnmarshalConfig reads a list of pairs.
func (l *items) UnmarshalConfig(v config.Value) error {
	*l = nil
	for _, entry := range v.List() {
		pair := entry.List()
		if len(pair) == 0 || len(pair) > 2 || pair[0].Kind() != config.String {
			return fmt.Errorf("want a list of { \"jid\", \"name\" }, got %s", entry)
		}
		j, err := jid.Parse(pair[0].Str())
		if err != nil {
			return fmt.Errorf("%s is not a JID: %w", pair[0], err)
		}
		item := Item{JID: j.String()}
		if len(pair) == 2 {
			item.Name = pair[1].Str()
		}
		*l = append(*l, item)
	}
	return nil
}

const (
	nsInfo  = "http://jabber.org/protocol/disco#info"
	nsItems = "http://jabber.org/protocol/disco#items"
)

type disco struct {
	options
	scope *module.Scope
	hash  atomic.Pointer[feature] // the one made last
}

func load(s *module.Scope, o options) error {
	d := &disco{options: o, scope: s}
	for _, ns := range [...]string{nsInfo, nsItems} {
		Feature.Add(s, ns)
		AccountFeature.Add(s, ns)
	}
	stream.Features.Handle(s, -2, d.caps)
	info, items := element.Name{Space: nsInfo, Local: "query"}, element.Name{Space: nsItems, Local: "query"}
	iq.Handle(s, iq.Get, iq.Host, info, d.hostInfo)
	iq.Handle(s, iq.Get, iq.Host, items, d.hostItems)
	iq.Handle(s, iq.Get, iq.Account, info, d.accountInfo)
	iq.Handle(s, iq.Get, iq.Account, items, d.accountItems)
	return nil
}

func event(r *iq.Request) *QueryEvent {
	return &QueryEvent{Request: r, Node: r.Payload.Attr("node")}
}

// node asks those who know nodes.
func node(ctx context.Context, ev *QueryEvent, hook ext.Hook[QueryEvent]) error {
	hook.Fire(ctx, ev.Pass, ev)
	switch {
	case ev.Err != nil:
		return ev.Err
	case !ev.Found:
		return stanza.Fail(stanza.ItemNotFound, "there is no such node")
	}
	return nil
}

func (d *disco) hostInfo(ctx context.Context, r *iq.Request) (element.Element, error) {
	ev := event(r)
	if ev.Node != "" && ev.Node != capsURI+"#"+ver(d.info(r.Pass)) {
		if err := node(ctx, ev, HostInfoNode); err != nil {
			return element.Element{}, err
		}
		return showInfo(ev), nil
	}
	d.fill(ev)
	return showInfo(ev), nil
}

// fill adds what the host is and can do.
func (d *disco) fill(ev *QueryEvent) {
	if !d.scope.Host.Component {
		ev.Identities = append(ev.Identities, Identity{"server", "im", d.Name})
	}
	for id := range Identities.All(ev.Pass) {
		ev.Identities = append(ev.Identities, id)
	}
	for f := range Feature.All(ev.Pass) {
		ev.Features = append(ev.Features, f)
	}
	for x := range Extensions.All(ev.Pass) {
		ev.Forms = append(ev.Forms, x)
	}
}

func (d *disco) hostItems(ctx context.Context, r *iq.Request) (element.Element, error) {
	ev := event(r)
	if ev.Node != "" {
		if err := node(ctx, ev, HostItemsNode); err != nil {
			return element.Element{}, err
		}
		return showItems(ev), nil
	}
	suffix := "." + d.scope.Host.Name
	for name, h := range d.scope.Env.Router.Hosts() {
		if hidden, _ := d.scope.Env.Config().Lookup(name, "disco_hidden"); h.Component && strings.HasSuffix(name, suffix) && !hidden.Bool() {
			label, _ := d.scope.Env.Config().Lookup(name, "name")
			ev.Items = append(ev.Items, Item{JID: name, Name: label.Str()})
		}
	}
	ev.Items = append(ev.Items, d.Items...)
	for item := range Items.All(r.Pass) {
		ev.Items = append(ev.Items, item)
	}
	if d.Admins {
		for j := range d.scope.Admins() {
			ev.Items = append(ev.Items, Item{JID: j.String(), Name: "Administrator"})
		}
	}
	HostItems.Fire(ctx, r.Pass, ev)
	if ev.Err != nil {
		return element.Element{}, ev.Err
	}
	return showItems(ev), nil
}

// visible reports whether an account may be seen by who asks: itself, or one
// with a subscription to its presence (XEP-0030 section 8).
func visible(ctx context.Context, r *iq.Request) error {
	if r.From.Bare() == r.To {
		return nil
	}
	hidden := stanza.Fail(stanza.ServiceUnavailable, "")
	contacts, ok := roster.Service.In(r.Pass)
	if !ok {
		return hidden
	}
	list, err := contacts.Roster(ctx, r.To.Local())
	if err != nil {
		return err
	}
	if item, ok := list.Items[r.From.Bare()]; !ok || !item.From {
		return hidden
	}
	return nil
}

func (d *disco) accountInfo(ctx context.Context, r *iq.Request) (element.Element, error) {
	if err := visible(ctx, r); err != nil {
		return element.Element{}, err
	}
	ev := event(r)
	if ev.Node != "" {
		if err := node(ctx, ev, AccountInfoNode); err != nil {
			return element.Element{}, err
		}
		return showInfo(ev), nil
	}
	ev.Identities = append(ev.Identities, Identity{Category: "account", Type: "registered"})
	for id := range AccountIdentities.All(r.Pass) {
		ev.Identities = append(ev.Identities, id)
	}
	for f := range AccountFeature.All(r.Pass) {
		ev.Features = append(ev.Features, f)
	}
	AccountInfo.Fire(ctx, r.Pass, ev)
	if ev.Err != nil {
		return element.Element{}, ev.Err
	}
	return showInfo(ev), nil
}

func (d *disco) accountItems(ctx context.Context, r *iq.Request) (element.Element, error) {
	if err := visible(ctx, r); err != nil {
		return element.Element{}, err
	}
	ev := event(r)
	if ev.Node != "" {
		if err := node(ctx, ev, AccountItemsNode); err != nil {
			return element.Element{}, err
		}
		return showItems(ev), nil
	}
	for _, s := range d.scope.Host.Sessions.Resources(r.To.Local()) {
		if s.Available() {
			ev.Items = append(ev.Items, Item{JID: s.JID.String()})
		}
	}
	AccountItems.Fire(ctx, r.Pass, ev)
	if ev.Err != nil {
		return element.Element{}, ev.Err
	}
	return showItems(ev), nil
}

func showInfo(ev *QueryEvent) element.Element {
	b := element.New(nsInfo, "query")
	attr(b, "node", ev.Node)
	for _, id := range ev.Identities {
		b.Open(nsInfo, "identity").Attr("category", id.Category).Attr("type", id.Type)
		attr(b, "name", id.Name)
		b.Close()
	}
	seen := make(map[string]bool, len(ev.Features))
	for _, f := range ev.Features {
		if !seen[f] {
			seen[f] = true
			b.Open(nsInfo, "feature").Attr("var", f).Close()
		}
	}
	for _, x := range ev.Forms {
		b.Child(x)
	}
	return b.Element()
}

func showItems(ev *QueryEvent) element.Element {
	b := element.New(nsItems, "query")
	attr(b, "node", ev.Node)
	for _, item := range ev.Items {
		b.Open(nsItems, "item").Attr("jid", item.JID)
		attr(b, "node", item.Node)
		attr(b, "name", item.Name)
		b.Close()
	}
	return b.Element()
}

func attr(b *element.Builder, name, value string) {
	if value != "" {
		b.Attr(name, value)
	}
}
