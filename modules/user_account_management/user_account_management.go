// SPDX-License-Identifier: Apache-2.0

// Package user_account_management lets accounts change their password and
// remove themselves (XEP-0077, version 2.4, sections 3.2 and 3.3).
package user_account_management

import (
	"context"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/module"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/disco"
	"tercet/modules/register_ibr"
)

// Module is what an account does about itself.
var Module = module.Define("user_account_management", module.OnHost, options{Compat: true}, load)

type options struct {
	Compat bool `lua:"registration_compat" doc:"Let clients address the host instead of their own account."`
}

const ns = "jabber:iq:register"

// self is the module on a host.
type self struct{ scope *module.Scope }

func load(s *module.Scope, o options) error {
	m := &self{s}
	disco.Feature.Add(s, ns)
	name := element.Name{Space: ns, Local: "query"}
	iq.Handle(s, iq.Get|iq.Set, iq.Self, name, m.own)
	if o.Compat {
		iq.Handle(s, iq.Get|iq.Set, iq.Host, name, m.own)
	}
	return nil
}

// own answers an account about itself.
func (m *self) own(ctx context.Context, r *iq.Request) (element.Element, error) {
	if r.Origin == nil || r.From.Domain() != m.scope.Host.Name {
		return element.Element{}, stanza.Fail(stanza.NotAllowed, "")
	}
	user := r.From.Local()
	if r.Stanza.Type == "get" {
		return element.New(ns, "query").Open(ns, "registered").Close().
			TextChild(ns, "username", user).Open(ns, "password").Element(), nil
	}
	accounts, err := m.scope.Env.Accounts(m.scope.Host)
	if err != nil {
		return element.Element{}, register_ibr.Refusal(err)
	}
	if remove := r.Payload.Child(ns, "remove"); !remove.IsZero() {
		return m.remove(ctx, r, accounts)
	}
	username, hasName := childText(r.Payload, "username")
	password, hasPassword := childText(r.Payload, "password")
	if prepared, err := auth.PrepUser(username); !hasName || !hasPassword || err != nil || prepared != user {
		return element.Element{}, stanza.Fail(stanza.BadRequest, "")
	}
	if err := accounts.ChangePassword(ctx, user, password, actor(r.Origin.Stream()), r.Origin.Stream()); err != nil {
		return element.Element{}, register_ibr.Refusal(err)
	}
	return element.Element{}, nil
}

// remove ends the account that asks. The answer goes out when all is gone, and
// so after the session.
func (m *self) remove(ctx context.Context, r *iq.Request, accounts *module.Accounts) (element.Element, error) {
	n := 0
	for range r.Payload.Children() {
		n++
	}
	st := r.Origin.Stream()
	switch {
	case n > 1:
		return element.Element{}, stanza.Fail(stanza.BadRequest, "remove stands alone")
	case st == nil:
		return element.Element{}, iq.ErrLater // the client is gone, and may ask again
	}
	user := r.From.Local()
	err := accounts.Remove(context.WithoutCancel(ctx), user, actor(st), st)
	if err != nil && !r.Origin.Ended() {
		return element.Element{}, register_ibr.Refusal(err)
	}
	answer := stanza.Result(r.Stanza, element.Element{})
	if err != nil {
		m.scope.Log.ErrorContext(ctx, "account not removed whole", "jid", r.From.Bare().String(), "err", err)
		answer = stanza.ErrorReply(r.Stanza, stanza.Fail(stanza.InternalServerError, ""))
	} else {
		m.scope.Log.InfoContext(ctx, "account removed", "jid", r.From.Bare().String())
	}
	st.Write(answer.AppendTo(nil))
	st.End(stream.Fail(stream.NotAuthorized, "the account was removed"))
	return element.Element{}, iq.ErrLater
}

// actor is who changes accounts, for the modules that are told.
func actor(st *stream.Stream) module.Actor {
	a := module.Actor{Source: "register"}
	if st != nil {
		a.Remote = st.Remote.Addr().Unmap()
	}
	return a
}

func childText(e element.Element, local string) (string, bool) {
	c := e.Child(ns, local)
	return c.Text(), !c.IsZero()
}
