// SPDX-License-Identifier: Apache-2.0

package smacks

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/message"
)

// hostStates are what a host knows of resumable sessions; they outlive a
// reload of the module.
var hostStates = slot.New[hostState]("smacks")

type hostState struct {
	bytes atomic.Int64 // kept in all queues, beside freeBytes each

	mu       sync.Mutex // guards what follows
	managed  map[*session.Session]struct{}
	sessions map[string]*session.Session // those that can be resumed, by id
	old      map[string][]ended          // by account
}

// ended is what is remembered of a session that can no longer be resumed.
type ended struct {
	id string
	h  uint32
}

func (h *hostState) remember(id string, s *session.Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions == nil {
		h.sessions = make(map[string]*session.Session)
		h.managed = make(map[*session.Session]struct{})
		h.old = make(map[string][]ended)
	}
	h.managed[s] = struct{}{}
	if id != "" {
		h.sessions[id] = s
	}
}

func (h *hostState) find(id string) *session.Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[id]
}

// forget drops a session and remembers its count.
func (h *hostState) forget(q *queue, s *session.Session, limit int) {
	_, count := s.Progress().Counts()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.managed, s)
	if q.id == "" {
		return
	}
	delete(h.sessions, q.id)
	account := s.JID.Local()
	list := append(h.old[account], ended{q.id, count})
	if len(list) > limit {
		list = list[len(list)-limit:]
	}
	if len(list) == 0 {
		delete(h.old, account)
		return
	}
	h.old[account] = list
}

func (h *hostState) lastCount(account, id string) (uint32, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.old[account] {
		if e.id == id {
			return e.h, true
		}
	}
	return 0, false
}

func (h *hostState) all() []*session.Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*session.Session, 0, len(h.managed))
	for s := range h.managed {
		list = append(list, s)
	}
	return list
}

// hibernation is the time that the client asks for, within ours.
func (m *smacks) hibernation(e element.Element) time.Duration {
	if n, err := strconv.Atoi(e.Attr("max")); err == nil && n > 0 {
		return min(m.Hibernation, time.Duration(n)*time.Second)
	}
	return m.Hibernation
}

// settle is how long a resumption waits for the work that stanzas of the old
// connection still cause.
const settle = 5 * time.Second

// resume gives a session the stream that asks for it (XEP-0198 section 5).
func (m *smacks) resume(_ context.Context, ev *stream.Event) ext.Verdict {
	st, e := ev.Stream, ev.Element
	if st.User() == "" || st.Bound() {
		failed(st, e.Space(), "unexpected-request")
		return ext.Stop
	}
	id := e.Attr("previd")
	h, ok := parseCount(e.Attr("h"))
	if id == "" || !ok {
		failed(st, e.Space(), "bad-request")
		return ext.Stop
	}
	s := m.host.find(id)
	if s == nil || s.Ended() || s.JID.Local() != st.User() {
		m.notFound(st, e.Space(), id)
		return ext.Stop
	}
	st.Then(func(ctx context.Context) error { return m.takeOver(ctx, st, s, e.Space(), id, h) })
	return ext.Stop
}

func (m *smacks) notFound(st *stream.Stream, ns, id string) {
	b := element.New(ns, "failed")
	var n uint32
	ok := m.MaxOld > 0
	if s := m.host.find(id); ok && s != nil && s.JID.Local() == st.User() {
		_, n = s.Progress().Counts() // it is over, and will be forgotten in a moment
	} else {
		n, ok = m.host.lastCount(st.User(), id)
	}
	if ok {
		b.Attr("h", count(n))
	}
	st.Send(b.Open(nsStanza, "item-not-found").Element())
}

// takeOver moves the session. What the old stream has read counts; what it has
// not, the client sends again.
func (m *smacks) takeOver(ctx context.Context, st *stream.Stream, s *session.Session, ns, id string, h uint32) error {
	q := queues.Of(s)
	q.moving.Lock() // two streams at once: the last one has the session
	defer q.moving.Unlock()
	var cause *stream.Error
	s.Locked(session.FilterCount, nil, func(session.Delivery) { cause = q.check(h) })
	if cause != nil {
		return cause // the session waits on for who knows better
	}
	done, ok := s.Progress().TakeOver(st, settle)
	if !ok {
		m.scope.Log.WarnContext(ctx, "resumed while stanzas are at work", "jid", s.JID.String())
	}
	q.owe(0)
	m.scope.Host.Feed(st, s)
	old, ok := s.Attach(st, st.Cork(), func(d session.Delivery) {
		if cause = q.acknowledge(h); cause != nil {
			return
		}
		q.ns, q.since, q.asked = ns, time.Time{}, time.Time{}
		q.options, q.idle, q.fresh = m.options, false, nil // XEP-0352 section 4.2: a resumed client is active
		d.Write(element.New(ns, "resumed").Attr("previd", id).Attr("h", count(done)).Element().AppendTo(nil, element.NSClient))
		for _, k := range q.list {
			d.Next(k.stamped(m.scope.Host.Name))
		}
		q.ask(d)
	})
	switch {
	case !ok:
		st.Bind(nil)
		m.notFound(st, ns, id)
		return nil
	case old != nil && old != st:
		old.End(stream.Fail(stream.Conflict, "resumed on another stream"))
	}
	if cause != nil {
		return cause
	}
	m.fire(ctx, HibernationEnd, s, true)
	return nil
}

func (m *smacks) fire(ctx context.Context, hook ext.Hook[HibernationEvent], s *session.Session, resumed bool) {
	p := m.scope.Host.Table.Enter()
	defer p.Leave()
	if !hook.Has(p) {
		return
	}
	ev := &HibernationEvent{Session: s, Host: m.scope.Host, Pass: p, Resumed: resumed}
	s.Locked(session.FilterCount, nil, func(session.Delivery) { ev.look(queues.Of(s)) })
	hook.Fire(ctx, p, ev)
}

