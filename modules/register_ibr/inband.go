// SPDX-License-Identifier: Apache-2.0

package register_ibr

import (
	"context"
	"errors"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// attempts counts what a stream has asked for.
type attempts struct{ n int }

var perStream = slot.New[attempts]("register")

// closed is told where nobody may register.
func closed() *stanza.Error {
	return stanza.Fail(stanza.ServiceUnavailable, "Registration is not open here.")
}

// early answers a client that has no account yet (XEP-0077 section 3.1).
func (m *register) early(_ context.Context, ev *stream.Event) ext.Verdict {
	st, e := ev.Stream, ev.Element
	if st.Kind() != "c2s" || st.User() != "" {
		reply(st, e, stanza.Fail(stanza.ServiceUnavailable, ""))
		return ext.Stop
	}
	a := perStream.Of(st)
	if a.n++; a.n > maxAttempts {
		st.End(stream.Fail(stream.PolicyViolation, "too many requests"))
		return ext.Stop
	}
	switch {
	case !m.open(ev.Pass):
		reply(st, e, closed())
	case m.Encryption && !st.Secured:
		reply(st, e, stanza.Fail(stanza.PolicyViolation, "Encryption is required."))
	case e.Attr("type") == "get":
		answer(st, e, m.form())
	case !e.First().Child(ns, "remove").IsZero():
		reply(st, e, stanza.Fail(stanza.RegistrationRequired, ""))
	default:
		st.Then(func(ctx context.Context) error {
			m.set(ctx, st, e)
			return nil
		})
	}
	return ext.Stop
}

// set answers a filled-in form.
func (m *register) set(ctx context.Context, st *stream.Stream, e element.Element) {
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
	ev := &Event{Stream: st, User: user, Host: m.scope.Host.Name, Remote: st.Remote.Addr().Unmap(), Fields: fields}
	m.fire(ctx, Registering, ev)
	switch {
	case ev.Err != nil:
		return ev.Err
	case !m.Allow && !ev.Admitted: // a gate that has failed lets nobody in
		return closed()
	}
	by := module.Actor{Source: "register", Remote: ev.Remote}
	accounts, err := m.scope.Env.Accounts(m.scope.Host)
	if err != nil {
		return Refusal(err)
	}
	if found, err := accounts.Exists(ctx, user); err != nil {
		return Refusal(err)
	} else if found {
		return m.reset(ctx, accounts, ev, password, by)
	}
	if err := accounts.Create(ctx, user, password); err != nil {
		return Refusal(err)
	}
	if err := m.keep(ctx, user, fields); err != nil {
		return errors.Join(err, accounts.Remove(ctx, user, by, nil)) // the client is told that there is none
	}
	p := m.scope.Host.Table.Enter()
	defer p.Leave()
	auth.Registered.Fire(ctx, p, &auth.AccountEvent{User: user, Host: ev.Host, Source: by.Source, Remote: by.Remote, Shadow: st, Pass: p})
	m.scope.Log.InfoContext(ctx, "account registered", "jid", user+"@"+m.scope.Host.Name, "remote", ev.Remote)
	return nil
}

// reset gives an account that exists another password, if a module allows it.
func (m *register) reset(ctx context.Context, accounts *module.Accounts, ev *Event, password string, by module.Actor) error {
	if !ev.Reset {
		return Refusal(auth.ErrExists)
	}
	if err := accounts.ChangePassword(ctx, ev.User, password, by, nil); err != nil {
		return Refusal(err)
	}
	m.fire(ctx, Reset, ev)
	m.scope.Log.InfoContext(ctx, "password reset", "jid", ev.User+"@"+m.scope.Host.Name, "remote", ev.Remote)
	return nil
}

// fire asks or tells the modules.
func (m *register) fire(ctx context.Context, hook ext.Hook[Event], ev *Event) {
	p := m.scope.Host.Table.Enter()
	defer p.Leave()
	ev.Pass = p
	hook.Fire(ctx, p, ev)
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
