// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/core/transport"
)

// fromClient routes what a local client has sent on its bound stream. It
// stamps the stanza, which nobody else knows yet, with the sender's full JID.
func (h *Host) fromClient(ctx context.Context, s *session.Session, from *stream.Stream, st *stanza.Stanza, k *transport.Cork) {
	ev := newEvent(st)
	defer ev.over()
	ev.Origin, ev.Host, ev.Cork, ev.root = s, h, k, true
	if p := s.Progress(); p.On() {
		n, ok := p.Begin(from)
		if !ok {
			return // the session has moved to another stream
		}
		ev.work = &work{of: s, n: n}
		ev.work.left.Store(1)
		defer ev.work.done()
	}
	if said := st.From; !said.IsZero() && said != s.JID && said != s.JID.Bare() {
		from.End(stream.Fail(stream.InvalidFrom, "")) // RFC 6120 section 8.1.2.1
		return
	}
	st.From = s.JID
	ev.submit(ctx)
}

// Submit routes a stanza as if the session's client had sent it: it meets the
// hooks of the sender's side. Presence that the server makes for a client
// (its last one, at the end) goes this way.
func (h *Host) Submit(ctx context.Context, s *session.Session, st *stanza.Stanza, k *transport.Cork) {
	ev := &Event{Stanza: st, Origin: s, Host: h, Cork: k}
	ev.submit(ctx)
}

func (ev *Event) submit(ctx context.Context) {
	ev.Pass = ev.Host.Table.Enter()
	defer ev.Pass.Leave()
	ev.leaveHome(ctx)
}

// leaveHome takes the stanza through the hooks of the sender's side, within the
// event's pass.
func (ev *Event) leaveHome(ctx context.Context) {
	st := ev.Stanza
	if cause := check(st); cause != nil {
		ev.Bounce(ctx, cause)
		return
	}
	t := ev.target(st)
	if Before.Fire(ctx, ev.Pass, ev) == ext.Stop {
		return
	}
	if Out[st.Kind][t].Fire(ctx, ev.Pass, ev) == ext.Stop {
		return
	}
	ev.dispatch(ctx)
}

// target finds what the sender means. Its own bare JID and no address at all
// mean the account itself.
func (ev *Event) target(st *stanza.Stanza) Target {
	to := st.To
	switch {
	case to.IsZero(), to == ev.Origin.JID.Bare():
		ev.ToSelf = true
		if !to.IsZero() {
			ev.Stanza = st.WithTo(jid.JID{})
		}
		return Bare
	}
	return targetOf(to)
}

func targetOf(to jid.JID) Target {
	switch {
	case to.Local() == "":
		return ToHost
	case to.Resource() == "":
		return Bare
	}
	return Full
}

// check answers what RFC 6120 section 8.2.3 asks of a client's IQ.
func check(st *stanza.Stanza) *stanza.Error {
	if st.Kind != stanza.IQ {
		return nil
	}
	switch st.Type {
	case "get", "set":
		n := 0
		for range st.Children() {
			n++
		}
		if n != 1 || st.ID == "" {
			return stanza.Fail(stanza.BadRequest, "")
		}
	case "result", "error":
		if st.ID == "" {
			return stanza.Fail(stanza.BadRequest, "")
		}
	default:
		return stanza.Fail(stanza.BadRequest, "")
	}
	return nil
}

// dispatch takes the stanza to its destination.
func (ev *Event) dispatch(ctx context.Context) {
	st := ev.Stanza
	dest := ev.destination()
	if dest == nil {
		ev.remote(ctx)
		return
	}
	account := st.To.Local()
	if st.To.IsZero() {
		account = st.From.Local()
	}
	if account == "" || (st.Kind == stanza.IQ && st.To.Resource() == "") {
		ev.arrive(ctx, dest)
		return
	}
	if l := dest.place(account); ev.enter(&l.Lane) {
		defer leave(&l.Lane, ev.root)
		ev.arrive(ctx, dest)
	} else {
		l.take(ctx, ev, dest)
	}
}

// destination is the host of ours that the stanza is for, or nil.
func (ev *Event) destination() *Host {
	if to := ev.Stanza.To; !to.IsZero() {
		return ev.Host.Router.Host(to.Domain())
	}
	return ev.Host
}

// arrive fires the hooks of the destination. It runs in the destination's lane.
func (ev *Event) arrive(ctx context.Context, dest *Host) {
	if dest == ev.Host && ev.Pass != (ext.Pass{}) { // the sender's is as good
		ev.come(ctx)
		return
	}
	ev.Host = dest
	p := dest.Table.Enter()
	defer p.Leave()
	sender := ev.Pass
	ev.Pass = p
	defer func() { ev.Pass = sender }()
	ev.come(ctx)
}

// come fires the hooks of the event's host for what has arrived there.
func (ev *Event) come(ctx context.Context) {
	st := ev.Stanza
	t := Bare
	if !ev.ToSelf {
		t = targetOf(st.To)
	}
	if In[st.Kind][t].Fire(ctx, ev.Pass, ev) == ext.Stop {
		return
	}
	if ev.ToSelf && In[st.Kind][Self].Fire(ctx, ev.Pass, ev) == ext.Stop {
		return
	}
	if st.Kind == stanza.Presence {
		return // RFC 6121 section 8.5: ignored
	}
	ev.Bounce(ctx, stanza.Fail(stanza.ServiceUnavailable, ""))
}

// Within runs fn with an event for a stanza at the host, outside of any other
// event.
func (h *Host) Within(st *stanza.Stanza, fn func(ev *Event)) {
	p := h.Table.Enter()
	defer p.Leave()
	fn(&Event{Stanza: st, Host: h, Pass: p})
}