// look notes how the session is; its lock is held.
func (ev *HibernationEvent) look(q *queue) {
	ev.Since, ev.Limit = q.since, q.keep
	for _, k := range q.list {
		ev.Queue = append(ev.Queue, k.st)
	}
}

// hibernate keeps a session whose connection broke. One that was closed in
// order, or by an error of the client, is over.
func (m *smacks) hibernate(ctx context.Context, ev *route.SessionEvent) ext.Verdict {
	q := queues.Peek(ev.Session)
	if q == nil || !q.on.Load() || q.id == "" || !resumable(ev.Cause) {
		return ext.Next
	}
	p := m.scope.Host.Table.Enter()
	defer p.Leave()
	start := &HibernationEvent{Session: ev.Session, Host: m.scope.Host, Pass: p}
	told := HibernationStart.Has(p)
	detached := ev.Session.Detach(ev.Stream, func() {
		q.since, q.asked = time.Now(), time.Time{}
		q.until = q.since.Add(q.keep)
		if told {
			start.look(q) // what comes from now on is told by HibernationQueued
		}
	})
	if detached && told {
		HibernationStart.Fire(ctx, p, start)
	}
	return ext.Stop // else another stream has it by now
}

func resumable(cause error) bool {
	if errors.Is(cause, stream.ErrClosed) {
		return false
	}
	if _, ok := errors.AsType[*element.Error](cause); ok {
		return false
	}
	if told, ok := errors.AsType[*stream.Error](cause); ok {
		return told.Condition == stream.ConnectionTimeout || told.Condition == stream.ResourceConstraint
	}
	return true
}

// overflow ends a session whose queue is full.
func (m *smacks) overflow(ctx context.Context, s *session.Session) {
	m.scope.Log.InfoContext(ctx, "stream management queue is full: session ended", "jid", s.JID.String())
	m.scope.Host.Kick(ctx, s, stream.Fail(stream.PolicyViolation, "too many unacknowledged stanzas"))
}

// queued tells of what a session without a connection was kept.
func (m *smacks) queued(ctx context.Context, s *session.Session) {
	q := queues.Of(s)
	var fresh []*stanza.Stanza
	s.Locked(session.FilterCount, nil, func(session.Delivery) { fresh, q.fresh = q.fresh, nil })
	p := m.scope.Host.Table.Enter()
	defer p.Leave()
	for _, st := range fresh {
		HibernationQueued.Fire(ctx, p, &QueuedEvent{Session: s, Host: m.scope.Host, Pass: p, Stanza: st})
	}
}

// sweep ends sessions that were not resumed in time, and tells of clients that
// do not answer.
func (m *smacks) sweep(ctx context.Context) {
	for _, s := range m.host.all() {
		q := queues.Of(s)
		now := time.Now()
		var gone, late bool
		s.Locked(session.FilterCount, nil, func(session.Delivery) {
			gone = !q.since.IsZero() && now.After(q.until)
			late = m.MaxAckDelay > 0 && !q.delayed && !q.asked.IsZero() && now.Sub(q.asked) > m.MaxAckDelay
			q.delayed = q.delayed || late
			q.options = m.options
		})
		switch {
		case gone:
			m.scope.Host.Kick(ctx, s, stream.Fail(stream.ConnectionTimeout, "not resumed"))
		case late:
			m.fire(ctx, AckDelayed, s, false)
		}
	}
}

// unbound finds another way for what a session has not acknowledged.
func (m *smacks) unbound(ctx context.Context, ev *route.SessionEvent) ext.Verdict {
	q := queues.Peek(ev.Session)
	if q == nil || !q.on.Load() {
		return ext.Next
	}
	m.host.forget(q, ev.Session, m.MaxOld)
	var list []kept
	var waited bool
	ev.Session.Locked(session.FilterCount, nil, func(session.Delivery) { waited = !q.since.IsZero() })
	if waited {
		m.fire(ctx, HibernationEnd, ev.Session, false)
	}
	ev.Session.Locked(session.FilterCount, nil, func(session.Delivery) { list = q.unacknowledged() })
	for _, k := range list {
		m.undelivered(ctx, ev.Session, k)
	}
	return ext.Next
}

func (m *smacks) undelivered(ctx context.Context, s *session.Session, k kept) {
	h := m.scope.Host
	h.Within(k.stamped(h.Name), func(ev *route.Event) {
		if DeliveryFailed.Fire(ctx, ev.Pass, &FailureEvent{ev, s, k.at}) == ext.Stop {
			return
		}
		st := ev.Stanza
		if st.Type == "error" || st.From.Bare() == s.JID.Bare() && copied(st) || st.From == s.JID {
			return
		}
		switch st.Kind {
		case stanza.Message:
			ev.Stanza = st.WithTo(s.JID.Bare())
			if again, ok := message.Redelivery.In(ev.Pass); ok && again(ctx, ev) == ext.Stop {
				return
			}
			ev.Stanza = st
			ev.Bounce(ctx, stanza.Fail(stanza.RecipientUnavailable, ""))
		case stanza.IQ:
			if st.Type == "get" || st.Type == "set" {
				ev.Bounce(ctx, stanza.Fail(stanza.ServiceUnavailable, ""))
			}
		case stanza.Presence:
		}
	})
}

// copied reports whether a message of the account is a copy of one that is
// elsewhere: a carbon (XEP-0280) or a result from the archive (XEP-0313).
func copied(st *stanza.Stanza) bool {
	for e := range st.Children() {
		switch e.Space() {
		case "urn:xmpp:carbons:2", "urn:xmpp:mam:2":
			return true
		}
	}
	return false
}
