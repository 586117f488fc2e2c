// SPDX-License-Identifier: Apache-2.0

// Package bind binds resources (RFC 6120 section 7).
package bind

import (
	"context"
	"strconv"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/guest"
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

var _ = guest.Expose(Requested, guest.Changing(view, change), "A client asks for a resource; empty: any. A guest may change it; Stop refuses.")

// seen is what guests see of a RequestEvent.
type seen struct {
	User     string `json:"user"`
	Resource string `json:"resource"`
}

func view(ev *RequestEvent) seen { return seen{ev.Stream.User(), ev.Resource} }

func change(ev *RequestEvent, v seen) error {
	ev.Resource = v.Resource
	return nil
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

var required = element.New(ns, "bind").Open(ns, "required").Element()

func (b *binder) feature(_ context.Context, ev *stream.FeaturesEvent) ext.Verdict {
	if ev.Stream.User() != "" && !ev.Stream.Bound() {
		ev.Add(required)
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
	if Requested.Fire(ctx, ev.Pass, &want) == ext.Stop {
		if want.Err == nil {
			want.Err = stanza.Fail(stanza.NotAllowed, "")
		}
		b.refuse(st, id, want.Err)
		return ext.Stop
	}
	s, cause := b.take(ctx, st.User(), want.Resource)
	if cause != nil {
		b.refuse(st, id, cause)
		return ext.Stop
	}
	// The result goes out before anything that others send to the resource.
	result := element.New(element.NSClient, "iq").Attr("type", "result").Attr("id", id).
		Open(ns, "bind").TextChild(ns, "jid", s.JID.String()).Element().AppendTo(nil, element.NSClient)
	if _, ok := s.Attach(st, st.Cork(), func(d session.Delivery) { d.Write(result) }); !ok {
		st.End(stream.Fail(stream.Conflict, "replaced by a new session")) // in this very moment
		return ext.Stop
	}
	b.scope.Host.Feed(st, s)
	route.Bound.Fire(ctx, ev.Pass, &route.SessionEvent{Session: s, Host: b.scope.Host, Pass: ev.Pass, Stream: st})
	return ext.Stop
}

func (b *binder) refuse(st *stream.Stream, id string, cause *stanza.Error) {
	st.Send(element.New(element.NSClient, "iq").Attr("type", "error").Attr("id", id).Child(cause.Element()).Element())
}

// take registers a session for the resource, or for another one where the
// conflict is resolved so. The session has no stream yet.
func (b *binder) take(ctx context.Context, user, wanted string) (*session.Session, *stanza.Error) {
	h := b.scope.Host
	resource := wanted
	if wanted == "" {
		resource = stanza.NewID()
	}
	for n := 1; ; n++ {
		j, err := jid.New(user, h.Name, resource)
		if err != nil {
			return nil, stanza.Fail(stanza.BadRequest, "the resource is not valid")
		}
		replaces := b.Conflict == "kick_old" && h.Sessions.Get(j) != nil
		if b.MaxResources > 0 && !replaces && len(h.Sessions.Resources(user)) >= b.MaxResources {
			return nil, stanza.Fail(stanza.ResourceConstraint, "too many connected resources")
		}
		s := session.New(j, nil)
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
			resource = wanted + "#" + strconv.Itoa(n)
		default:
			h.Kick(ctx, taken, stream.Fail(stream.Conflict, "replaced by a new session"))
		}
	}
}
