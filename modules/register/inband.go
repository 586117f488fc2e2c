// SPDX-License-Identifier: Apache-2.0

package register

import (
	"context"
	"errors"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// attempts counts what a stream has asked for.
type attempts struct{ n int }

var perStream = slot.New[attempts]("register")

// early answers a client that has no account yet (XEP-0077 section 3.1).
func (m *register) early(_ context.Context, ev *stream.Event) ext.Verdict {
	st, e := ev.Stream, ev.Element
	if st.Kind() != "c2s" || (st.User() != "" && m.Allow) {
		reply(st, e, stanza.Fail(stanza.ServiceUnavailable, ""))
		return ext.Stop
	}
	a := perStream.Of(st)
	if a.n++; a.n > maxAttempts {
		st.End(stream.Fail(stream.PolicyViolation, "too many requests"))
		return ext.Stop
	}
	switch {
	case !m.Allow:
		reply(st, e, stanza.Fail(stanza.ServiceUnavailable, "Registration is not open here."))
	case m.Encryption && !st.Secured:
		reply(st, e, stanza.Fail(stanza.PolicyViolation, "Encryption is required."))
	case e.Attr("type") == "get":
		answer(st, e, m.form())
	case !e.First().Child(ns, "remove").IsZero():
		reply(st, e, stanza.Fail(stanza.RegistrationRequired, ""))
	default:
		st.Then(func(ctx context.Context) error {
			err := m.create(ctx, st, e.First())
			var cause *stanza.Error
			switch {
			case err == nil:
				answer(st, e, element.Element{})
			case errors.As(err, &cause):
				reply(st, e, cause)
			default:
				m.scope.Log.ErrorContext(ctx, "account not registered", "stream", st.ID, "err", err)
				reply(st, e, stanza.Fail(stanza.InternalServerError, ""))
			}
			return nil
		})
	}
	return ext.Stop
}

// create makes the account that a filled-in form asks for.
func (m *register) create(ctx context.Context, st *stream.Stream, query element.Element) error {
	fields, err := m.read(query)
	if err != nil {
		return err
	}
	user, password := fields["username"], fields["password"]
	delete(fields, "username")
	delete(fields, "password")
	if user, err = auth.PrepUser(user); err != nil {
		return stanza.Fail(stanza.NotAcceptable, "The requested username is invalid.")
	}
	if cause := m.refused(ctx, st, user, fields); cause != nil {
		return cause
	}
	accounts, err := m.scope.Env.Accounts(m.scope.Host)
	if err != nil {
		return refusal(err)
	}
	if found, err := accounts.Exists(ctx, user); err != nil {
		return refusal(err)
	} else if found {
		return refusal(auth.ErrExists)
	}
	if err := accounts.Register(ctx, user, password, m.actor(st)); err != nil {
		return refusal(err)
	}
	if err := m.keep(ctx, user, fields); err != nil {
		return errors.Join(err, accounts.Remove(ctx, user, m.actor(st), nil)) // the client is told that there is none
	}
	m.scope.Log.InfoContext(ctx, "account registered", "jid", user+"@"+m.scope.Host.Name, "remote", st.Remote.Addr())
	return nil
}

// refused asks the modules.
func (m *register) refused(ctx context.Context, st *stream.Stream, user string, fields map[string]string) *stanza.Error {
	p := m.scope.Host.Table.Enter()
	defer p.Leave()
	ev := Event{Stream: st, Pass: p, User: user, Host: m.scope.Host.Name, Remote: st.Remote.Addr().Unmap(), Fields: fields}
	Registering.Fire(ctx, p, &ev)
	return ev.Err
}

// answer sends a result to a stream that has no session.
func answer(st *stream.Stream, request, payload element.Element) {
	b := start(request, "result")
	if !payload.IsZero() {
		b.Child(payload)
	}
	st.Send(b.Element())
}

func reply(st *stream.Stream, request element.Element, cause *stanza.Error) {
	st.Send(start(request, "error").Child(cause.Element()).Element())
}

func start(request element.Element, kind string) *element.Builder {
	b := element.New(element.NSClient, "iq").Attr("type", kind).Attr("id", request.Attr("id"))
	if to := request.Attr("to"); to != "" {
		b.Attr("from", to)
	}
	return b
}
