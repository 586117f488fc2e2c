// SPDX-License-Identifier: Apache-2.0

// Package smacks is stream management (XEP-0198, version 1.6.3): stanzas are
// acknowledged, and a session whose connection broke is resumed on another.
package smacks

import (
	"context"
	"time"

	"tercet/config"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/csi"
)

// Module is the stream management module.
var Module = module.Define("smacks", module.OnHost, options{
	Hibernation: 10 * time.Minute, MaxQueue: 500, MaxAck: 5000, MaxQueues: 16 << 20, MaxInactive: 256, MaxAckDelay: 30 * time.Second, MaxOld: 10,
}, load)

type options struct {
	Hibernation time.Duration `lua:"smacks_hibernation_time" min:"0" doc:"How long a session whose connection broke waits to be resumed."`
	MaxQueue    int           `lua:"smacks_max_queue_size" min:"1" doc:"Most stanzas kept for a session whose connection broke; beyond, it ends."`
	MaxAck      int           `lua:"max_ack_queue" min:"1" doc:"Most stanzas on their way to a connected client that has not acknowledged them; beyond, its session ends. At least smacks_max_queue_size."`
	MaxQueues   config.Size   `lua:"smacks_max_queues" min:"65536" doc:"Most bytes kept for all sessions together, beside 64 KiB each; a session that needs more ends."`
	MaxUnacked  int           `lua:"smacks_max_unacked_stanzas" min:"0" doc:"Stanzas that may be unacknowledged before the client is asked."`
	MaxInactive int           `lua:"smacks_max_inactive_unacked_stanzas" min:"0" doc:"The same while the client is inactive (XEP-0352), if that is more."`
	MaxAckDelay time.Duration `lua:"smacks_max_ack_delay" min:"0" doc:"Time without an answer to a request after which a client counts as delayed; 0: never."`
	MaxOld      int           `lua:"smacks_max_old_sessions" min:"0" doc:"Ended sessions of an account of which the count is remembered, so that a failed resumption can tell it."`
}

// Events for those who act on sessions without a connection, such as push.
var (
	// HibernationStart is fired when a session has lost its connection and
	// waits to be resumed.
	HibernationStart = ext.NewHook[HibernationEvent]("smacks-hibernation-start")
	// HibernationQueued is fired for each stanza that such a session is kept.
	HibernationQueued = ext.NewHook[QueuedEvent]("smacks-hibernation-stanza-queued")
	// HibernationEnd is fired when it was resumed, or given up.
	HibernationEnd = ext.NewHook[HibernationEvent]("smacks-hibernation-end")
	// AckDelayed is fired when a client has not answered in smacks_max_ack_delay.
	AckDelayed = ext.NewHook[HibernationEvent]("smacks-ack-delayed")
	// DeliveryFailed is fired for each stanza that an ended session has not
	// acknowledged. Stop means that it is in good hands; else it is treated as
	// for a resource that is not there.
	DeliveryFailed = ext.NewHook[FailureEvent]("delivery/failure")
)

// A HibernationEvent tells of a session and what it has not acknowledged.
type HibernationEvent struct {
	Session *session.Session
	Host    *route.Host
	Pass    ext.Pass
	Queue   []*stanza.Stanza
	Resumed bool
	Since   time.Time     // when it lost its connection; zero if it has one
	Limit   time.Duration // how long it waits from then on
}

// Wait has a session that still waits do so until d from now, whatever Limit
// said; 0 gives it up. It reports whether the session waits.
func (ev *HibernationEvent) Wait(d time.Duration) (waits bool) {
	q := queues.Of(ev.Session)
	ev.Session.Locked(session.FilterCount, nil, func(session.Delivery) {
		if waits = !q.since.IsZero() && q.since.Equal(ev.Since); waits {
			q.until = time.Now().Add(d)
		}
	})
	return waits
}

// A QueuedEvent tells of a stanza for a session without a connection.
type QueuedEvent struct {
	Session *session.Session
	Host    *route.Host
	Pass    ext.Pass
	Stanza  *stanza.Stanza
}

// A FailureEvent tells of a stanza that may not have reached its resource.
type FailureEvent struct {
	*route.Event
	Session *session.Session
	At      time.Time // when it was to reach it
}

const (
	ns3      = "urn:xmpp:sm:3"
	ns2      = "urn:xmpp:sm:2"
	nsDelay  = "urn:xmpp:delay"
	nsStanza = "urn:ietf:params:xml:ns:xmpp-stanzas"
)

// current is the instance at work, for queues that outlive one.
var current = ext.NewService[*smacks]("smacks")

type smacks struct {
	options
	scope *module.Scope
	host  *hostState
}

func load(s *module.Scope, o options) error {
	m := &smacks{o, s, hostStates.Of(s.Host)}
	stream.Features.Handle(s, -3, m.feature)
	for _, ns := range [...]string{ns3, ns2} {
		for local, fn := range map[string]func(context.Context, *stream.Event) ext.Verdict{
			"enable": m.enable, "resume": m.resume, "r": m.request, "a": m.answer,
		} {
			stream.Nonza.Handle(s, element.Name{Space: ns, Local: local}, 0, fn)
		}
	}
	current.Offer(s, m)
	csi.Inactive.Handle(s, 0, m.activity(true))
	csi.Active.Handle(s, 0, m.activity(false))
	stream.Idle.Handle(s, 0, m.idle)
	route.Detached.Handle(s, 0, m.hibernate)
	route.Unbound.Handle(s, 0, m.unbound)
	s.Every(time.Second, m.sweep)
	return nil
}

