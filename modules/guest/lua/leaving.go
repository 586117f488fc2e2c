// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/stanza"
)

// leaving attaches a handler of route/remote. One that returns false has not
// sent the stanza, and nobody else shall: Prosody answers it then.
func leaving(o ext.Owner, h *handler) {
	route.Leaving.Handle(o, h.prio, func(ctx context.Context, ev *route.Event) ext.Verdict {
		result, verdict := h.handle(ctx, ev, func(_ *lua.LState, data *lua.LTable) {
			data.RawSetString("from_host", lua.LString(ev.Host.Name))
			data.RawSetString("to_host", lua.LString(ev.Stanza.To.Domain()))
		})
		if result == lua.LFalse {
			ev.Bounce(ctx, stanza.Fail(stanza.NotAllowed, "Communication with remote domains is not enabled"))
		}
		return verdict
	})
}
