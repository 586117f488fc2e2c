// SPDX-License-Identifier: Apache-2.0

// Package lastactivity tells contacts when an account was last available
// (XEP-0012, version 2.0; RFC 6121 section 4.5.4).
package lastactivity

import (
	"context"
	"strconv"
	"strings"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/modules/disco"
	"tercet/modules/roster"
)

// Module is the last activity module.
var Module = module.Define("lastactivity", module.OnHost, struct{}{}, load)

var name = element.Name{Space: "jabber:iq:last", Local: "query"}

// last is what is stored of an account.
type last struct {
	When   time.Time `json:"when"`
	Status string    `json:"status,omitempty"`
}

type activity struct {
	scope *module.Scope
	store storage.Typed[last]
}

func load(s *module.Scope, _ struct{}) error {
	kv, err := s.KeyValue("lastactivity")
	if err != nil {
		return err
	}
	m := &activity{s, storage.JSON[last](kv)}
	disco.AccountFeature.Add(s, name.Space)
	route.Out[stanza.Presence][route.Bare].Handle(s, 10, m.unavailable)
	iq.Handle(s, iq.Get, iq.Account, name, m.query)
	return nil
}

// unavailable notes what a resource says on leaving; for one whose stream
// broke, the presence module says it.
func (m *activity) unavailable(_ context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	if st.Type == "unavailable" && st.To.IsZero() && ev.Origin.Available() {
		m.note(ev.Origin.JID.Local(), st.ChildText(element.NSClient, "status"))
	}
	return ext.Next
}

// maxStatus is how many bytes of a status are kept.
const maxStatus = 1024

// note stores the time; who leaves does not wait for it.
func (m *activity) note(user, status string) {
	now := last{time.Now().UTC(), status[:min(len(status), maxStatus)]}
	now.Status = strings.ToValidUTF8(now.Status, "")
	m.scope.Go(func(ctx context.Context) {
		ctx = context.WithoutCancel(ctx) // also when the server ends
		if err := m.store.Set(ctx, user, now); err != nil {
			m.scope.Log.ErrorContext(ctx, "last activity not stored", "user", user, "err", err)
		}
	})
}

func (m *activity) query(ctx context.Context, r *iq.Request) (element.Element, error) {
	user := r.To.Local()
	if err := allowed(ctx, r); err != nil {
		return element.Element{}, err
	}
	for _, s := range m.scope.Host.Sessions.Resources(user) {
		if s.Available() {
			return element.New(name.Space, "query").Attr("seconds", "0").Element(), nil
		}
	}
	l, ok, err := m.store.Get(ctx, user)
	if err != nil {
		return element.Element{}, err
	}
	if !ok {
		return element.Element{}, stanza.Fail(stanza.ItemNotFound, "nothing is known of the last activity")
	}
	b := element.New(name.Space, "query").Attr("seconds", strconv.Itoa(int(time.Since(l.When).Seconds())))
	if l.Status != "" {
		b.Text(l.Status)
	}
	return b.Element(), nil
}

// allowed: an account tells itself and those with a subscription to its
// presence (XEP-0012 section 4).
func allowed(ctx context.Context, r *iq.Request) error {
	if r.From.Bare() == r.To {
		return nil
	}
	contacts, ok := roster.Service.In(r.Pass)
	if !ok {
		return stanza.Fail(stanza.Forbidden, "")
	}
	list, err := contacts.Roster(ctx, r.To.Local())
	if err != nil {
		return err
	}
	if item, ok := list.Items[r.From.Bare()]; !ok || !item.From {
		return stanza.Fail(stanza.Forbidden, "")
	}
	return nil
}
