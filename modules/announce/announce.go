// SPDX-License-Identifier: Apache-2.0

// Package announce sends an admin's message to all users who are online, by a
// message to HOST/announce/online or a command (XEP-0133, version 1.3.1, section
// 4.23), or to all accounts, by a message to HOST/announce/all.
package announce

import (
	"context"
	"fmt"
	"time"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/form"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules/adhoc"
)

// Module is the announcements module.
var Module = module.Define("announce", module.OnHost, struct{}{}, load).Requiring("adhoc")

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
	adhoc.Commands.Set(s, nsAdmin+"#announce", adhoc.Command{
		Name: "Send Announcement to Online Users", Permission: adhoc.Admin, Run: adhoc.Asking(adhoc.Fixed(asked), m.submitted),
	})
	return nil
}

const nsAdmin = "http://jabber.org/protocol/admin" // XEP-0133

var asked = form.Form{
	Type: nsAdmin, Title: "Making an Announcement",
	Instructions: "Fill out this form to make an announcement to all\nactive users of this service.",
	Fields: []form.Field{
		{Name: "subject", Label: "Subject"},
		{Name: "announcement", Kind: form.TextMulti, Required: true, Label: "Announcement"},
	},
}

// submitted sends what an admin has written into the form.
func (m *announce) submitted(ctx context.Context, c *adhoc.Call, given form.Values) (adhoc.Reply, error) {
	m.scope.Log.InfoContext(ctx, "announcement", "jid", c.From.String(), "to", toOnline)
	st := stanza.New(stanza.Message, "headline", m.scope.Host.JID, jid.JID{}, stanza.NewID(),
		text("subject", given.Get("subject")), text("body", given.Text("announcement")))
	to := m.present()
	m.scope.Go(func(ctx context.Context) { m.send(ctx, st, to) })
	return adhoc.Done(fmt.Sprintf("Announcement sent to %d online users", len(to))), nil
}

func text(local, s string) element.Element {
	if s == "" {
		return element.Element{}
	}
	return element.New(element.NSClient, local).Text(s).Element()
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
		m.scope.Go(func(ctx context.Context) { m.send(ctx, st.WithType("headline"), m.present()) })
		return ext.Stop
	}
	m.scope.Go(func(ctx context.Context) { m.all(ctx, st.WithType("normal")) })
	return ext.Stop
}

// present are the accounts that have an available resource.
func (m *announce) present() []jid.JID {
	var all []jid.JID
	seen := make(map[jid.JID]bool)
	for s := range m.scope.Host.Sessions.All() {
		if to := s.JID.Bare(); s.Available() && !seen[to] {
			seen[to] = true
			all = append(all, to)
		}
	}
	return all
}

// send sends the message to each of the accounts.
func (m *announce) send(ctx context.Context, st *stanza.Stanza, to []jid.JID) {
	for _, j := range to {
		if ctx.Err() != nil {
			return
		}
		m.scope.Host.Send(ctx, st.WithTo(j))
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
