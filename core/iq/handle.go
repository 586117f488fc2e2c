// SPDX-License-Identifier: Apache-2.0

// Package iq answers and makes requests (RFC 6120 section 8.2.3).
package iq

import (
	"context"
	"errors"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/stanza"
)

// A Kind is a kind of request.
type Kind uint8

// The kinds of request, to be combined.
const (
	Get Kind = 1 << iota
	Set
)

// A Target is whom a request is addressed to.
type Target uint8

// The targets of requests, to be combined. Self is the sender's own account,
// by its bare JID or by no address; Account is any account of the host, the
// sender's own included; Host is the host itself.
const (
	Self Target = 1 << iota
	Account
	Host
)

// A Key names a kind of request: one bit of each, and the payload's name.
type Key struct {
	Kind   Kind
	Target Target
	Name   element.Name
}

// Requests holds who answers which request. The answering module stands at
// priority 0; others may come before it and stop the event.
var Requests = ext.NewChain[Key, Request]("iq")

// A Request is an IQ of type get or set.
type Request struct {
	*route.Event
	From    jid.JID // who asks
	To      jid.JID // the account or the host that is asked, bare
	Payload element.Element
}

// A Handler returns the payload of the result (the zero element: none) or an
// error. A *stanza.Error is told as it is; any other is logged and told as
// internal-server-error. ErrLater leaves the answer to who calls Later.
type Handler func(context.Context, *Request) (element.Element, error)

// ErrLater says that the request will be answered later, or needs no answer.
var ErrLater = errors.New("iq: answered later")

// Handle has fn answer the requests of the kinds and targets with a payload of
// that name.
func Handle(o ext.Owner, k Kind, t Target, name element.Name, fn Handler) {
	HandleAt(o, 0, k, t, name, func(ctx context.Context, r *Request) ext.Verdict {
		payload, err := fn(ctx, r)
		if _, told := errors.AsType[*stanza.Error](err); err != nil && !told && !errors.Is(err, ErrLater) {
			ext.MeterOf(o).Error()
		}
		r.Answer(ctx, payload, err)
		return ext.Stop
	})
}

// HandleAt attaches a handler at a priority; it answers by itself if it stops
// the request.
func HandleAt(o ext.Owner, prio float64, k Kind, t Target, name element.Name, fn ext.Handler[Request]) {
	for _, kind := range [...]Kind{Get, Set} {
		for _, target := range [...]Target{Self, Account, Host} {
			if k&kind != 0 && t&target != 0 {
				Requests.Handle(o, Key{kind, target, name}, prio, fn)
			}
		}
	}
}

// Later is the request for who answers it from another goroutine, when the
// handler may have returned already (ErrLater): r.Later().Answer(ctx, ...).
// What r itself sends would wait there until the client sends something.
func (r *Request) Later() *Request {
	late := *r
	late.Event = r.Event.Later()
	return &late
}

// Answer sends the result, or the error.
func (r *Request) Answer(ctx context.Context, payload element.Element, err error) {
	switch {
	case err == nil:
		r.Reply(ctx, stanza.Result(r.Stanza, payload))
	case errors.Is(err, ErrLater):
	default:
		var cause *stanza.Error
		if !errors.As(err, &cause) {
			r.Host.Log.ErrorContext(ctx, "request failed", "jid", r.From.String(), "payload", r.Payload.Name().Space, "err", err)
			cause = stanza.Fail(stanza.InternalServerError, "")
		}
		r.Bounce(ctx, cause)
	}
}

// Dispatch finds who answers the event's IQ at its host.
func Dispatch(ctx context.Context, ev *route.Event) ext.Verdict {
	st := ev.Stanza
	var kind Kind
	switch st.Type {
	case "get":
		kind = Get
	case "set":
		kind = Set
	default:
		return dispatchReply(ctx, ev)
	}
	r := &Request{Event: ev, From: st.From, Payload: st.First()}
	name := r.Payload.Name()
	if !ev.ToSelf && st.To.Local() == "" {
		r.To = st.To
		return Requests.Fire(ctx, ev.Pass, Key{kind, Host, name}, r)
	}
	r.To = st.To.Bare()
	if ev.ToSelf {
		r.To = st.From.Bare()
	}
	if r.To == st.From.Bare() && Requests.Fire(ctx, ev.Pass, Key{kind, Self, name}, r) == ext.Stop {
		return ext.Stop
	}
	return Requests.Fire(ctx, ev.Pass, Key{kind, Account, name}, r)
}
