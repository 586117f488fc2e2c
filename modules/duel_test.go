// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules"
)

// duel ends the stream that a message names, in the goroutine of the stream
// that the message came on.
var duel = module.Define("duel", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
	route.In[stanza.Message][route.Bare].Handle(s, 50, func(ctx context.Context, ev *route.Event) ext.Verdict {
		if ev.Stanza.To.Local() != "duel" {
			return ext.Next
		}
		if whom, err := jid.Parse(ev.Stanza.Body()); err == nil {
			if other := ev.Host.Sessions.Get(whom); other != nil {
				ev.Host.Kick(ctx, other, stream.Fail(stream.Conflict, "ended by its opponent"))
			}
		}
		return ext.Stop
	})
	return nil
})

// TestDuels has a thousand pairs of streams end each other at the same moment:
// each pair comes to its end, and takes nothing with it.
func TestDuels(t *testing.T) {
	pairs := 100
	if long() {
		pairs = 1000
	}
	const at = 4 // a time
	port := freePort(t)
	s := coretest.New(t, fmt.Sprintf("modules_enabled = { \"ping\", \"smacks\", \"duel\" }\nc2s_ports = { %d }\nc2s_interfaces = { \"127.0.0.1\" }\n", port),
		append(slices.Clip(modules.All), duel)...)
	witness := socketLogin(t, s, port, "witness", "w")
	var wg sync.WaitGroup
	for i := range at {
		s.AddUser(coretest.Domain, fmt.Sprint("fighter", i), coretest.Password(fmt.Sprint("fighter", i)))
		wg.Go(func() {
			for n := range pairs / at {
				var both [2]*coretest.Client
				for k := range both {
					both[k] = socketLogin(t, s, port, fmt.Sprint("fighter", i), fmt.Sprint(n, "-", k))
					if k == 0 && n%2 == 0 {
						both[k].Send("<enable xmlns='urn:xmpp:sm:3'/>")
					}
				}
				var now sync.WaitGroup
				for k, c := range both {
					now.Go(func() {
						c.Send("<message to='duel@" + coretest.Domain + "'><body>" + both[1-k].JID + "</body></message>")
					})
				}
				now.Wait()
				host := s.Host(coretest.Domain)
				coretest.Eventually(t, "one of two is ended", func() bool {
					return host.Sessions.Get(jid.MustParse(both[0].JID)) == nil || host.Sessions.Get(jid.MustParse(both[1].JID)) == nil
				})
				for _, c := range both {
					_ = c.Conn.Close() // the survivor's, too
				}
			}
		})
	}
	wg.Wait()
	witness.Quiet()
	coretest.Eventually(t, "all streams but one are gone", func() bool { return s.Env.Streams.Len() == 1 })
}
