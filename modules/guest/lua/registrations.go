// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"net/netip"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/register_ibr"
)

// A shared is the table of an event about an account: one for all handlers, as
// in Prosody, where one notes what another reads.
type shared struct {
	srv *Server
	t   *lua.LTable
}

// share returns the table that an event has, or makes it.
func (srv *Server) share(shadow *any, view func() *lua.LTable) *lua.LTable {
	if had, ok := (*shadow).(shared); ok && had.srv == srv {
		return had.t
	}
	t := view()
	*shadow = shared{srv, t}
	return t
}

func account(l *lua.LState, srv *Server, ev *auth.AccountEvent) *lua.LTable {
	st, _ := ev.Shadow.(*stream.Stream)
	return srv.share(&ev.Shadow, func() *lua.LTable {
		t := fields(l, "username", ev.User, "host", ev.Host, "source", "mod_"+ev.Source)
		if ev.Remote.IsValid() {
			t.RawSetString("ip", lua.LString(ev.Remote.String()))
		}
		switch {
		case st != nil:
			t.RawSetString("session", srv.streamTable(l, st))
		case ev.Remote.IsValid():
			t.RawSetString("session", fields(l, "ip", ev.Remote.String(), "type", "c2s_unauthed", "host", ev.Host, "username", ev.User))
		}
		return t
	})
}

func registering(l *lua.LState, srv *Server, ev *register_ibr.Event) *lua.LTable {
	return srv.share(&ev.Shadow, func() *lua.LTable {
		more := l.CreateTable(0, len(ev.Fields))
		for k, v := range ev.Fields {
			more.RawSetString(k, lua.LString(v))
		}
		t := fields(l, "username", ev.User, "host", ev.Host, "allowed", true, "additional", more)
		if ev.Remote.IsValid() {
			t.RawSetString("ip", lua.LString(ev.Remote.String()))
		}
		if ev.Stream != nil {
			session := srv.streamTable(l, ev.Stream)
			t.RawSetString("session", session)
			t.RawSetString("validated_invite", session.RawGetString("validated_invite"))
		}
		return t
	})
}

// asked attaches a handler of user-registering. One of a module that depends on
// register_ibr, which opens registration in Prosody, decides who may register:
// where it fails, nobody may, nor where one fails of which "stop" is to be left.
func asked(o ext.Owner, h *handler) {
	register_ibr.Registering.Handle(o, h.prio, func(ctx context.Context, ev *register_ibr.Event) ext.Verdict {
		began, answered := false, false
		verdict := onEvent(ctx, h, ev, func(l *lua.LState, srv *Server, ev *register_ibr.Event) *lua.LTable {
			began = true
			return registering(l, srv, ev)
		}, func(_ *lua.LState, ev *register_ibr.Event, data *lua.LTable, _ lua.LValue) ext.Verdict {
			answered = true
			if !lua.LVAsBool(data.RawGetString("allowed")) {
				ev.Err = refusalOf(data)
				return ext.Stop
			}
			if name, ok := data.RawGetString("allow_reset").(lua.LString); ok && string(name) == ev.User {
				ev.Reset = true
			}
			return ext.Next
		})
		gate := isGate(ev.Pass, h.inst.file.word)
		switch {
		case answered && gate:
			ev.Admitted = ev.Err == nil
		case answered:
		case gate && (began || h.inst.guard.Suspended()), verdict == ext.Stop: // the guard's
			ev.Err = stanza.Fail(stanza.InternalServerError, "")
			return ext.Stop
		}
		return verdict
	})
}

func isGate(p ext.Pass, word string) bool {
	for name := range register_ibr.Gates.All(p) {
		if name == word {
			return true
		}
	}
	return false
}

// refusalOf is why a handler does not let somebody register: an object of
// util.error, or three fields.
func refusalOf(data *lua.LTable) *stanza.Error {
	kind, condition, text := "error_type", "error_condition", "reason"
	if t, ok := data.RawGetString("error").(*lua.LTable); ok {
		data, kind, condition, text = t, "type", "condition", "text"
	}
	word := func(name, otherwise string) string {
		if s, ok := data.RawGetString(name).(lua.LString); ok {
			return string(s)
		}
		return otherwise
	}
	cause := stanza.Fail(stanza.Condition(word(condition, string(stanza.NotAcceptable))), word(text, ""))
	cause.Type = word(kind, "modify")
	return cause
}

// depended is (module, name): a module says for the first time that it depends
// on another.
func (srv *Server) depended(l *lua.LState) int {
	if inst := srv.instanceOf(l); l.CheckString(2) == register_ibr.Module.Name {
		register_ibr.Gates.Add(inst.scope, inst.file.word)
	}
	return 0
}

// fireAccount asks or tells all modules, those of the server too, what one in
// Lua asks or tells; false: it is not about an account.
func (srv *Server) fireAccount(_ *lua.LState, h *host, event string, data *lua.LTable) bool {
	word := func(name string) string {
		s, _ := data.RawGetString(name).(lua.LString)
		return string(s)
	}
	remote, _ := netip.ParseAddr(word("ip")) // the zero one, if it is not known
	var from *stream.Stream
	if c := srv.clientOf(data.RawGetString("session")); c != nil {
		if from = c.at(); from != nil && !remote.IsValid() {
			remote = from.Remote.Addr().Unmap()
		}
	}
	switch event {
	case "user-registered":
		ev := auth.AccountEvent{
			User: word("username"), Host: h.route.Name, Source: strings.TrimPrefix(word("source"), "mod_"), Remote: remote, Shadow: shared{srv, data},
		}
		srv.fireOut(h, func(ctx context.Context, p ext.Pass) {
			ev.Pass = p
			auth.Registered.Fire(ctx, p, &ev)
		})
	case "user-registering":
		ev := register_ibr.Event{Stream: from, User: word("username"), Host: h.route.Name, Remote: remote, Fields: wordsOf(data.RawGetString("additional")), Shadow: shared{srv, data}}
		srv.fireOut(h, func(ctx context.Context, p ext.Pass) {
			ev.Pass = p
			register_ibr.Registering.Fire(ctx, p, &ev)
		})
		if ev.Err != nil && lua.LVAsBool(data.RawGetString("allowed")) { // by a module of the server
			data.RawSetString("allowed", lua.LFalse)
			data.RawSetString("reason", lua.LString(ev.Err.Text))
			data.RawSetString("error_type", lua.LString(ev.Err.Type))
			data.RawSetString("error_condition", lua.LString(ev.Err.Condition))
		}
	case "user-password-reset":
		ev := register_ibr.Event{Stream: from, User: word("username"), Host: h.route.Name, Remote: remote, Shadow: shared{srv, data}}
		srv.fireOut(h, func(ctx context.Context, p ext.Pass) {
			ev.Pass = p
			register_ibr.Reset.Fire(ctx, p, &ev)
		})
	default:
		return false
	}
	return true
}

// fireOut has fn fire an event of a host, without Lua's lock.
func (srv *Server) fireOut(h *host, fn func(ctx context.Context, p ext.Pass)) {
	srv.u.Out(func(ctx context.Context) {
		p := h.route.Table.Enter()
		defer p.Leave()
		fn(ctx, p)
	})
}

// wordsOf are the words of a table that have words for keys.
func wordsOf(v lua.LValue) map[string]string {
	all := make(map[string]string)
	if t, ok := v.(*lua.LTable); ok {
		t.ForEach(func(k, v lua.LValue) {
			name, named := k.(lua.LString)
			if word, ok := v.(lua.LString); ok && named {
				all[string(name)] = string(word)
			}
		})
	}
	return all
}
