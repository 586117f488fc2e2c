// SPDX-License-Identifier: Apache-2.0

// Package announce sends an admin's message to all users who are online, by a
// message to HOST/announce/online, or to all accounts, by HOST/announce/all
// (compare XEP-0133 section 4.23).
package announce

import (
	"context"
	"time"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
)

// Module is the announcements module.
var Module = module.Define("announce", module.OnHost, struct{}{}, load)

// The resources of the host that take announcements.
const (
	toOnline = "announce/online"
	toAll    = "announce/all"
)

// sendTime bounds an announcement to all accounts.
const sendTime = 10 * time.Minute

type announce struct{ scope *module.Scope }

func load(s *module.Scope, _ struct{}) error {
	m := &announce{s}
	route.In[stanza.Message][route.ToHost].Handle(s, 0, m.message)
	return nil
}

func (m *announce) message(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	resource := st.To.Resource()
	if resource != toOnline && resource != toAll || st.Type == "error" {
		return ext.Next
	}
	if !m.scope.Admins()[st.From.Bare()] {
		return ext.Next // to others there is no such address
	}
	if st.Body() == "" {
		ev.Bounce(ctx, stanza.Fail(stanza.BadRequest, "an announcement needs a body"))
		return ext.Stop
	}
	m.scope.Log.InfoContext(ctx, "announcement", "jid", st.From.String(), "to", resource)
	st = st.WithFrom(m.scope.Host.JID)
	if resource == toOnline {
		m.scope.Go(func(ctx context.Context) { m.online(ctx, st.WithType("headline")) })
		return ext.Stop
	}
	m.scope.Go(func(ctx context.Context) { m.all(ctx, st.WithType("normal")) })
	return ext.Stop
}

// online sends the message to each account that has an available resource.
func (m *announce) online(ctx context.Context, st *stanza.Stanza) {
	done := make(map[jid.JID]bool)
	for s := range m.scope.Host.Sessions.All() {
		if to := s.JID.Bare(); s.Available() && !done[to] && ctx.Err() == nil {
			done[to] = true
			m.scope.Host.Send(ctx, st.WithTo(to))
		}
	}
}

// all sends the message to each account; offline stores keep it for those who
// are away.
func (m *announce) all(ctx context.Context, st *stanza.Stanza) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	p := m.scope.Host.Table.Enter()
	accounts, ok := auth.Accounts.In(p)
	p.Leave()
	if !ok {
		return
	}
	n := 0
	for user, err := range accounts.Users(ctx) {
		if err != nil {
			m.scope.Log.ErrorContext(ctx, "announcement not sent to all", "sent", n, "err", err)
			return
		}
		to, err := jid.New(user, m.scope.Host.Name, "")
		if err != nil {
			continue
		}
		m.scope.Host.Send(ctx, st.WithTo(to).WithID(stanza.NewID()))
		n++
	}
	m.scope.Log.InfoContext(ctx, "announcement sent to all accounts", "sent", n)
}
