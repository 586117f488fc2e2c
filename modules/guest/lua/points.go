// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"maps"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/auth"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/iq"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/bind"
	"tercet/modules/csi"
	"tercet/modules/disco"
	"tercet/modules/message"
	"tercet/modules/presence"
	"tercet/modules/register_ibr"
	"tercet/modules/roster"
)

// attach connects a handler with an event that the server fires.
type attach func(o ext.Owner, h *handler)

// point finds how handlers of an event are attached, nil if only Lua fires it.
func point(event string) attach {
	if a, ok := native()[event]; ok {
		return a
	}
	for _, prefix := range [...]string{"iq-get/", "iq-set/", "iq/"} {
		if rest, ok := strings.CutPrefix(event, prefix); ok {
			return request(prefix, rest)
		}
	}
	if rest, ok := strings.CutPrefix(event, "stanza/iq/"); ok {
		return nonza(stream.Early, rest)
	}
	if rest, ok := strings.CutPrefix(event, "stanza/"); ok {
		return nonza(stream.Nonza, rest)
	}
	return nil
}

// ahead puts the handlers of "iq/bare/NS:name" before those of "iq-get/bare/NS:name",
// which Prosody fires afterwards.
const ahead = 1 << 40

// apart is a priority in a chain: 0 is for one module of the server, while any
// number of modules in Lua may stand there.
func apart(prio float64) float64 {
	if prio == 0 {
		return 1e-9
	}
	return prio
}

func request(prefix, rest string) attach {
	target, name, ok := strings.Cut(rest, "/")
	at := strings.LastIndexByte(name, ':')
	to := map[string]iq.Target{"bare": iq.Account, "self": iq.Self, "host": iq.Host}[target]
	if !ok || at < 1 || to == 0 {
		return nil
	}
	kind, plus := iq.Get|iq.Set, float64(ahead)
	switch prefix {
	case "iq-get/":
		kind, plus = iq.Get, 0
	case "iq-set/":
		kind, plus = iq.Set, 0
	}
	payload := element.Name{Space: name[:at], Local: name[at+1:]}
	return func(o ext.Owner, h *handler) {
		if h.isWrapper() {
			for _, k := range [...]iq.Kind{iq.Get, iq.Set} {
				if kind&k != 0 {
					iq.Requests.Wrap(o, iq.Key{Kind: k, Target: to, Name: payload}, func(ctx context.Context, r *iq.Request, next ext.Handler[iq.Request]) ext.Verdict {
						return h.aroundStanza(ctx, r.Event, nil, func(ctx context.Context) ext.Verdict { return next(ctx, r) })
					})
				}
			}
			return
		}
		iq.HandleAt(o, apart(h.prio)+plus, kind, to, payload, func(ctx context.Context, r *iq.Request) ext.Verdict {
			return h.onStanza(ctx, r.Event, nil)
		})
	}
}

func nonza(c ext.Chain[element.Name, stream.Event], rest string) attach {
	at := strings.LastIndexByte(rest, ':')
	if at < 1 {
		return nil
	}
	name := element.Name{Space: rest[:at], Local: rest[at+1:]}
	view := func(l *lua.LState, srv *Server, ev *stream.Event) *lua.LTable {
		return fields(l, "origin", srv.streamTable(l, ev.Stream), "stanza", srv.stanzas.Object(l, ev.Element))
	}
	return func(o ext.Owner, h *handler) {
		if h.isWrapper() {
			c.Wrap(o, name, func(ctx context.Context, ev *stream.Event, next ext.Handler[stream.Event]) ext.Verdict {
				return aroundEvent(ctx, h, ev, view, nil, next)
			})
			return
		}
		c.Handle(o, name, apart(h.prio), func(ctx context.Context, ev *stream.Event) ext.Verdict { return onEvent(ctx, h, ev, view, nil) })
	}
}

// fields makes a table of names and values.
func fields(l *lua.LState, pairs ...any) *lua.LTable {
	t := l.CreateTable(0, len(pairs)/2)
	for i := 1; i < len(pairs); i += 2 {
		name, _ := pairs[i-1].(string)
		switch v := pairs[i].(type) {
		case lua.LValue:
			t.RawSetString(name, v)
		case string:
			t.RawSetString(name, lua.LString(v))
		case bool:
			t.RawSetString(name, lua.LBool(v))
		}
	}
	return t
}

