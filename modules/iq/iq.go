// SPDX-License-Identifier: Apache-2.0

// Package iq delivers requests and their answers (RFC 6121 section 8.5): to a
// connected resource, or to the modules that answer for the host and its
// accounts.
package iq

import (
	"context"

	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
)

// Module is the IQ module.
var Module = module.Define("iq", module.OnHost, struct{}{}, load).Auto().OnComponents()

func load(s *module.Scope, _ struct{}) error {
	in := route.In[stanza.IQ]
	in[route.Full].Handle(s, -1, full)
	in[route.Bare].Handle(s, 0, iq.Dispatch)
	in[route.ToHost].Handle(s, 0, iq.Dispatch)
	return nil
}

// full delivers to a connected resource; answers that nobody waits for are
// dropped.
func full(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	answer := st.Type == "result" || st.Type == "error"
	if answer && iq.Dispatch(ctx, ev) == ext.Stop {
		return ext.Stop // to a request that a module made in the account's name
	}
	if s := ev.Host.Sessions.Get(st.To); s != nil && ev.Deliver(s, st) {
		return ext.Stop
	}
	return ext.Verdict(answer)
}
