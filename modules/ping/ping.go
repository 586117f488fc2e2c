// SPDX-License-Identifier: Apache-2.0

// Package ping answers pings sent to the host or to an account (XEP-0199,
// version 2.0.1).
package ping

import (
	"context"

	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/modules/disco"
)

// Module is the ping module.
var Module = module.Define("ping", module.OnHost, struct{}{}, load)

var name = element.Name{Space: "urn:xmpp:ping", Local: "ping"}

func load(s *module.Scope, _ struct{}) error {
	disco.Feature.Add(s, name.Space)
	disco.AccountFeature.Add(s, name.Space)
	iq.Handle(s, iq.Get, iq.Host|iq.Account, name, pong)
	return nil
}

func pong(context.Context, *iq.Request) (element.Element, error) { return element.Element{}, nil }
