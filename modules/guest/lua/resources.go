// SPDX-License-Identifier: Apache-2.0

package lua

import (
	lua "github.com/yuin/gopher-lua"

	"tercet/core/jid"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/modules/presence"
)

// directed is session.directed: those who have got directed presence, by their
// JIDs; nil if there are none.
func directed(l *lua.LState, s *session.Session) lua.LValue {
	if len(presence.Directed(s)) == 0 {
		return lua.LNil
	}
	return newProxy(l, proxy{
		index: func(_ *lua.LState, key lua.LValue) lua.LValue {
			name, _ := key.(lua.LString)
			if who, err := jid.Parse(string(name)); err == nil && presence.DirectedTo(s, who) {
				return lua.LTrue
			}
			return lua.LNil
		},
		each: func(_ *lua.LState, yield func(string, lua.LValue)) {
			for _, who := range presence.Directed(s) {
				yield(who.String(), lua.LTrue)
			}
		},
	})
}

// showTop has the table of an account show top_resources: the sessions of the
// highest priority, nil if none wants messages.
func (srv *Server) showTop(l *lua.LState, t *lua.LTable, r *route.Host, user string) {
	mt, ok := t.Metatable.(*lua.LTable)
	if !ok {
		return
	}
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		if l.Get(2) != lua.LString("top_resources") {
			l.Push(lua.LNil)
			return 1
		}
		var top []*session.Session
		for _, s := range r.Sessions.Resources(user) {
			switch p := s.Priority(); {
			case !s.Available() || p < 0 || len(top) > 0 && p < top[0].Priority():
			case len(top) > 0 && p == top[0].Priority():
				top = append(top, s)
			default:
				top = []*session.Session{s}
			}
		}
		if len(top) == 0 {
			l.Push(lua.LNil)
			return 1
		}
		list := l.CreateTable(len(top), 0)
		for _, s := range top {
			list.Append(srv.sessionTable(l, s))
		}
		l.Push(list)
		return 1
	}))
}
