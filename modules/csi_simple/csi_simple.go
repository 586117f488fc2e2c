// SPDX-License-Identifier: Apache-2.0

// Package csi_simple holds back what an inactive client can wait for, such as
// presence and typing notices, until something important comes (XEP-0352
// section 5).
package csi_simple

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/transport"
	"tercet/modules/csi"
	"tercet/modules/smacks"
)

// Module is the simple traffic optimiser.
var Module = module.Define("csi_simple", module.OnHost, options{Size: 256, Delay: 5 * time.Second}, load).Requiring("csi")

type options struct {
	Size     int           `lua:"csi_queue_size" min:"1" doc:"Stanzas held back for a client; with one more all go out."`
	Delay    time.Duration `lua:"csi_resume_inactive_delay" min:"0" doc:"Time after something important in which nothing is held back: the client is awake anyway."`
	Payloads payloads      `lua:"csi_important_payloads" doc:"Elements that make a message important: a list of \"{namespace}name\"."`
}

// payloads is the option csi_important_payloads.
type payloads map[element.Name]bool

// UnmarshalConfig reads a list of "{namespace}name".
func (p *payloads) UnmarshalConfig(v config.Value) error {
	*p = make(payloads)
	for _, item := range v.List() {
		space, local, ok := strings.Cut(strings.TrimPrefix(item.Str(), "{"), "}")
		if !ok || local == "" || !strings.HasPrefix(item.Str(), "{") {
			return fmt.Errorf("want \"{namespace}name\", got %s", item)
		}
		(*p)[element.Name{Space: space, Local: local}] = true
	}
	return nil
}

// Important is fired for each stanza for an inactive client; a handler may
// change Important. It runs while the way out to the client is held still: it
// looks at the stanza and sends nothing.
var Important = ext.NewHook[ImportantEvent]("csi-is-stanza-important")

// An ImportantEvent is a stanza that an inactive client may have to wait for.
type ImportantEvent struct {
	Session   *session.Session
	Stanza    *stanza.Stanza
	Important bool
}

// held are the stanzas of a session that wait; they outlive a reload of the
// module. The session's lock guards the list.
var held = slot.New[queue]("csi_simple")

type queue struct {
	options
	session *session.Session
	host    *route.Host
	list    []waiting
	awake   time.Time // until when nothing is held back
}

type waiting struct {
	st *stanza.Stanza
	at time.Time
}

type optimiser struct {
	options
	scope *module.Scope
}

func load(s *module.Scope, o options) error {
	m := &optimiser{o, s}
	csi.Inactive.Handle(s, 0, m.inactive)
	csi.Active.Handle(s, 0, func(_ context.Context, ev *csi.StateEvent) ext.Verdict {
		release(ev.Session, ev.Stream.Cork())
		return ext.Next
	})
	// Before stream management keeps what the broken connection did not take.
	route.Detached.Handle(s, 10, func(_ context.Context, ev *route.SessionEvent) ext.Verdict {
		release(ev.Session, nil)
		return ext.Next
	})
	smacks.HibernationEnd.Handle(s, 0, func(_ context.Context, ev *smacks.HibernationEvent) ext.Verdict {
		release(ev.Session, nil) // a resumed client is active
		return ext.Next
	})
	return nil
}

func (m *optimiser) inactive(_ context.Context, ev *csi.StateEvent) ext.Verdict {
	q := held.Of(ev.Session)
	ev.Session.SetFilter(session.FilterHold, q, ev.Stream.Cork(), func(session.Delivery) {
		q.options, q.session, q.host, q.awake = m.options, ev.Session, m.scope.Host, time.Time{}
	})
	return ext.Next
}

// release sends what waits and holds nothing back any more.
func release(s *session.Session, k *transport.Cork) {
	q := held.Peek(s)
	if q == nil {
		return
	}
	s.SetFilter(session.FilterHold, nil, k, q.flush)
}

// Deliver holds the stanza back, or lets it pass with all that waits.
func (q *queue) Deliver(d session.Delivery, st *stanza.Stanza) bool {
	now := time.Now()
	if now.Before(q.awake) {
		return d.Next(st)
	}
	if len(q.list) >= q.Size || q.decide(st) {
		q.flush(d)
		q.awake = now.Add(q.Delay)
		return d.Next(st)
	}
	if st.Kind == stanza.Presence && st.Type != "error" {
		for i, w := range q.list { // only the last presence of a resource counts
			if w.st.Kind == stanza.Presence && w.st.From == st.From && w.st.To == st.To {
				q.list = append(q.list[:i:i], q.list[i+1:]...)
				break
			}
		}
	}
	q.list = append(q.list, waiting{st, now})
	return true
}

// decide asks whether a stanza is important.
func (q *queue) decide(st *stanza.Stanza) bool {
	p := q.host.Table.Enter()
	defer p.Leave()
	ev := ImportantEvent{q.session, st, q.important(st)}
	Important.Fire(context.Background(), p, &ev)
	return ev.Important
}

func (q *queue) flush(d session.Delivery) {
	list := q.list
	q.list = nil
	for _, w := range list {
		d.Next(w.stamped(q.host.Name))
	}
}

const nsDelay = "urn:xmpp:delay"

// stamped is the stanza with the time at which it came (XEP-0203).
func (w waiting) stamped(host string) *stanza.Stanza {
	if w.st.Kind == stanza.IQ || !w.st.Child(nsDelay, "delay").IsZero() {
		return w.st
	}
	return w.st.With(element.New(nsDelay, "delay").Attr("from", host).
		Attr("stamp", w.at.UTC().Format("2006-01-02T15:04:05Z")).Element())
}
