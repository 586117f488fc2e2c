// SPDX-License-Identifier: Apache-2.0

package blocklist

import (
	"context"

	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/stanza"
	"tercet/modules/roster"
)

// contacts are those of the addresses that stand for contacts of the account
// which are such as asked; a domain stands for all contacts there.
func contacts(ctx context.Context, r *iq.Request, all []jid.JID, such func(roster.Item) bool) (found []jid.JID) {
	rosters, ok := roster.Service.In(r.Pass)
	if !ok {
		return nil
	}
	known, err := rosters.Roster(ctx, r.To.Local())
	if err != nil {
		return nil
	}
	for _, j := range all {
		if j.Local() != "" {
			if item, ok := known.Items[j.Bare()]; ok && such(item) {
				found = append(found, j)
			}
			continue
		}
		for contact, item := range known.Items {
			if contact.Domain() == j.Domain() && such(item) {
				if at, err := contact.WithResource(j.Resource()); err == nil {
					found = append(found, at)
				}
			}
		}
	}
	return found
}

// refuse forgets requests to subscribe that came from those addresses.
func (m *blocklist) refuse(ctx context.Context, r *iq.Request, all []jid.JID) {
	rosters, ok := roster.Service.In(r.Pass)
	if !ok {
		return
	}
	for _, j := range contacts(ctx, r, all, func(i roster.Item) bool { return i.Pending != nil }) {
		err := rosters.Edit(ctx, r.To.Local(), j.Bare(), func(i roster.Item) (roster.Item, bool) {
			i.Pending = nil
			return i, !i.Hidden
		})
		if err != nil {
			m.scope.Log.WarnContext(ctx, "request to subscribe not forgotten", "jid", r.To.String(), "err", err)
		}
	}
}

// probe asks for the presence of contacts that were blocked.
func (m *blocklist) probe(ctx context.Context, r *iq.Request, all []jid.JID) {
	for _, s := range m.scope.Host.Sessions.Resources(r.To.Local()) {
		if !s.Available() {
			continue
		}
		for _, to := range contacts(ctx, r, all, func(i roster.Item) bool { return i.To }) {
			r.Send(ctx, stanza.New(stanza.Presence, "probe", s.JID, to, ""))
		}
	}
}
