// SPDX-License-Identifier: Apache-2.0

// Package time answers with the host's time (XEP-0202, version 2.0; XEP-0082),
// also in the old format (XEP-0090, version 1.2).
package time

import (
	"context"
	"time"

	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/modules/disco"
)

// Module is the entity time module.
var Module = module.Define("time", module.OnHost, struct{}{}, load)

var (
	name   = element.Name{Space: "urn:xmpp:time", Local: "time"}
	legacy = element.Name{Space: "jabber:iq:time", Local: "query"}
)

func load(s *module.Scope, _ struct{}) error {
	disco.Feature.Add(s, name.Space)
	disco.Feature.Add(s, legacy.Space)
	iq.Handle(s, iq.Get, iq.Host|iq.Account, legacy, func(context.Context, *iq.Request) (element.Element, error) {
		return element.New(legacy.Space, "query").
			TextChild(legacy.Space, "utc", time.Now().UTC().Format("20060102T15:04:05")).Element(), nil
	})
	iq.Handle(s, iq.Get, iq.Host|iq.Account, name, func(context.Context, *iq.Request) (element.Element, error) {
		now := time.Now()
		return element.New(name.Space, "time").
			TextChild(name.Space, "tzo", now.Format("-07:00")).
			TextChild(name.Space, "utc", now.UTC().Format("2006-01-02T15:04:05Z")).Element(), nil
	})
	return nil
}
