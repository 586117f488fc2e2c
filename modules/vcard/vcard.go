// SPDX-License-Identifier: Apache-2.0

// Package vcard keeps the vCards of accounts (XEP-0054, version 1.3).
package vcard

import (
	"context"
	"fmt"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/modules/disco"
)

// Module is the vcard-temp module.
var Module = module.Define("vcard", module.OnHost, options{Store: "vcard", Size: 256 << 10}, load).
	Named("vcard_legacy")

type options struct {
	Store string      `lua:"vcard_store_name" doc:"Name of the store."`
	Size  config.Size `lua:"vcard_max_size" min:"1024" doc:"Most bytes of one vCard."`
}

var name = element.Name{Space: "vcard-temp", Local: "vCard"}

type vcards struct {
	options
	store storage.KeyValue
}

func load(s *module.Scope, o options) error {
	kv, err := s.KeyValue(o.Store)
	if err != nil {
		return err
	}
	m := &vcards{o, kv}
	disco.Feature.Add(s, name.Space)
	disco.AccountFeature.Add(s, name.Space)
	iq.Handle(s, iq.Get, iq.Account, name, m.get)
	iq.Handle(s, iq.Set, iq.Self, name, m.set)
	iq.Handle(s, iq.Set, iq.Account, name, func(context.Context, *iq.Request) (element.Element, error) {
		return element.Element{}, stanza.Fail(stanza.Forbidden, "a vCard is its owner's to change")
	})
	return nil
}

// get returns the vCard of any account: they are public. An account without
// one has an empty one for its owner (XEP-0054 section 3.1).
func (m *vcards) get(ctx context.Context, r *iq.Request) (element.Element, error) {
	stored, err := m.store.Get(ctx, r.To.Local())
	if err != nil {
		return element.Element{}, err
	}
	if stored != nil {
		e, err := element.Parse(stored)
		if err != nil {
			return e, fmt.Errorf("stored vCard: %w", err)
		}
		return e, nil
	}
	if r.From.Bare() == r.To {
		return element.New(name.Space, name.Local).Element(), nil
	}
	return element.Element{}, stanza.Fail(stanza.ItemNotFound, "")
}

func (m *vcards) set(ctx context.Context, r *iq.Request) (element.Element, error) {
	b := r.Payload.AppendTo(nil, element.NSClient)
	if len(b) > int(m.Size) {
		return element.Element{}, stanza.Fail(stanza.ResourceConstraint, "the vCard is too large")
	}
	if r.Payload.First().IsZero() {
		b = nil // an empty one takes the old one away
	}
	return element.Element{}, m.store.Set(ctx, r.To.Local(), b)
}
