// SPDX-License-Identifier: Apache-2.0

// Package private keeps XML that an account's clients store for themselves
// (XEP-0049, version 1.2).
package private

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

// Module is the private XML storage module.
var Module = module.Define("private", module.OnHost, options{Size: 256 << 10, Max: 1000}, load)

type options struct {
	Size config.Size `lua:"private_max_size" min:"1024" doc:"Most bytes of one stored element."`
	Max  int         `lua:"private_max_elements" min:"1" doc:"Most elements stored for an account."`
}

var name = element.Name{Space: "jabber:iq:private", Local: "query"}

type private struct {
	options
	store storage.Map
}

func load(s *module.Scope, o options) error {
	store, err := s.Map("private")
	if err != nil {
		return err
	}
	m := &private{o, store}
	disco.Feature.Add(s, name.Space)
	disco.AccountFeature.Add(s, name.Space)
	iq.Handle(s, iq.Get, iq.Self, name, m.get)
	iq.Handle(s, iq.Set, iq.Self, name, m.set)
	return nil
}

func key(e element.Element) string { return e.Local() + " " + e.Space() }

// storable reports whether the namespace is one that clients may use: not the
// protocol's own (section 3 of the XEP).
func storable(e element.Element) bool {
	switch e.Space() {
	case "", element.NSClient, element.NSServer, name.Space, "vcard-temp":
		return false
	}
	return true
}

func (m *private) get(ctx context.Context, r *iq.Request) (element.Element, error) {
	want := r.Payload.First()
	n := 0
	for range r.Payload.Children() {
		n++
	}
	switch {
	case n == 0:
		return element.Element{}, stanza.Fail(stanza.NotAcceptable, "ask for one element")
	case n > 1:
		return element.Element{}, stanza.Fail(stanza.BadRequest, "ask for one element")
	case !storable(want):
		return element.Element{}, stanza.Fail(stanza.NotAcceptable, "")
	}
	b := element.New(name.Space, "query")
	stored, err := m.store.Get(ctx, r.To.Local(), key(want))
	if err != nil {
		return element.Element{}, err
	}
	if stored == nil {
		return b.Open(want.Space(), want.Local()).Element(), nil
	}
	e, err := element.Parse(stored)
	if err != nil {
		return element.Element{}, fmt.Errorf("stored private XML: %w", err)
	}
	return b.Child(e).Element(), nil
}

func (m *private) set(ctx context.Context, r *iq.Request) (element.Element, error) {
	changes := make(map[string][]byte)
	for e := range r.Payload.Children() {
		if !storable(e) {
			return element.Element{}, stanza.Fail(stanza.NotAcceptable, "")
		}
		b := e.AppendTo(nil, element.NSClient)
		if len(b) > int(m.Size) {
			return element.Element{}, stanza.Fail(stanza.ResourceConstraint, "the element is too large")
		}
		if changes[key(e)] = b; e.First().IsZero() && e.Text() == "" && noAttrs(e) {
			changes[key(e)] = nil
		}
	}
	if len(changes) == 0 {
		return element.Element{}, stanza.Fail(stanza.NotAcceptable, "there is nothing to store")
	}
	if err := m.room(ctx, r.To.Local(), changes); err != nil {
		return element.Element{}, err
	}
	return element.Element{}, m.store.Set(ctx, r.To.Local(), changes)
}

// room refuses new elements that would be too many.
func (m *private) room(ctx context.Context, user string, changes map[string][]byte) error {
	n := 0
	for _, b := range changes {
		if b != nil {
			n++
		}
	}
	for p, err := range m.store.All(ctx, user) {
		if err != nil {
			return err
		}
		if b, changed := changes[p.Key]; !changed || b == nil {
			n++
		}
	}
	if n > m.Max {
		return stanza.Fail(stanza.ResourceConstraint, "there are too many elements")
	}
	return nil
}

func noAttrs(e element.Element) bool {
	for range e.Attrs() {
		return false
	}
	return true
}
