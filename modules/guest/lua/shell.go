// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"fmt"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/module"
	"tercet/modules/guest/lua/universe"
	"tercet/modules/shell"
)

// commandTime is how long module.command may take.
const commandTime = 5 * time.Minute

// offer makes a module's function "command" a command of the control tool, as
// "prosodyctl mod_NAME ARGUMENTS" is.
func (srv *Server) offer(name string) {
	if srv.offered[name] || srv.scope == nil {
		return
	}
	srv.offered[name] = true
	shell.Command.Set(srv.scope, "mod_"+name, shell.Spec{
		Args: "[WORD...]", Doc: "Run the command of the module " + name + " (in Lua).",
		Run: func(ctx context.Context, c *shell.Call) error { return srv.shellCommand(ctx, name, c) },
	})
}

// attend takes the scope of the runtime's module: commands hang in it.
func (srv *Server) attend(s *module.Scope) {
	_ = srv.u.Do(s.Context(), &universe.Task{Name: "attend"}, func(*lua.LState) { // fails at the end only
		srv.scope, srv.offered = s, make(map[string]bool)
		for key, inst := range srv.instances {
			if inst.api == nil {
				continue
			}
			if _, ok := inst.api.RawGetString("command").(*lua.LFunction); ok {
				srv.offer(key.name)
			}
		}
	})
}

// shellCommand runs module.command of the first host that has the module. What
// it prints is told; a number that it returns and that is not 0 is a failure.
func (srv *Server) shellCommand(ctx context.Context, name string, c *shell.Call) error {
	var printed strings.Builder
	var failed error
	task := &universe.Task{Name: "command of mod_" + name, Limit: commandTime, Waits: true}
	err := srv.u.Do(ctx, task, func(l *lua.LState) {
		inst := srv.anyInstance(name)
		if inst == nil || inst.api == nil {
			failed = fmt.Errorf("mod_%s is not loaded", name)
			return
		}
		args := l.CreateTable(len(c.Args), 0)
		for _, a := range c.Args {
			args.Append(lua.LString(a))
		}
		v := srv.callBoot(l, "shell_command", inst.api, args, l.NewFunction(func(l *lua.LState) int {
			printed.WriteString(l.CheckString(1) + "\n")
			return 0
		}))
		if n, ok := v.(lua.LNumber); ok && n != 0 {
			failed = fmt.Errorf("mod_%s has ended with %d", name, int(n))
		}
	})
	if text := strings.TrimSuffix(printed.String(), "\n"); text != "" {
		c.Printf("%s\n", text)
	}
	if err == nil {
		err = failed
	}
	return err
}

// anyInstance is that of the first host, by name, that has the module.
func (srv *Server) anyInstance(name string) (found *instance) {
	for key, inst := range srv.instances {
		if key.name == name && (found == nil || key.host < found.scope.Host.Name) {
			found = inst
		}
	}
	return found
}
