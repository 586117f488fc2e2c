// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"net/netip"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/stream"
	"tercet/modules/carbons"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/roster"
)

// A client is a session as Lua sees it: one table from its first event to its
// end. What the server knows is asked each time; what modules set is the
// table's own.
type client struct {
	srv     *Server
	table   *lua.LTable
	stream  *stream.Stream   // the one that the table was made for
	session *session.Session // nil before a resource is bound
	sleep   sleep
	own     *lua.LFunction // session.send as the server has it; nil until somebody looks
	sender  *lua.LFunction // what a module has put in the place of it; nil: nothing
}

var (
	ofSession = slot.New[client]("lua-session")
	ofStream  = slot.New[client]("lua-stream")
)

const clientField = "tercet.client"

// sessionTable is the table of a session.
func (srv *Server) sessionTable(l *lua.LState, s *session.Session) *lua.LTable {
	c := ofSession.Of(s)
	if c.srv == srv {
		return c.table
	}
	if st := s.Stream(); st != nil {
		if was := ofStream.Peek(st); was != nil && was.srv == srv {
			was.session = s
			*c = *was
			at := srv.clientOf(c.table)
			if at.session = s; at.sender != nil {
				at.filter()
			}
			return c.table
		}
	}
	*c = client{srv: srv, session: s, stream: s.Stream()}
	c.table = srv.newClient(l, &client{srv: srv, session: s, stream: c.stream})
	return c.table
}

// streamTable is that of a stream: of its session, once that is bound.
func (srv *Server) streamTable(l *lua.LState, st *stream.Stream) *lua.LTable {
	if s := route.SessionOf(st); s != nil {
		return srv.sessionTable(l, s)
	}
	c := ofStream.Of(st)
	if c.srv != srv {
		*c = client{srv: srv, stream: st}
		c.table = srv.newClient(l, &client{srv: srv, stream: st})
	}
	return c.table
}

func (srv *Server) newClient(l *lua.LState, c *client) *lua.LTable {
	t := l.CreateTable(0, 4)
	c.table = t
	ud := l.NewUserData()
	ud.Value = c
	mt := l.CreateTable(0, 3)
	mt.RawSetString(clientField, ud)
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		name, _ := l.Get(2).(lua.LString)
		l.Push(c.field(l, string(name)))
		return 1
	}))
	mt.RawSetString("__newindex", l.NewFunction(func(l *lua.LState) int {
		if !c.set(l, l.Get(2), l.Get(3)) {
			t.RawSet(l.Get(2), l.Get(3))
		}
		return 0
	}))
	t.Metatable = mt
	return t
}

// clientOf is what a session's table stands for, nil if it is none.
func (srv *Server) clientOf(v lua.LValue) *client {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil
	}
	mt, ok := t.Metatable.(*lua.LTable)
	if !ok {
		return nil
	}
	ud, _ := mt.RawGetString(clientField).(*lua.LUserData)
	if ud == nil {
		return nil
	}
	c, _ := ud.Value.(*client)
	return c
}

// ownerOf is the session of a table, nil if it stands for none.
func (srv *Server) ownerOf(v lua.LValue) *session.Session {
	if c := srv.clientOf(v); c != nil {
		return c.session
	}
	return nil
}

// at is the stream that the client has now.
func (c *client) at() *stream.Stream {
	if c.session != nil {
		if st := c.session.Stream(); st != nil {
			return st
		}
	}
	return c.stream
}

func text(s string) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}

// field is what the server knows of a client, under Prosody's names.
func (c *client) field(l *lua.LState, name string) lua.LValue {
	if v := c.method(l, name); v != lua.LNil {
		return v
	}
	st := c.at()
	switch name {
	case "type":
		switch {
		case c.session != nil:
			return lua.LString("c2s")
		case st != nil && st.User() != "":
			return lua.LString("c2s_unbound")
		}
		return lua.LString("c2s_unauthed")
	case "base_type":
		return lua.LString("c2s")
	case "destroyed":
		return lua.LBool(c.session != nil && c.session.Ended())
	case "conntime":
		if st != nil {
			return lua.LNumber(float64(st.Started.UnixMilli()) / 1e3)
		}
	case "ip":
		if st != nil {
			return text(addr(st.Remote))
		}
	case "tercet.port": // for session.conn
		if st != nil && st.Remote.IsValid() {
			return lua.LNumber(st.Remote.Port())
		}
	case "secure", "encrypted":
		return lua.LBool(st != nil && st.Secured)
	case "id", "streamid":
		if st != nil {
			return lua.LString("c2s" + st.ID)
		}
	case "host":
		if c.session != nil {
			return lua.LString(c.session.JID.Domain())
		}
		if st != nil {
			return text(st.Host)
		}
	case "username":
		if c.session != nil {
			return lua.LString(c.session.JID.Local())
		}
		if st != nil {
			return text(st.User())
		}
	}
	return c.bound(l, name)
}

func addr(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.Addr().Unmap().String()
}