// feature offers management before binding, for resumption, and after it.
var (
	feature3 = element.New(ns3, "sm").Element()
	feature2 = element.New(ns2, "sm").Element()
)

func (m *smacks) feature(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if ev.Stream.User() != "" {
		ev.Add(feature3)
		ev.Add(feature2)
	}
	return ext.Next
}

func failed(st *stream.Stream, ns, condition string) {
	st.Send(element.New(ns, "failed").Open(nsStanza, condition).Element())
}

// enable begins to count in both directions (XEP-0198 section 3).
func (m *smacks) enable(_ context.Context, ev *stream.Event) ext.Verdict {
	st, ns := ev.Stream, ev.Element.Space()
	s := route.SessionOf(st)
	if s == nil || s.Ended() {
		failed(st, ns, "unexpected-request")
		return ext.Stop
	}
	q := queues.Of(s)
	if q.on.Load() {
		failed(st, ns, "unexpected-request")
		return ext.Stop
	}
	q.ns, q.session, q.host, q.sum, q.options = ns, s, m.scope.Host, &m.host.bytes, m.options
	b := element.New(ns, "enabled")
	if wants(ev.Element) && m.Hibernation > 0 {
		q.keep = m.hibernation(ev.Element)
		q.id = stanza.NewID()
		b.Attr("id", q.id).Attr("resume", "true").Attr("max", seconds(q.keep))
	}
	enabled := b.Element().AppendTo(nil, element.NSClient)
	q.on.Store(true)
	m.host.remember(q.id, s)
	s.Progress().Start(st, q.grown)
	s.SetFilter(session.FilterCount, q, st.Cork(), func(d session.Delivery) { d.Write(enabled) })
	return ext.Stop
}

func wants(e element.Element) bool {
	v := e.Attr("resume")
	return v == "true" || v == "1"
}

// request answers <r/> with what is done, and once more when all that had come
// by now is (an archive commits in its own time).
func (m *smacks) request(_ context.Context, ev *stream.Event) ext.Verdict {
	q, s := m.managed(ev.Stream)
	if q == nil {
		failed(ev.Stream, ev.Element.Space(), "unexpected-request")
		return ext.Stop
	}
	if begun, done := s.Progress().Counts(); begun != done {
		q.owe(begun)
		if _, now := s.Progress().Counts(); now == begun {
			q.owe(0)
		}
	}
	s.Locked(session.FilterCount, ev.Stream.Cork(), q.report)
	return ext.Stop
}

// answer takes the client's <a/>.
func (m *smacks) answer(_ context.Context, ev *stream.Event) ext.Verdict {
	q, s := m.managed(ev.Stream)
	if q == nil {
		failed(ev.Stream, ev.Element.Space(), "unexpected-request")
		return ext.Stop
	}
	h, ok := parseCount(ev.Element.Attr("h"))
	if !ok {
		ev.Stream.End(stream.Fail(stream.BadFormat, "h is a number from 0 to 4294967295"))
		return ext.Stop
	}
	if s.Ended() {
		return ext.Stop // what was kept has found another way
	}
	s.Locked(session.FilterCount, ev.Stream.Cork(), func(d session.Delivery) {
		if cause := q.acknowledge(h); cause != nil {
			defer ev.Stream.End(cause)
			return
		}
		q.asked, q.options = time.Time{}, m.options // as they are after a reload
		q.ask(d)
	})
	return ext.Stop
}

// activity takes the client's word that it is inactive, or active again.
func (m *smacks) activity(idle bool) ext.Handler[csi.StateEvent] {
	return func(_ context.Context, ev *csi.StateEvent) ext.Verdict {
		q := queues.Of(ev.Session)
		ev.Session.Locked(session.FilterCount, ev.Stream.Cork(), func(d session.Delivery) {
			q.idle = idle
			if q.on.Load() {
				q.ask(d)
			}
		})
		return ext.Next
	}
}

// managed finds the session of a stream and its queue, if management is on.
func (m *smacks) managed(st *stream.Stream) (*queue, *session.Session) {
	s := route.SessionOf(st)
	if s == nil {
		return nil, nil
	}
	q := queues.Peek(s)
	if q == nil || !q.on.Load() {
		return nil, nil
	}
	return q, s
}

// answerTime is how long a silent client has for an answer before it is given
// up.
const answerTime = 30 * time.Second

// idle asks a silent client; one that has not answered a question for long is
// given up.
func (m *smacks) idle(_ context.Context, ev *stream.LifeEvent) ext.Verdict {
	q, s := m.managed(ev.Stream)
	if q == nil {
		return ext.Next
	}
	gone := false
	s.Locked(session.FilterCount, ev.Stream.Cork(), func(d session.Delivery) {
		if gone = !q.asked.IsZero() && time.Since(q.asked) > answerTime; gone {
			return
		}
		if q.asked.IsZero() {
			q.asked, q.delayed = time.Now(), false
		}
		d.Write(q.r())
	})
	if gone {
		ev.Stream.End(stream.Fail(stream.ConnectionTimeout, "no answer"))
	}
	return ext.Stop
}
