// SPDX-License-Identifier: Apache-2.0

// Package time answers with the host's time (XEP-0202, version 2.0; XEP-0082).
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
var Module = module.Define("time", module.OnHost, struct{}{}, load).OnComponents()

var name = element.Name{Space: "urn:xmpp:time", Local: "time"}

func load(s *module.Scope, _ struct{}) error {
	disco.Feature.Add(s, name.Space)
	iq.Handle(s, iq.Get, iq.Host, name, func(context.Context, *iq.Request) (element.Element, error) {
		now := time.Now()
		return element.New(name.Space, "time").
			TextChild(name.Space, "tzo", now.Format("-07:00")).
			TextChild(name.Space, "utc", now.UTC().Format("2006-01-02T15:04:05Z")).Element(), nil
	})
	return nil
}
