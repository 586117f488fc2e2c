// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/modules/message"
	"tercet/modules/roster"
)

// maxDirected is to how many entities a resource may send directed presence at
// a time.
const maxDirected = 10_000

// states are what the module knows of a resource.
var states = slot.New[state]("presence")

type state struct {
	began atomic.Uint64 // turn of the first presence since it became available
	now   atomic.Uint64 // of the present one

	mu       sync.Mutex // guards what follows
	since    time.Time  // of the present presence
	directed map[jid.JID]*stanza.Stanza
	plain    *stanza.Stanza              // the presence that told was made of
	told     weak.Pointer[stanza.Stanza] // what those get who ask later
}

// turns count what resources become, and say which of two was first.
var turns atomic.Uint64

// add records to whom directed presence has gone; false if that are too many.
func (s *state) add(to jid.JID, st *stanza.Stanza) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.directed[to]; !known && len(s.directed) >= maxDirected {
		return false
	}
	if s.directed == nil {
		s.directed = make(map[jid.JID]*stanza.Stanza)
	}
	s.directed[to] = st
	return true
}

func (s *state) drop(to jid.JID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.directed, to)
}

// take returns those who got directed presence, and forgets them.
func (s *state) take() map[jid.JID]*stanza.Stanza {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.directed
	s.directed = nil
	return all
}

// to is the presence that was directed to an entity, or nil.
func (s *state) to(who jid.JID) *stanza.Stanza {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.directed[who]
}

