// SPDX-License-Identifier: Apache-2.0

package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/stream"
)

const (
	// maxFailures is how often a stream may fail to prove who it is; RFC 6120
	// section 6.4.5 asks for 2 to 5.
	maxFailures = 3
	// maxTries bounds all that a stream may begin: a client may have to go
	// through each mechanism to find the one that it can do.
	maxTries = 12
	// stepTime is how long a mechanism may work on one message. It is less than
	// what a module has to close.
	stepTime = 15 * time.Second
)

// handler is fn for streams that are authenticated here.
func (m *sasl) handler(fn func(*sasl, *stream.Event, *negotiation)) ext.Handler[stream.Event] {
	return func(_ context.Context, ev *stream.Event) ext.Verdict {
		if !speaks(ev.Stream) {
			return ext.Next
		}
		fn(m, ev, perStream.Of(ev.Stream))
		return ext.Stop
	}
}

// auth begins an exchange (RFC 6120 section 6.4.2).
func (m *sasl) auth(ev *stream.Event, n *negotiation) {
	st, name := ev.Stream, ev.Element.Attr("mechanism")
	mech, known := auth.Mechanisms.Get(ev.Pass, name)
	n.exchange, n.mechanism = nil, "" // what was at work is given up
	if known {
		n.mechanism = name // else it may be anything
	}
	n.tries++
	if until, banned := m.banned(st); banned {
		st.End(stream.Fail(stream.PolicyViolation, "too many failed logins from this address; try again after "+until.UTC().Format(time.RFC3339)))
		return
	}
	accounts, ok := auth.Accounts.In(ev.Pass)
	switch {
	case !st.Secured && (m.Encryption || (m.Insecure.Has(name) && known && !m.Disabled.Has(name))):
		m.refuse(st, n, &auth.Failure{Condition: auth.EncryptionRequired})
		return
	case !known || !ok || !slices.Contains(n.offered, name):
		m.refuse(st, n, &auth.Failure{Condition: auth.InvalidMechanism})
		return
	}
	initial, err := payload(ev.Element, true)
	if err != nil {
		m.refuse(st, n, err)
		return
	}
	c := channel(st)
	c.Offered, c.Bindings, c.Log = n.offered, n.bindings, m.scope.Log.With("stream", st.ID)
	n.exchange = mech.Start(accounts, c)
	m.step(st, n, initial)
}

// response goes on with it (section 6.4.3).
func (m *sasl) response(ev *stream.Event, n *negotiation) {
	msg, err := payload(ev.Element, false)
	switch {
	case n.exchange == nil:
		n.tries++
		m.refuse(ev.Stream, n, &auth.Failure{Condition: auth.MalformedRequest, Text: "there is no exchange to go on with"})
	case err != nil:
		m.refuse(ev.Stream, n, err)
	default:
		m.step(ev.Stream, n, msg)
	}
}

// abort ends it (section 6.4.4).
func (m *sasl) abort(ev *stream.Event, n *negotiation) {
	if n.exchange == nil {
		n.tries++
	}
	m.refuse(ev.Stream, n, &auth.Failure{Condition: auth.Aborted})
}

// payload reads the base64 of a message (section 6.4.2): "=" is an empty one,
// nothing at all is none where that makes a difference.
func payload(e element.Element, initial bool) ([]byte, error) {
	text := e.Text()
	switch {
	case !e.First().IsZero():
		return nil, &auth.Failure{Condition: auth.MalformedRequest}
	case text == "" && initial:
		return nil, nil
	case text == "", text == "=":
		return []byte{}, nil
	case strings.ContainsAny(text, "\r\n"): // which Go's decoder would skip
		return nil, &auth.Failure{Condition: auth.IncorrectEncoding}
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, &auth.Failure{Condition: auth.IncorrectEncoding}
	}
	return b, nil
}

// then runs fn outside of the pass, in the stream's goroutine. It holds the
// module only then: of a stream that ends before, as by a panic, fn never runs.
func (m *sasl) then(st *stream.Stream, n *negotiation, fn func(context.Context)) {
	st.Then(func(ctx context.Context) error {
		defer m.scope.Hold()()
		if m.scope.Context().Err() != nil { // it was closed in between: the client may try again
			m.fail(ctx, st, n, &auth.Failure{Condition: auth.TemporaryAuthFailure})
			return nil
		}
		fn(ctx)
		return nil
	})
}

