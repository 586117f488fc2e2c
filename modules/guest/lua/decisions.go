// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"reflect"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/ext"
	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/stream"
	"tercet/modules/carbons"
	"tercet/modules/mam"
	"tercet/modules/roster"
)

// decisions are the events at which handlers decide for the server, or change
// what it has read, by Prosody's names.
func decisions() map[string]attach {
	return map[string]attach{
		"carbons-should-copy":  decision(carbons.ShouldCopy, func(ev *carbons.CopyEvent) (*route.Event, *bool) { return ev.Event, &ev.Copy }),
		"archive-should-store": decision(mam.ShouldStore, func(ev *mam.StoreEvent) (*route.Event, *bool) { return ev.Event, &ev.Store }),
		"roster-load":          of(roster.Load, loading, loaded),
		"c2s-read-timeout": of(stream.Idle, func(l *lua.LState, srv *Server, ev *stream.LifeEvent) *lua.LTable {
			return fields(l, "session", srv.streamTable(l, ev.Stream))
		}, nil),
	}
}

// byServer is the priority of the handler that decides in Prosody, as the server
// does before it fires the event here: behind it, nobody is asked.
const byServer = -1

// decision attaches a handler whose result, true or false, is a decision about
// a stanza.
func decision[E any](hook ext.Hook[E], of func(*E) (*route.Event, *bool)) attach {
	view := func(l *lua.LState, srv *Server, ev *E) *lua.LTable {
		about, _ := of(ev)
		sh := srv.shadowOf(l, about)
		return fields(l, "stanza", sh.data.RawGetString("stanza"), "session", sh.data.RawGetString("origin"))
	}
	back := func(_ *lua.LState, ev *E, _ *lua.LTable, result lua.LValue) ext.Verdict {
		if result == lua.LNil {
			return ext.Next
		}
		_, decided := of(ev)
		*decided = lua.LVAsBool(result)
		return ext.Stop
	}
	return func(o ext.Owner, h *handler) {
		if h.isWrapper() {
			hook.Wrap(o, func(ctx context.Context, ev *E, next ext.Handler[E]) ext.Verdict {
				return aroundEvent(ctx, h, ev, view, back, next)
			})
		} else if h.prio > byServer {
			hook.Handle(o, h.prio, func(ctx context.Context, ev *E) ext.Verdict { return onEvent(ctx, h, ev, view, back) })
		}
	}
}

// loading shows a roster that has been read.
func loading(l *lua.LState, _ *Server, ev *roster.LoadEvent) *lua.LTable {
	return fields(l, "username", ev.User, "host", ev.Host, "roster", rosterTable(l, ev.Items, ""))
}

// loaded takes over the items that a handler has put in, or changed: they are
// not stored.
func loaded(l *lua.LState, ev *roster.LoadEvent, data *lua.LTable, result lua.LValue) ext.Verdict {
	t, ok := data.RawGetString("roster").(*lua.LTable)
	if !ok {
		return result != lua.LNil
	}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, isName := k.(lua.LString)
		made, isItem := v.(*lua.LTable)
		j, err := jid.Parse(string(name))
		if !isName || !isItem || err != nil {
			continue
		}
		j = j.Bare()
		had, was := ev.Items[j]
		next := itemOf(j, made)
		if was && !had.Hidden && alike(itemOf(j, rosterItem(l, had)), next) {
			continue
		}
		next.Pending, next.Shared = had.Pending, true
		ev.Items[j] = next
	}
	return result != lua.LNil
}

// alike reports whether clients see the same of both.
func alike(a, b roster.Item) bool {
	slices.Sort(a.Groups)
	slices.Sort(b.Groups)
	return reflect.DeepEqual(a, b)
}
