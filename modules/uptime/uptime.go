// SPDX-License-Identifier: Apache-2.0

// Package uptime answers how long the server has been running: to queries
// (XEP-0012, version 2.0, section 5), and as a command (XEP-0050).
package uptime

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/modules/adhoc"
	"tercet/modules/disco"
)

// Module is the uptime module.
var Module = module.Define("uptime", module.OnHost, struct{}{}, load).Requiring("adhoc")

var name = element.Name{Space: "jabber:iq:last", Local: "query"}

func load(s *module.Scope, _ struct{}) error {
	disco.Feature.Add(s, name.Space)
	iq.Handle(s, iq.Get, iq.Host, name, func(context.Context, *iq.Request) (element.Element, error) {
		up := int(time.Since(s.Env.Started).Seconds())
		return element.New(name.Space, "query").Attr("seconds", strconv.Itoa(up)).Element(), nil
	})
	adhoc.Commands.Set(s, "uptime", adhoc.Command{
		Name: "Get uptime", Permission: adhoc.Any,
		Run: adhoc.One(func(context.Context, *adhoc.Call) (adhoc.Reply, error) {
			return adhoc.Done(text(s.Env.Started, time.Now())), nil
		}),
	})
	return nil
}

// text is Prosody's, word for word: there are programs that read it.
func text(since, now time.Time) string {
	minutes := int(now.Sub(since).Minutes())
	count := func(n int, unit string) string {
		if n != 1 {
			unit += "s"
		}
		return strconv.Itoa(n) + " " + unit
	}
	return fmt.Sprintf("This server has been running for %s, %s and %s (since %s)",
		count(minutes/(24*60), "day"), count(minutes/60%24, "hour"), count(minutes%60, "minute"), since.Format(time.ANSIC))
}