// bound is what is known of a bound resource.
func (c *client) bound(l *lua.LState, name string) lua.LValue {
	s := c.session
	if s == nil {
		return lua.LNil
	}
	switch name {
	case "resource":
		return lua.LString(s.JID.Resource())
	case "full_jid":
		return lua.LString(s.JID.String())
	case "priority":
		if s.Available() {
			return lua.LNumber(s.Priority())
		}
	case "presence":
		if p := s.Presence(); p != nil {
			return c.srv.stanzas.Object(l, p.Element())
		}
	case "hibernating":
		if c.asleep() {
			return lua.LNumber(c.sleep.event.Since.Unix())
		}
	case "hibernating_watchdog":
		if c.asleep() {
			return c.sleep.watchdog
		}
	case "directed":
		return directed(l, s)
	case "want_carbons":
		if carbons.Wants(s) {
			return lua.LString("urn:xmpp:carbons:2")
		}
	case "interested":
		if roster.Interested(s) {
			return lua.LTrue
		}
	case "roster":
		return c.srv.callBoot(l, "roster_of", lua.LString(s.JID.Local()), lua.LString(s.JID.Domain()))
	}
	return lua.LNil
}

// method is a function of a client's table.
func (c *client) method(l *lua.LState, name string) lua.LValue {
	var fn lua.LGFunction
	switch name {
	case "send":
		if c.sender != nil {
			return c.sender
		}
		return c.ownSend(l)
	case "rawsend":
		return c.ownSend(l)
	case "close":
		fn = c.close
	case "log":
		log := c.srv.callBoot(l, "session_log", c.field(l, "id"))
		c.table.RawSetString("log", log)
		return log
	case "conn":
		conn := c.srv.callBoot(l, "session_conn", c.table)
		c.table.RawSetString("conn", conn)
		return conn
	default:
		return lua.LNil
	}
	v := l.NewFunction(fn)
	c.table.RawSetString(name, v)
	return v
}

// ownSend is the function session.send of the server. It is not in the table,
// so that set sees what a module puts there.
func (c *client) ownSend(l *lua.LState) *lua.LFunction {
	if c.own == nil {
		c.own = l.NewFunction(c.send)
	}
	return c.own
}

// replaceSend has all that goes to the client go through a function of a
// module; the server's own, or nil, takes it away.
func (c *client) replaceSend(v lua.LValue) {
	c.sender, _ = v.(*lua.LFunction)
	if c.sender == c.own {
		c.sender = nil
	}
	if c.sender != nil && c.session != nil {
		c.filter()
	}
}

// set takes over what a module sets; false leaves it to the table.
func (c *client) set(_ *lua.LState, key, value lua.LValue) bool {
	switch key {
	case lua.LString("filters"):
		if c.session != nil {
			c.filter()
		}
		return false
	case lua.LString("send"):
		c.replaceSend(value)
		return true
	case lua.LString("hibernating_watchdog"):
		if c.session != nil {
			c.watch(value)
		}
		return true
	case lua.LString("priority"), lua.LString("hibernating"), lua.LString("presence"), lua.LString("interested"), lua.LString("full_jid"),
		lua.LString("resource"), lua.LString("type"), lua.LString("host"), lua.LString("ip"):
		return c.session != nil // it is as the server has it
	}
	return false
}

// send is session.send(stanza or string).
func (c *client) send(l *lua.LState) int {
	sent := true
	switch v := l.Get(1).(type) {
	case *lua.LTable:
		sent = c.sendObject(l, v)
	case lua.LString:
		if len(v) > lib.MaxBytes {
			l.RaiseError("session.send: larger than any stanza may be")
		}
		e, err := element.Parse([]byte(v))
		if err != nil {
			l.RaiseError("session.send: neither a stanza nor an element: %s", err.Error())
		}
		if f := c.wayOut(); f != nil {
			sent = f.write(e) // filters of stanzas do not meet strings
		} else {
			sent = c.sendElement(l, e)
		}
	default:
		l.ArgError(1, "stanza expected")
	}
	l.Push(lua.LBool(sent))
	return 1
}

// wayOut is what the session's stanzas go through, nil if that is nothing.
func (c *client) wayOut() *outgoing {
	if c.session == nil {
		return nil
	}
	return filterOf(c.session, c.srv)
}

func (c *client) sendObject(l *lua.LState, t *lua.LTable) bool {
	if f := c.wayOut(); f != nil {
		return f.send(l, t)
	}
	return c.sendElement(l, toElement(l, t))
}

func (c *client) sendElement(_ *lua.LState, e element.Element) (sent bool) {
	st, err := stanza.Read(e)
	c.srv.u.Out(func(context.Context) {
		switch at := c.at(); {
		case err == nil && c.session != nil:
			sent = c.session.Deliver(st, nil)
		case at != nil:
			_, err := at.Conn.Append(e.AppendTo(nil, element.NSClient))
			at.Conn.Flush()
			sent = err == nil
		}
	})
	return sent
}

// close is session:close(reason): nothing, a condition, or a table of condition
// and text.
func (c *client) close(l *lua.LState) int {
	var cause error
	switch v := l.Get(2).(type) {
	case lua.LString:
		cause = stream.Fail(string(v), "")
	case *lua.LTable:
		condition, _ := v.RawGetString("condition").(lua.LString)
		words, _ := v.RawGetString("text").(lua.LString)
		if condition == "" {
			condition = stream.UndefinedCondition
		}
		cause = stream.Fail(string(condition), string(words))
	}
	if st := c.at(); st != nil {
		st.End(cause)
	}
	return 0
}

// routeHook is a hook of stanzas on their way.
type routeHook = ext.Hook[route.Event]

// routed finds the hook of an event's name.
func routed(event string) (routeHook, bool) {
	if event == route.Leaving.Name() {
		return route.Leaving, true
	}
	for k := range route.In {
		for t := range route.In[k] {
			for _, h := range [...]routeHook{route.In[k][t], route.Out[k][t]} {
				if h.Name() == event {
					return h, true
				}
			}
		}
	}
	return routeHook{}, false
}
