// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"context"
	"sync/atomic"
	"testing"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/modules"
)

// TestRemovedHostEndsItsSessionsFirst takes a host out of the config: its
// clients are told, and its modules are still there to see the sessions end,
// that of a broken connection included.
func TestRemovedHostEndsItsSessionsFirst(t *testing.T) {
	var seen atomic.Int32
	witness := module.Define("witness", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		if s.Host.Name == coretest.Domain {
			route.Unbound.Handle(s, 0, func(context.Context, *route.SessionEvent) ext.Verdict {
				seen.Add(1)
				return ext.Next
			})
		}
		return nil
	})
	const config = "modules_enabled = { \"witness\", \"smacks\" }\nVirtualHost \"example.com\"\n"
	s := coretest.New(t, config+"VirtualHost \"example.org\"\n", append([]module.Definition{witness}, modules.All...)...)
	h := s.Host(coretest.Domain)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	juliet.Send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	juliet.Next()
	_ = juliet.Conn.Close() // the connection breaks
	coretest.Eventually(t, "the session waits for its client", func() bool {
		all := h.Sessions.Resources("juliet")
		return len(all) == 1 && all[0].Stream() == nil
	})
	if plan := s.Reconfigure(config); plan.SessionsEnded != 2 || len(plan.HostsRemoved) != 1 {
		t.Errorf("the plan is %+v, want two sessions of one host", plan)
	}
	if cause := romeo.Ended(); cause.First().Local() != "host-gone" {
		t.Errorf("romeo's stream ended with %s, want host-gone", cause)
	}
	coretest.Eventually(t, "the modules have seen both sessions end", func() bool { return seen.Load() == 2 })
}