// changed notes that the resource's presence has been set.
func (s *state) changed(first bool) {
	turn := turns.Add(1)
	s.now.Store(turn)
	if first {
		s.began.Store(turn)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Now()
}

// later is what those get of a presence who ask for it: it says since when it
// holds (XEP-0203).
func (s *state) later(st *stanza.Stanza) *stanza.Stanza {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plain == st {
		if told := s.told.Value(); told != nil {
			return told
		}
	}
	told := stamped(st, s.since).Shared()
	s.plain, s.told = st, weak.Make(told) // many ask at a time, and then nobody does
	return told
}

func stamped(st *stanza.Stanza, since time.Time) *stanza.Stanza {
	if since.IsZero() || !st.Child(nsDelay, "delay").IsZero() {
		return st
	}
	return st.With(element.New(nsDelay, "delay").Attr("from", st.From.String()).
		Attr("stamp", since.UTC().Format("2006-01-02T15:04:05Z")).Element())
}

// checked answers a client whose presence has a priority that is none.
func (m *presence) checked(ctx context.Context, ev *route.Event) ext.Verdict {
	if _, ok := priority(ev.Stanza); !ok {
		ev.Bounce(ctx, stanza.Fail(stanza.BadRequest, "the priority is an integer from -128 to 127"))
		return ext.Stop
	}
	return ext.Next
}

// priority reads RFC 6121 section 4.7.2.3.
func priority(st *stanza.Stanza) (n int, ok bool) {
	e := st.Child(element.NSClient, "priority")
	if e.IsZero() {
		return 0, true
	}
	n, err := strconv.Atoi(strings.TrimSpace(e.Text()))
	return n, err == nil && n >= -128 && n <= 127
}

// direct keeps in mind who gets directed presence (section 4.6).
func (m *presence) direct(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	if ev.Copy && st.Type == "" {
		return ext.Next // of a broadcast
	}
	if st.Type == "unavailable" {
		if s := states.Peek(ev.Origin); s != nil {
			s.drop(st.To)
		}
		return ext.Next
	}
	if r := m.rosterOf(ctx, ev.Pass, st.From.Local()); r != nil && r.Items[st.To.Bare()].From && ev.Origin.Available() {
		return ext.Next // gets all broadcasts
	}
	if ev.Origin.Ended() {
		return ext.Stop
	}
	if !states.Of(ev.Origin).add(st.To, st) {
		ev.Bounce(ctx, stanza.Fail(stanza.ResourceConstraint, "directed presence to too many entities"))
		return ext.Stop
	}
	return ext.Next
}

// broadcast tells of a client's own presence. It runs in the account's lane.
func (m *presence) broadcast(ctx context.Context, ev *route.Event) {
	s, st := ev.Origin, ev.Stanza
	if s == nil {
		return
	}
	switch st.Type {
	case "":
		if !s.Ended() {
			m.available(ctx, ev, s)
		}
	case "unavailable":
		m.unavailable(ctx, ev, s)
	}
}

// available takes initial presence (section 4.2) and later presence (4.4).
func (m *presence) available(ctx context.Context, ev *route.Event, s *session.Session) {
	if m.IgnorePriority {
		ev.Stanza = levelled(ev.Stanza)
	}
	prio, ok := priority(ev.Stanza)
	if !ok {
		return // a handler has changed it since it was checked
	}
	before := s.Presence()
	held := before == nil || s.Priority() < 0
	s.SetPresence(ev.Stanza, prio)
	states.Of(s).changed(before == nil)
	r := m.rosterOf(ctx, ev.Pass, s.JID.Local())
	m.tell(ctx, ev, s, r)
	if before == nil {
		m.initial(ctx, ev, s, r)
	}
	if held && prio >= 0 && message.Broadcast.Has(ev.Pass) {
		message.Broadcast.Fire(ctx, ev.Pass, &message.BroadcastEvent{Event: ev, Session: s})
	}
}

// levelled has the presence say priority 0.
func levelled(st *stanza.Stanza) *stanza.Stanza {
	next := st.Without(func(e element.Element) bool { return e.Is(element.NSClient, "priority") })
	if next == st {
		return st
	}
	return next.With(element.New(element.NSClient, "priority").Text("0").Element())
}

// tell sends a resource's presence to all available resources of its account,
// itself included, and to those who are subscribed (sections 4.2.2, 4.4.2 and
// 4.5.2).
func (m *presence) tell(ctx context.Context, ev *route.Event, s *session.Session, r *roster.Roster) {
	f := ev.Fan(ev.Stanza)
	eachAvailable(ev.Host, s.JID.Local(), func(other *session.Session, _ *stanza.Stanza) { f.Deliver(other) })
	if r == nil {
		return
	}
	for contact, i := range r.Items {
		if i.From {
			f.Submit(ctx, s, contact)
		}
	}
}

// initial does what becoming available asks for: it finds out who else is
// available, and delivers what has waited (sections 3.1.3, 4.2.2 and 4.3.1).
func (m *presence) initial(ctx context.Context, ev *route.Event, s *session.Session, r *roster.Roster) {
	if Initial.Has(ev.Pass) {
		Initial.Fire(ctx, ev.Pass, &InitialEvent{ev, s})
	}
	eachAvailable(ev.Host, s.JID.Local(), func(other *session.Session, st *stanza.Stanza) {
		if other != s {
			ev.Deliver(s, states.Of(other).later(st).WithTo(s.JID))
		}
	})
	if r == nil {
		return
	}
	account := s.JID.Bare()
	probes := ev.Fan(stanza.New(stanza.Presence, "probe", s.JID, jid.JID{}, ""))
	for contact, i := range r.Items {
		if i.To {
			probes.Send(ctx, contact)
		}
		if i.Pending != nil {
			m.deliverRequest(ctx, ev, s, i)
		}
		if i.Ask { // the first one may be lost
			ev.Send(ctx, stanza.New(stanza.Presence, "subscribe", account, contact, ""))
		}
	}
}

func (m *presence) deliverRequest(ctx context.Context, ev *route.Event, s *session.Session, i roster.Item) {
	st, err := stanza.Parse(i.Pending)
	if err != nil {
		m.scope.Log.ErrorContext(ctx, "request to subscribe not readable", "jid", s.JID.Bare().String(), "err", err)
		st = stanza.New(stanza.Presence, "subscribe", i.JID, s.JID.Bare(), "")
	}
	ev.Deliver(s, st)
}

// unavailable takes a resource's last presence (section 4.5), whether its
// client sends it or the server for it.
func (m *presence) unavailable(ctx context.Context, ev *route.Event, s *session.Session) {
	if s.Available() {
		m.tell(ctx, ev, s, m.rosterOf(ctx, ev.Pass, s.JID.Local()))
		s.SetPresence(nil, 0)
	}
	if known := states.Peek(s); known != nil {
		f := ev.Fan(ev.Stanza)
		for to := range known.take() { // section 4.6.3
			f.Submit(ctx, s, to)
		}
	}
}

// unbound sends unavailable presence for a resource that is gone.
func (m *presence) unbound(ctx context.Context, ev *route.SessionEvent) ext.Verdict {
	s := ev.Session
	if known := states.Peek(s); s.Available() || known != nil {
		ev.Host.Submit(context.WithoutCancel(ctx), s, stanza.New(stanza.Presence, "unavailable", s.JID, jid.JID{}, ""), nil)
	}
	return ext.Next
}
