// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"tercet/core/ext"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/core/transport"
)

// A SessionEvent tells of a connected resource.
type SessionEvent struct {
	Session *session.Session
	Host    *Host
	Pass    ext.Pass
	Stream  *stream.Stream // the one it has, or has just lost
	Cause   error          // why that stream has ended
}

// What happens to connected resources.
var (
	// Bound is fired when a resource has been bound.
	Bound = ext.NewHook[SessionEvent]("resource-bind")
	// Detached is fired when a bound resource has lost its stream. Stop keeps
	// the session for another stream.
	Detached = ext.NewHook[SessionEvent]("pre-resource-unbind")
	// Unbound is fired when a session is over: nothing reaches it any more.
	Unbound = ext.NewHook[SessionEvent]("resource-unbind")
)

// Bind registers a session and has its stream feed it. It returns the session
// that holds the full JID already, if one does, and changes nothing then.
func (h *Host) Bind(s *session.Session) (taken *session.Session) {
	if taken := h.Sessions.Add(s); taken != nil {
		return taken
	}
	if st := s.Stream(); st != nil {
		h.Feed(st, s)
	}
	return nil
}

// Feed gives what arrives on a stream to a session; the session knows of the
// stream by Attach.
func (h *Host) Feed(st *stream.Stream, s *session.Session) { st.Bind(&feed{h, s}) }

// SessionOf is the session that a stream feeds, or nil.
func SessionOf(st *stream.Stream) *session.Session {
	if f, ok := st.Receiver().(*feed); ok {
		return f.s
	}
	return nil
}

type feed struct {
	host *Host
	s    *session.Session
}

func (f *feed) Receive(ctx context.Context, from *stream.Stream, st *stanza.Stanza, k *transport.Cork) {
	f.host.fromClient(ctx, f.s, from, st, k)
	f.s.Backlog().Wait(ctx)
}

// Refused counts what the client counts: the stanza was answered.
func (f *feed) Refused(from *stream.Stream) {
	if p := f.s.Progress(); p.On() {
		if n, ok := p.Begin(from); ok {
			p.Finish(n)
		}
	}
}

func (f *feed) Ended(ctx context.Context, st *stream.Stream, cause error) {
	if f.s.Ended() || f.s.Stream() != st {
		return // it was ended first, or has another stream by now
	}
	if f.kept(ctx, st, cause) {
		return
	}
	f.host.Unbind(ctx, f.s, cause)
	if now := f.s.Stream(); now != nil && now != st { // it took over in between
		now.End(stream.Fail(stream.Reset, ""))
	}
}

func (f *feed) kept(ctx context.Context, st *stream.Stream, cause error) bool {
	p := f.host.Table.Enter()
	defer p.Leave()
	ev := SessionEvent{Session: f.s, Host: f.host, Pass: p, Stream: st, Cause: cause}
	return Detached.Fire(ctx, p, &ev) == ext.Stop
}

// Unbind ends a session: nothing reaches it any more, and the modules hear of
// it. It does nothing for a session that is over.
func (h *Host) Unbind(ctx context.Context, s *session.Session, cause error) {
	last := s.Stream()
	if !h.Sessions.Remove(s) {
		return
	}
	p := h.Table.Enter()
	defer p.Leave()
	Unbound.Fire(ctx, p, &SessionEvent{Session: s, Host: h, Pass: p, Stream: last, Cause: cause})
}

// Kick ends a session and its stream with a stream error, from anywhere.
func (h *Host) Kick(ctx context.Context, s *session.Session, cause *stream.Error) {
	h.Unbind(ctx, s, cause)
	if st := s.Stream(); st != nil { // the last: an ended session takes no other
		st.End(cause)
	}
}
