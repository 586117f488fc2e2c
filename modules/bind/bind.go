// SPDX-License-Identifier: Apache-2.0

// Package bind binds resources (RFC 6120 section 7).
package bind

import (
	"context"
	"strconv"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// Module is the resource binding module.
var Module = module.Define("bind", module.OnHost, options{Conflict: "kick_old"}, load).Auto()

type options struct {
	Conflict     string `lua:"conflict_resolve" enum:"kick_old|kick_new|random|increment" doc:"What happens when a resource is in use: the old session goes, the new one is refused, or the new one gets another resource."`
	MaxResources int    `lua:"max_resources" min:"0" doc:"Most connected resources of an account; 0 is no limit."`
}

const ns = "urn:ietf:params:xml:ns:xmpp-bind"

// Requested is fired before a resource is bound. A handler may change the
// resource, or set Err and stop.
var Requested = ext.NewHook[RequestEvent]("pre-resource-bind")

// A RequestEvent is a client's wish for a resource; empty means any.
type RequestEvent struct {
	Stream   *stream.Stream
	Pass     ext.Pass
	Resource string
	Err      *stanza.Error
}

type binder struct {
	options
	scope *module.Scope
}

func load(s *module.Scope, o options) error {
	b := &binder{o, s}
	stream.Features.Handle(s, 0, b.feature)
	stream.Early.Handle(s, element.Name{Space: ns, Local: "bind"}, 0, b.bind)
	return nil
}

func (b *binder) feature(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if ev.Stream.User() != "" && !ev.Stream.Bound() {
		ev.Add(element.New(ns, "bind").Open(ns, "required").Element())
	}
	return ext.Next
}

func (b *binder) bind(ctx context.Context, ev *stream.Event) ext.Verdict {
	st, e := ev.Stream, ev.Element
	if st.User() == "" {
		return ext.Next // not-authorized
	}
	id := e.Attr("id")
	if e.Attr("type") != "set" {
		b.refuse(st, id, stanza.Fail(stanza.BadRequest, ""))
		return ext.Stop
	}
	want := RequestEvent{Stream: st, Pass: ev.Pass, Resource: e.First().ChildText(ns, "resource")}
	if Requested.Fire(ctx, ev.Pass, &want) == ext.Stop && want.Err != nil {
		b.refuse(st, id, want.Err)
		return ext.Stop
	}
	s, cause := b.take(ctx, st, want.Resource)
	if cause != nil {
		b.refuse(st, id, cause)
		return ext.Stop
	}
	st.Send(element.New(element.NSClient, "iq").Attr("type", "result").Attr("id", id).
		Open(ns, "bind").TextChild(ns, "jid", s.JID.String()).Element())
	route.Bound.Fire(ctx, ev.Pass, &route.SessionEvent{Session: s, Host: b.scope.Host, Pass: ev.Pass, Stream: st})
	return ext.Stop
}

func (b *binder) refuse(st *stream.Stream, id string, cause *stanza.Error) {
	st.Send(element.New(element.NSClient, "iq").Attr("type", "error").Attr("id", id).Child(cause.Element()).Element())
}

// take registers a session for the resource, or for another one where the
// conflict is resolved so.
func (b *binder) take(ctx context.Context, st *stream.Stream, resource string) (*session.Session, *stanza.Error) {
	h := b.scope.Host
	if cause := b.room(st.User()); cause != nil {
		return nil, cause
	}
	base := resource
	if base == "" {
		resource = stanza.NewID()
	}
	for n := 1; ; n++ {
		j, err := jid.New(st.User(), h.Name, resource)
		if err != nil {
			return nil, stanza.Fail(stanza.BadRequest, "the resource is not valid")
		}
		s := session.New(j, st)
		taken := h.Bind(s)
		if taken == nil {
			return s, nil
		}
		switch b.Conflict {
		case "kick_new":
			return nil, stanza.Fail(stanza.Conflict, "the resource is in use")
		case "random":
			resource = stanza.NewID()
		case "increment":
			resource = base + " #" + strconv.Itoa(n+1)
		default:
			h.Kick(ctx, taken, stream.Fail(stream.Conflict, "replaced by a new session"))
		}
	}
}

func (b *binder) room(user string) *stanza.Error {
	if b.MaxResources > 0 && len(b.scope.Host.Sessions.Resources(user)) >= b.MaxResources {
		return stanza.Fail(stanza.ResourceConstraint, "too many connected resources")
	}
	return nil
}
