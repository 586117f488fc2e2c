// SPDX-License-Identifier: Apache-2.0

package lua

import (
	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/stanza"
	"tercet/modules/disco"
	"tercet/modules/guest/lua/lib"
)

// toElement reads a stanza object; it raises an error if that is none.
func toElement(l *lua.LState, t *lua.LTable) element.Element {
	e, err := lib.ToElement(t)
	if err != nil {
		l.RaiseError("not a stanza: %s", err.Error())
	}
	return e
}

const nsDisco = "http://jabber.org/protocol/disco#"

// query shows what has been collected as the reply that Prosody's handlers add
// to.
func query(l *lua.LState, srv *Server, ev *disco.QueryEvent) *lua.LTable {
	sh := srv.shadowOf(l, ev.Event)
	t := l.CreateTable(0, 6)
	for k, v := sh.data.Next(lua.LNil); k != lua.LNil; k, v = sh.data.Next(k) {
		t.RawSet(k, v)
	}
	reply := stanza.Result(ev.Stanza, shown(ev))
	object := srv.stanzas.Object(l, reply.Element())
	// As st.reply(stanza):query() leaves it: what is added goes into the query.
	if q, ok := object.RawGetInt(1).(*lua.LTable); ok {
		cursor := l.CreateTable(1, 0)
		cursor.Append(q)
		object.RawSetString("last_add", cursor)
	}
	t.RawSetString("reply", object)
	if ev.Node != "" {
		t.RawSetString("node", lua.LString(ev.Node))
		t.RawSetString("exists", lua.LBool(ev.Found))
	}
	return t
}

// shown is the query element of the event's answer, as far as it is known.
func shown(ev *disco.QueryEvent) element.Element {
	b := element.New(ev.Payload.Space(), "query")
	if ev.Node != "" {
		b.Attr("node", ev.Node)
	}
	for _, id := range ev.Identities {
		b.Open(nsDisco+"info", "identity").Attr("category", id.Category).Attr("type", id.Type).Attr("name", id.Name).Close()
	}
	for _, f := range ev.Features {
		b.Open(nsDisco+"info", "feature").Attr("var", f).Close()
	}
	for _, i := range ev.Items {
		b.Open(nsDisco+"items", "item").Attr("jid", i.JID)
		if i.Node != "" {
			b.Attr("node", i.Node)
		}
		if i.Name != "" {
			b.Attr("name", i.Name)
		}
		b.Close()
	}
	for _, x := range ev.Forms {
		b.Child(x)
	}
	return b.Element()
}

// queried takes over what the handler has made of the reply.
func queried(l *lua.LState, ev *disco.QueryEvent, data *lua.LTable, result lua.LValue) ext.Verdict {
	if lua.LVAsBool(data.RawGetString("exists")) {
		ev.Found = true
	}
	object, ok := data.RawGetString("reply").(*lua.LTable)
	if !ok {
		return result != lua.LNil
	}
	q := toElement(l, object).First()
	ev.Identities, ev.Features, ev.Items, ev.Forms = nil, nil, nil, nil
	for e := range q.Children() {
		switch {
		case e.Local() == "identity" && e.Space() == nsDisco+"info":
			ev.Identities = append(ev.Identities, disco.Identity{Category: e.Attr("category"), Type: e.Attr("type"), Name: e.Attr("name")})
		case e.Local() == "feature" && e.Space() == nsDisco+"info":
			ev.Features = append(ev.Features, e.Attr("var"))
		case e.Local() == "item" && e.Space() == nsDisco+"items":
			ev.Items = append(ev.Items, disco.Item{JID: e.Attr("jid"), Node: e.Attr("node"), Name: e.Attr("name")})
		default:
			ev.Forms = append(ev.Forms, e)
		}
	}
	return result != lua.LNil
}
