// SPDX-License-Identifier: Apache-2.0

package blocklist

import (
	"context"

	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/modules/roster"
)

// visible reports whether the account's presence is for that address: it is a
// contact with a subscription.
func visible(ctx context.Context, r *iq.Request, to jid.JID) bool {
	contacts, ok := roster.Service.In(r.Pass)
	if !ok {
		return false
	}
	all, err := contacts.Roster(ctx, r.To.Local())
	if err != nil {
		return false
	}
	item, ok := all.Items[to.Bare()]
	return ok && item.From
}
