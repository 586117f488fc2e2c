// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/stanza"
	"tercet/modules/adhoc"
)

// commandNatives offer the ad-hoc commands of modules (XEP-0050) in the list of
// the server.
func (srv *Server) commandNatives() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"add_command": func(l *lua.LState) int { // (module, item)
			inst, item := srv.instanceOf(l), l.CheckTable(2)
			node, _ := item.RawGetString("node").(lua.LString)
			name, _ := item.RawGetString("name").(lua.LString)
			word, _ := item.RawGetString("permission").(lua.LString)
			permission, err := adhoc.ParsePermission(string(word))
			if err != nil {
				l.RaiseError("%s", err.Error())
			}
			adhoc.Commands.Set(inst.scope, string(node), adhoc.Command{
				Name: string(name), Permission: permission,
				Run: func(ctx context.Context, c *adhoc.Call) (adhoc.Reply, error) { return inst.command(ctx, item, c) },
			})
			return 0
		},
	}
}

// command has the handler of an item do one stage of its command.
func (inst *instance) command(ctx context.Context, item *lua.LTable, c *adhoc.Call) (reply adhoc.Reply, err error) {
	h := &handler{inst: inst, event: "adhoc command " + c.Node}
	h.task = *inst.task("command " + c.Node)
	srv := inst.srv
	began := time.Now()
	defer func() { inst.meter.Call(ctx, time.Since(began)) }() // the handler around it is that of adhoc
	_, ok := h.run(ctx, func(l *lua.LState, _ *handler) bool {
		data := fields(l, "to", c.Stanza.To.String(), "from", c.From.String(), "action", string(c.Action), "id", c.Session)
		if c.Stanza.To.IsZero() {
			data.RawSetString("to", lua.LString(inst.scope.Host.Name))
		}
		data.RawSetString("from", lua.LString(c.Stanza.From.String()))
		if !c.Form.IsZero() {
			data.RawSetString("form", srv.stanzas.Object(l, c.Form))
		}
		state, _ := c.State.(lua.LValue)
		if state == nil {
			state = lua.LNil
		}
		made, ok := srv.callBoot(l, "run_command", item, data, state).(*lua.LTable)
		if !ok {
			l.RaiseError("the command %s has no answer", c.Node)
		}
		reply = replyOf(l, made)
		return false
	})
	if !ok {
		return adhoc.Reply{}, stanza.Fail(stanza.InternalServerError, "")
	}
	return reply, nil
}

// replyOf reads what run_command in boot.lua returns.
func replyOf(l *lua.LState, t *lua.LTable) (r adhoc.Reply) {
	word := func(t *lua.LTable, name string) string {
		s, _ := t.RawGetString(name).(lua.LString)
		return string(s)
	}
	each := func(name string, fn func(v *lua.LTable)) {
		list, _ := t.RawGetString(name).(*lua.LTable)
		for i := 1; list != nil && i <= list.Len(); i++ {
			if v, ok := list.RawGetInt(i).(*lua.LTable); ok {
				fn(v)
			}
		}
	}
	r.Status = adhoc.Status(word(t, "status"))
	r.Actions.Default = adhoc.Action(word(t, "default"))
	each("actions", func(v *lua.LTable) { r.Actions.Allowed = append(r.Actions.Allowed, adhoc.Action(word(v, "name"))) })
	each("notes", func(v *lua.LTable) {
		r.Notes = append(r.Notes, adhoc.Note{Kind: adhoc.NoteKind(word(v, "type")), Text: word(v, "text")})
	})
	each("payload", func(v *lua.LTable) { r.Payload = append(r.Payload, toElement(l, v)) })
	if state := t.RawGetString("state"); state != lua.LNil {
		r.State = state
	}
	return r
}