// of makes the attach of a hook.
func of[E any](hook ext.Hook[E], view func(l *lua.LState, srv *Server, ev *E) *lua.LTable, back func(l *lua.LState, ev *E, data *lua.LTable, result lua.LValue) ext.Verdict) attach {
	return func(o ext.Owner, h *handler) {
		if h.isWrapper() {
			hook.Wrap(o, func(ctx context.Context, ev *E, next ext.Handler[E]) ext.Verdict {
				return aroundEvent(ctx, h, ev, view, back, next)
			})
			return
		}
		hook.Handle(o, h.prio, func(ctx context.Context, ev *E) ext.Verdict { return onEvent(ctx, h, ev, view, back) })
	}
}

// about is of for events that hold a stanza's.
func about[E any](hook ext.Hook[E], event func(*E) *route.Event, more func(l *lua.LState, srv *Server, ev *E, data *lua.LTable)) attach {
	return func(o ext.Owner, h *handler) {
		adds := func(ev *E) func(l *lua.LState, data *lua.LTable) {
			return func(l *lua.LState, data *lua.LTable) {
				if more != nil {
					more(l, h.inst.srv, ev, data)
				}
			}
		}
		if h.isWrapper() {
			hook.Wrap(o, func(ctx context.Context, ev *E, next ext.Handler[E]) ext.Verdict {
				return h.aroundStanza(ctx, event(ev), adds(ev), func(ctx context.Context) ext.Verdict { return next(ctx, ev) })
			})
			return
		}
		hook.Handle(o, h.prio, func(ctx context.Context, ev *E) ext.Verdict { return h.onStanza(ctx, event(ev), adds(ev)) })
	}
}

// told is of for events that nobody can refuse: when the handler fails, whatever
// is left of its module, the others are told.
func told[E any](hook ext.Hook[E], view func(l *lua.LState, srv *Server, ev *E) *lua.LTable, back func(l *lua.LState, ev *E, data *lua.LTable, result lua.LValue) ext.Verdict) attach {
	inner := of(hook, view, back)
	return func(o ext.Owner, h *handler) {
		h.told = true
		inner(o, h)
	}
}

// watched is a back that lets all see the event.
func watched[E any](*lua.LState, *E, *lua.LTable, lua.LValue) ext.Verdict { return ext.Next }

func itself(ev *route.Event) *route.Event { return ev }

// native are the events of hosts that the server fires, by Prosody's names.
var native = sync.OnceValue(func() map[string]attach {
	all := map[string]attach{
		"pre-stanza":   about(route.Before, itself, nil),
		"route/remote": leaving,
		"message/offline/handle": about(message.Offline, itself, func(_ *lua.LState, _ *Server, ev *route.Event, data *lua.LTable) {
			data.RawSetString("username", lua.LString(ev.Stanza.To.Local()))
		}),
		"message/offline/broadcast": of(message.Broadcast, func(l *lua.LState, srv *Server, ev *message.BroadcastEvent) *lua.LTable {
			return fields(l, "origin", srv.sessionTable(l, ev.Session))
		}, nil),
		"presence/initial":         about(presence.Initial, func(ev *presence.InitialEvent) *route.Event { return ev.Event }, nil),
		"user-registered":          told(auth.Registered, account, watched),
		"user-deregistered":        told(auth.Deleting, account, watched),
		"user-registering":         asked,
		"user-password-reset":      told(register_ibr.Reset, registering, watched),
		"resource-bind":            told(route.Bound, resource, nil),
		"resource-unbind":          told(route.Unbound, resource, nil),
		"pre-resource-unbind":      told(route.Detached, resource, nil),
		"pre-resource-bind":        of(bind.Requested, binding, bound),
		"authentication-success":   told(auth.Success, login, watched),
		"authentication-failure":   told(auth.Failed, login, watched),
		"stream-features":          told(stream.Features, features, featured),
		"csi-client-active":        told(csi.Active, state("active"), nil),
		"csi-client-inactive":      told(csi.Inactive, state("inactive"), nil),
		"roster-item-removed":      told(roster.Removed, removed, nil),
		"account-disco-info":       told(disco.AccountInfo, query, queried),
		"account-disco-items":      told(disco.AccountItems, query, queried),
		"account-disco-info-node":  told(disco.AccountInfoNode, query, queried),
		"account-disco-items-node": told(disco.AccountItemsNode, query, queried),
		"host-disco-items":         told(disco.HostItems, query, queried),
		"host-disco-info-node":     told(disco.HostInfoNode, query, queried),
		"host-disco-items-node":    told(disco.HostItemsNode, query, queried),
	}
	maps.Copy(all, hibernations())
	maps.Copy(all, decisions())
	for _, dir := range [...]struct {
		prefix string
		hooks  [3][4]ext.Hook[route.Event]
	}{{"pre-", route.Out}, {"", route.In}} {
		for k := range dir.hooks {
			for t := range dir.hooks[k] {
				all[dir.prefix+stanza.Kind(k).String()+"/"+route.Target(t).String()] = about(dir.hooks[k][t], itself, nil)
			}
		}
	}
	return all
})

