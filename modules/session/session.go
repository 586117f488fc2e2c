// SPDX-License-Identifier: Apache-2.0

// Package session answers the session request of RFC 3921 section 3, which
// old clients wait for; it does nothing else.
package session

import (
	"context"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/stream"
)

// Module is the legacy session module.
var Module = module.Define("session", module.OnHost, struct{}{}, load).Auto()

var name = element.Name{Space: "urn:ietf:params:xml:ns:xmpp-session", Local: "session"}

func load(s *module.Scope, _ struct{}) error {
	feature := element.New(name.Space, "session").Open(name.Space, "optional").Element()
	stream.Features.Handle(s, -1, func(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
		if ev.Stream.User() != "" && !ev.Stream.Bound() {
			ev.Add(feature)
		}
		return ext.Next
	})
	iq.Handle(s, iq.Set, iq.Self|iq.Host, name, func(context.Context, *iq.Request) (element.Element, error) {
		return element.Element{}, nil
	})
	return nil
}
