// SPDX-License-Identifier: Apache-2.0

// Package route carries stanzas from who sent them through the hooks of the
// modules to who shall have them (RFC 6120 section 10, RFC 6121 section 8).
package route

import (
	"context"
	"sync"
	"sync/atomic"

	"tercet/core/ext"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/core/stream"
	"tercet/core/transport"
)

// A Target is what a stanza is addressed to.
type Target uint8

// The targets. Self is an account's own bare JID, also when it is left out.
const (
	Full Target = iota
	Bare
	ToHost
	Self
)

func (t Target) String() string { return [...]string{"full", "bare", "host", "self"}[t] }

// An Event is one stanza on its way. One Event serves all hooks that it meets,
// and other stanzas after that: what outlasts the hooks copies it, but for an
// IQ's.
type Event struct {
	Stanza *stanza.Stanza   // shared and immutable: to change it, put With(...) here
	Origin *session.Session // the local client's session; nil when it came from elsewhere
	Host   *Host            // whose hooks are fired
	Pass   ext.Pass
	ToSelf bool // the sender addressed its own account
	Copy   bool // one of many alike, by a Fan
	Cork   *transport.Cork
	Shadow any // what a runtime of guests keeps beside the stanza, while the event lives

	work *work
	hops int16 // sends that led to this one
	deep int16 // of them, nested in this goroutine
	root bool  // nothing but a stream's goroutine is below: no handler, no lock
}

// Out holds the hooks that a local client's stanza meets first
// ("pre-message/full"), In those at its destination ("message/full"); indexed
// by Kind and Target. A stopped event is done with: who stops it has answered.
var (
	Out = hooks("pre-")
	In  = hooks("")
)

// Before is fired for each stanza of a local client, before Out.
var Before = ext.NewHook[Event]("pre-stanza")

func hooks(prefix string) (h [3][4]ext.Hook[Event]) {
	for k := range h {
		for t := range h[k] {
			h[k][t] = ext.NewHook[Event](prefix + stanza.Kind(k).String() + "/" + Target(t).String())
		}
	}
	return h
}

const (
	maxDeep = 8  // nested sends; more are queued
	maxHops = 64 // sends that cause each other; more are dropped
)

// work counts what is still to be done for a stanza that the client wants
// acknowledged.
type work struct {
	of   *session.Session
	n    session.Ticket
	left atomic.Int32
}

func (w *work) add() {
	if w != nil {
		w.left.Add(1)
	}
}

func (w *work) done() {
	if w != nil && w.left.Add(-1) == 0 {
		w.of.Progress().Finish(w.n)
	}
}

// Await has the acknowledgement of the stanza (XEP-0198) wait until what was
// stored is safe. Delivery does not wait; the sender's reader does, when much
// of what it has sent is not safe.
func (ev *Event) Await(c storage.Commit) {
	if c.Done() && c.Err() == nil {
		return
	}
	w, waits := ev.work, ev.wait()
	w.add()
	c.Then(func(err error) {
		waits.over()
		if err == nil {
			w.done()
			return
		}
		w.lost()
	})
}

// Lost says that the stanza should have been stored and was not: it is not
// acknowledged.
func (ev *Event) Lost() {
	ev.work.add()
	ev.work.lost()
}

// lost leaves the work undone for ever.
func (w *work) lost() {
	if w == nil {
		return
	}
	if s := w.of.Stream(); s != nil { // the client sends it again
		s.End(stream.Fail(stream.ResourceConstraint, ""))
	}
}

// Send routes a stanza that a handler makes, on behalf of its from address.
func (ev *Event) Send(ctx context.Context, st *stanza.Stanza) {
	next := newEvent(st)
	defer next.over()
	if ev.leads(ctx, next) {
		next.dispatch(ctx)
	}
}

// leads makes next follow from ev; false if that is one too many.
func (ev *Event) leads(ctx context.Context, next *Event) bool {
	if ev.hops >= maxHops {
		ev.Host.Log.WarnContext(ctx, "stanza dropped: modules answer each other without end", "jid", next.Stanza.To.String())
		return false
	}
	next.Host, next.Cork, next.work, next.hops, next.deep = ev.Host, ev.Cork, ev.work, ev.hops+1, ev.deep+1
	return true
}

// events are those that are over: memory for the next.
var events = sync.Pool{New: func() any { return new(Event) }}

func newEvent(st *stanza.Stanza) *Event {
	ev, _ := events.Get().(*Event)
	ev.Stanza = st
	return ev
}

// over gives the event back, unless a handler of an IQ may still have it.
func (ev *Event) over() {
	if ev.Stanza.Kind != stanza.IQ {
		*ev = Event{}
		events.Put(ev)
	}
}

// Later is a copy of an IQ's event for who answers from another goroutine,
// when the hooks may be over. It has no share in the sender's pass, cork and
// frame: what it sends is written at once.
func (ev *Event) Later() *Event {
	return &Event{Stanza: ev.Stanza, Origin: ev.Origin, Host: ev.Host, ToSelf: ev.ToSelf, hops: ev.hops}
}

// Deliver gives a stanza to a session, in step with the event's other output.
func (ev *Event) Deliver(s *session.Session, st *stanza.Stanza) bool {
	return s.Deliver(st, ev.Cork)
}

// Reply sends a stanza back to who sent the event's.
func (ev *Event) Reply(ctx context.Context, st *stanza.Stanza) {
	if ev.Origin != nil {
		ev.Origin.Deliver(st, ev.Cork)
		return
	}
	ev.Send(ctx, st)
}

// Bounce answers the event's stanza with an error, unless it must not be
// answered (RFC 6120 section 8.3.1).
func (ev *Event) Bounce(ctx context.Context, cause *stanza.Error) {
	if st := stanza.ErrorReply(ev.Stanza, cause); st != nil {
		ev.Reply(ctx, st)
	}
}
