// SPDX-License-Identifier: Apache-2.0

// Package uptime answers how long the server has been running (XEP-0012,
// version 2.0, section 5).
package uptime

import (
	"context"
	"strconv"
	"time"

	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/modules/disco"
)

// Module is the uptime module.
var Module = module.Define("uptime", module.OnHost, struct{}{}, load)

var name = element.Name{Space: "jabber:iq:last", Local: "query"}

func load(s *module.Scope, _ struct{}) error {
	disco.Feature.Add(s, name.Space)
	iq.Handle(s, iq.Get, iq.Host, name, func(context.Context, *iq.Request) (element.Element, error) {
		up := int(time.Since(s.Env.Started).Seconds())
		return element.New(name.Space, "query").Attr("seconds", strconv.Itoa(up)).Element(), nil
	})
	return nil
}