func resource(l *lua.LState, srv *Server, ev *route.SessionEvent) *lua.LTable {
	t := fields(l, "session", srv.sessionTable(l, ev.Session))
	if ev.Cause != nil {
		t.RawSetString("error", lua.LString(ev.Cause.Error()))
	}
	return t
}

func binding(l *lua.LState, srv *Server, ev *bind.RequestEvent) *lua.LTable {
	return fields(l, "session", srv.streamTable(l, ev.Stream), "resource", ev.Resource)
}

func bound(_ *lua.LState, ev *bind.RequestEvent, data *lua.LTable, result lua.LValue) ext.Verdict {
	if name, ok := data.RawGetString("resource").(lua.LString); ok {
		ev.Resource = string(name)
	}
	return result == lua.LFalse
}

func login(l *lua.LState, srv *Server, ev *auth.LoginEvent) *lua.LTable {
	session := fields(l, "type", "c2s", "username", ev.User, "host", ev.Host, "ip", ev.Remote.String(), "secure", true,
		"sasl_handler", fields(l, "username", ev.User, "selected", ev.Mechanism))
	session.RawSetString("log", srv.callBoot(l, "session_log", lua.LString("c2s")))
	if ev.Failure != nil {
		session.RawSetString("type", lua.LString("c2s_unauthed"))
		return fields(l, "session", session, "condition", ev.Failure.Condition, "text", ev.Failure.Text)
	}
	return fields(l, "session", session)
}

// state notes it on the session as well, where mod_csi has it.
func state(now string) func(*lua.LState, *Server, *csi.StateEvent) *lua.LTable {
	return func(l *lua.LState, srv *Server, ev *csi.StateEvent) *lua.LTable {
		origin := srv.sessionTable(l, ev.Session)
		origin.RawSetString("state", lua.LString(now))
		return fields(l, "origin", origin)
	}
}

func removed(l *lua.LState, _ *Server, ev *roster.RemovedEvent) *lua.LTable {
	return fields(l, "username", ev.User, "host", ev.Host, "jid", ev.Item.JID.String(), "item", rosterItem(l, ev.Item))
}

func features(l *lua.LState, srv *Server, ev *stream.FeaturesEvent) *lua.LTable {
	all := element.New(element.NSStream, "features")
	for _, f := range ev.Features {
		all.Child(f)
	}
	object := srv.stanzas.Object(l, all.Element())
	object.RawSetString("tercet.count", lua.LNumber(len(ev.Features)))
	return fields(l, "origin", srv.streamTable(l, ev.Stream), "features", object)
}

// featured adds what the handler has added behind the features that were there.
func featured(l *lua.LState, ev *stream.FeaturesEvent, data *lua.LTable, result lua.LValue) ext.Verdict {
	object, ok := data.RawGetString("features").(*lua.LTable)
	if !ok {
		return result != lua.LNil
	}
	tags, _ := object.RawGetString("tags").(*lua.LTable)
	for i := len(ev.Features) + 1; tags != nil && i <= tags.Len(); i++ {
		if t, ok := tags.RawGetInt(i).(*lua.LTable); ok {
			ev.Add(toElement(l, t))
		}
	}
	return result != lua.LNil
}
