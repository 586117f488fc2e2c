// SPDX-License-Identifier: Apache-2.0

package lua

import (
	lua "github.com/yuin/gopher-lua"
)

// heedDirect has handlers that modules attach to the events of a host by hand,
// hosts[name].events.add_handler, told of what the server does there, as those
// of module:hook are. On another host than the module's own that cannot be.
func (srv *Server) heedDirect(l *lua.LState, h *host) {
	t := h.events.Table()
	replace := func(name string, also func(l *lua.LState, inst *instance, event string)) {
		plain := t.RawGetString(name)
		t.RawSetString(name, l.NewFunction(func(l *lua.LState) int {
			event, ok := l.Get(1).(lua.LString)
			if inst := directCaller(l); ok && inst != nil && srv.point(string(event)) != nil {
				also(l, inst, string(event))
			}
			n := l.GetTop()
			l.Insert(plain, 1)
			l.Call(n, 0)
			return 0
		}))
	}
	replace("add_handler", func(l *lua.LState, inst *instance, event string) {
		if inst.scope.Host.Name == h.route.Name {
			inst.hook(event, l.CheckFunction(2), float64(l.OptNumber(3, 0)))
		} else if srv.once("mod_" + inst.file.word + " " + h.route.Name + " " + event) {
			inst.scope.Log.Warn("module attaches a handler to another host: it has the server's events of its own only", "event", event, "host", h.route.Name)
		}
	})
	replace("remove_handler", func(l *lua.LState, inst *instance, event string) { inst.unhook(event, l.Get(2)) })
}

// directCaller is the module whose own code calls a function of Go, nil if
// another's does.
func directCaller(l *lua.LState) *instance {
	at, ok := l.GetStack(1)
	if !ok {
		return nil
	}
	v, err := l.GetInfo("f", at, lua.LNil)
	fn, ok := v.(*lua.LFunction)
	if err != nil || !ok || fn.Env == nil {
		return nil
	}
	module, ok := fn.Env.RawGetString("module").(*lua.LTable)
	if !ok {
		return nil
	}
	ud, _ := module.RawGetString("instance").(*lua.LUserData)
	if ud == nil {
		return nil
	}
	inst, _ := ud.Value.(*instance)
	return inst
}