// step hands a message to the mechanism, which may ask a database or compute
// for long.
func (m *sasl) step(st *stream.Stream, n *negotiation, msg []byte) {
	m.then(st, n, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, stepTime)
		defer cancel()
		challenge, done, err := n.exchange.Next(ctx, msg)
		switch {
		case err != nil:
			m.fail(ctx, st, n, err)
		case done:
			m.succeed(ctx, st, n, challenge)
		default:
			st.Send(element.New(nsSASL, "challenge").Text(base64.StdEncoding.EncodeToString(challenge)).Element())
		}
	})
}

// succeed tells the client that it is who it says (section 6.4.6). What it has
// sent behind its last message belongs to the stream that begins now.
func (m *sasl) succeed(ctx context.Context, st *stream.Stream, n *negotiation, data []byte) {
	user := n.exchange.User()
	if st.Cause() != nil {
		return // ended meanwhile
	}
	st.Authenticate(user)
	m.scope.Log.InfoContext(ctx, "authenticated", "remote", remote(st), "user", user, "mechanism", n.mechanism, "stream", st.ID)
	m.tell(ctx, auth.Success, st, n, user, nil)
	perStream.Clear(st)
	success := element.New(nsSASL, "success")
	if data != nil {
		success.Text(encode(data))
	}
	st.Send(success.Element())
	st.Restart()
}

func encode(data []byte) string {
	if len(data) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(data)
}

// refuse is fail where no exchange has begun, in a handler.
func (m *sasl) refuse(st *stream.Stream, n *negotiation, err error) {
	m.then(st, n, func(ctx context.Context) { m.fail(ctx, st, n, err) })
}

// fail ends the exchange and tells the client, who may try again; not for ever.
func (m *sasl) fail(ctx context.Context, st *stream.Stream, n *negotiation, err error) {
	n.exchange = nil
	f, ok := errors.AsType[*auth.Failure](err)
	if !ok {
		m.scope.Log.ErrorContext(ctx, "login failed for a fault of the server", "remote", remote(st), "mechanism", n.mechanism, "stream", st.ID, "err", err)
		f = &auth.Failure{Condition: auth.TemporaryAuthFailure}
	}
	e := element.New(nsSASL, "failure").Open(nsSASL, f.Condition).Close()
	if f.Text != "" {
		e.Open(nsSASL, "text").AttrNS(element.NSXML, "lang", "en").Text(f.Text).Close()
	}
	st.Send(e.Element())
	// The address comes before what the client chose, and in this order:
	// programs read it (README.md).
	m.scope.Log.InfoContext(ctx, "failed login", "remote", remote(st), "condition", f.Condition, "mechanism", n.mechanism, "user", f.User, "stream", st.ID)
	m.tell(ctx, auth.Failed, st, n, f.User, f)
	if m.count(ctx, st, n, f) {
		st.End(stream.Fail(stream.PolicyViolation, "too many failed logins"))
	}
}

// remote is the client's address for logs.
func remote(st *stream.Stream) string { return st.Remote.Addr().Unmap().String() }

func (m *sasl) tell(ctx context.Context, hook ext.Hook[auth.LoginEvent], st *stream.Stream, n *negotiation, user string, f *auth.Failure) {
	p := st.Table.Enter()
	defer p.Leave()
	hook.Fire(ctx, p, &auth.LoginEvent{User: user, Host: st.Host, Mechanism: n.mechanism, Remote: st.Remote.Addr().Unmap(), Failure: f, Pass: p})
}

// count counts a failure and reports whether the stream has had enough of them.
func (m *sasl) count(ctx context.Context, st *stream.Stream, n *negotiation, f *auth.Failure) bool {
	switch f.Condition {
	case auth.NotAuthorized, auth.InvalidAuthzid: // these may be guesses
		n.failures++
		if m.limited(st) && m.attempts.failed(st.Remote.Addr(), time.Now(), m.MaxFailures, m.Ban) {
			m.scope.Log.WarnContext(ctx, "too many failed logins: the address may not log in for a while", "remote", remote(st), "for", m.Ban)
			return true
		}
	case auth.MalformedRequest, auth.IncorrectEncoding, auth.AccountDisabled, auth.CredentialsExpired:
		n.failures++
	}
	return n.failures >= maxFailures || n.tries >= maxTries
}

func (m *sasl) limited(st *stream.Stream) bool {
	a := st.Remote.Addr()
	return m.MaxFailures > 0 && a.IsValid() && !m.Unlimited.contain(a)
}

func (m *sasl) banned(st *stream.Stream) (until time.Time, yes bool) {
	if !m.limited(st) {
		return until, false
	}
	return m.attempts.banned(st.Remote.Addr(), time.Now())
}
