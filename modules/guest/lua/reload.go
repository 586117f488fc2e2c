// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules/guest/lua/universe"
)

// reloaded is told of another config. What stores are open with is the old one.
func (srv *Server) reloaded(ctx context.Context, ev *module.ReloadEvent) ext.Verdict {
	err := srv.u.Do(ctx, reloadTask, func(l *lua.LState) {
		srv.stores.Forget()
		if srv.listens("config-reloaded") {
			srv.global.Fire(l, lua.LString("config-reloaded"), fields(l, "filename", ev.Config.File, "config", wholeConfig(l, ev.Config)))
		}
	})
	if err != nil {
		srv.env.Log.ErrorContext(ctx, "event failed in Lua", "event", "config-reloaded", "err", err)
	}
	return ext.Next
}

var reloadTask = &universe.Task{Name: "config-reloaded", Limit: loadLimit}

// wholeConfig is configmanager.getconfig(): the options of each section; "*" is
// the global one.
func wholeConfig(l *lua.LState, c *config.Config) *lua.LTable {
	all := l.CreateTable(0, len(c.Hosts)+1)
	for _, s := range append([]*config.Section{c.Global}, c.Hosts...) {
		t := l.CreateTable(0, len(s.Options))
		for name, v := range s.Options {
			t.RawSetString(name, toLua(l, v))
		}
		name := s.Name
		if s == c.Global {
			name = "*"
		}
		all.RawSetString(name, t)
	}
	return all
}
