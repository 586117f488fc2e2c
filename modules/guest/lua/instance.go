// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules/guest"
	"tercet/modules/guest/lua/universe"
)

type instanceKey struct{ host, name string }

// An instance is a module in Lua on a host.
type instance struct {
	srv      *Server
	scope    *module.Scope
	guard    *guest.Guard
	meter    *ext.Meter
	file     source
	chunk    *lua51.Chunk
	api      *lua.LTable // the module's "module"; nil until it is made
	handlers []*handler
}

// loadLimit is how long a module may take to load.
const loadLimit = 10 * time.Second

func (inst *instance) task(what string) *universe.Task {
	return &universe.Task{Name: "mod_" + inst.file.word + ": " + what + " on " + inst.scope.Host.Name, Limit: loadLimit}
}

// environment is the table of the module's own globals.
func (inst *instance) environment() lua.LValue {
	if inst.api == nil {
		return lua.LNil
	}
	return inst.api.RawGetString("environment")
}

// load loads a module for the life of s. Where another instance of it runs,
// this is asked to save its state and unloaded first, as in Prosody; if the new
// one does not start, the old one is loaded again from what it was.
func (srv *Server) load(s *module.Scope, g *guest.Guard, file source) error {
	code, _, err := readSource(file.word, file.path)
	if err != nil {
		return err
	}
	key := instanceKey{s.Host.Name, file.word}
	inst := &instance{srv: srv, scope: s, guard: g, meter: ext.MeterOf(s), file: file}
	s.Defer(func() error { return srv.unload(key, inst) })
	var broken error
	replaces := false
	err = srv.u.Do(s.Context(), inst.task("load"), func(l *lua.LState) {
		srv.staging++
		defer func() { srv.staging-- }()
		srv.hostTable(l, s.Host)
		srv.hosts[s.Host.Name].scope = s
		old := srv.instances[key]
		chunk, err := srv.u.Chunk(file.path, code)
		if err != nil {
			broken, replaces = err, old != nil
			return
		}
		saved := lua.LNil
		if old != nil {
			replaces = true
			if saved, broken = srv.suspend(l, old); broken != nil {
				return
			}
		}
		inst.chunk = chunk
		if broken = srv.run(l, inst, saved, old != nil); broken != nil {
			srv.drop(l, inst)
			if old != nil {
				srv.revive(l, old, saved)
			}
			return
		}
		srv.instances[key] = inst
	})
	if err == nil {
		err = broken
	}
	if err != nil {
		return &brokenError{err, replaces}
	}
	return nil
}

// run runs a module's chunk with a new API object, and its load function.
func (srv *Server) run(l *lua.LState, inst *instance, saved lua.LValue, reloading bool) error {
	ud := l.NewUserData()
	ud.Value = inst
	host := srv.hosts[inst.scope.Host.Name]
	inst.api, _ = srv.callBoot(l, "new_module", lua.LString(inst.file.word), host.table, lua.LString(inst.file.path), ud).(*lua.LTable)
	if inst.api == nil {
		return fmt.Errorf("no API object was made for %s", inst.file.word)
	}
	env := srv.u.NewEnvironment(l, inst.api)
	inst.api.RawSetString("environment", env)
	l.Push(srv.boot.RawGetString("run_module"))
	l.Push(inst.api)
	l.Push(srv.u.LoadChunk(l, inst.chunk, env))
	l.Push(saved)
	l.Push(lua.LBool(reloading))
	l.Call(4, 1)
	failed := l.Get(-1)
	l.Pop(1)
	if failed != lua.LNil {
		return fmt.Errorf("%s", failed.String())
	}
	if _, ok := inst.api.RawGetString("command").(*lua.LFunction); ok {
		srv.offer(inst.file.word)
	}
	return nil
}

// suspend saves an instance's state and unloads it; its code stays for revive.
func (srv *Server) suspend(l *lua.LState, old *instance) (lua.LValue, error) {
	l.Push(srv.boot.RawGetString("save_module"))
	l.Push(old.api)
	l.Call(1, 2)
	saved, failed := l.Get(-2), l.Get(-1)
	l.Pop(2)
	if failed != lua.LNil {
		return lua.LNil, fmt.Errorf("save: %s", failed.String())
	}
	srv.drop(l, old)
	return saved, nil
}

// revive loads an instance again that suspend has unloaded.
func (srv *Server) revive(l *lua.LState, old *instance, saved lua.LValue) {
	if err := srv.run(l, old, saved, true); err != nil {
		old.scope.Log.Error("module not loaded again after its new version has failed", "err", err)
		return
	}
	srv.instances[instanceKey{old.scope.Host.Name, old.file.word}] = old
}

// drop takes away all that a module has attached, and calls its unload.
func (srv *Server) drop(l *lua.LState, inst *instance) {
	if inst.api != nil {
		srv.callBoot(l, "unload_module", inst.api)
	}
	for _, h := range inst.handlers {
		h.gone.Store(true)
	}
	inst.handlers = nil
	key := instanceKey{inst.scope.Host.Name, inst.file.word}
	if srv.instances[key] == inst {
		delete(srv.instances, key)
	}
}

// unload ends an instance when its scope ends.
func (srv *Server) unload(key instanceKey, inst *instance) error {
	return srv.u.Do(context.Background(), inst.task("unload"), func(l *lua.LState) {
		if srv.instances[key] == inst || inst.api != nil && len(inst.handlers) > 0 {
			srv.drop(l, inst)
		}
	})
}

// hook attaches a function to an event of the instance's host.
func (inst *instance) hook(event string, fn lua.LValue, prio float64) {
	h := &handler{inst: inst, event: event, fn: fn, prio: prio}
	h.task = universe.Task{Name: "mod_" + inst.file.word + ": " + event + " on " + inst.scope.Host.Name, Limit: inst.srv.options.Load().Timeout}
	inst.handlers = append(inst.handlers, h)
	if attach := point(event); attach != nil {
		attach(inst.scope, h)
	}
}

// unhook takes a function back.
func (inst *instance) unhook(event string, fn lua.LValue) {
	for i, h := range inst.handlers {
		if h.event == event && h.fn == fn {
			h.gone.Store(true)
			inst.handlers = append(inst.handlers[:i:i], inst.handlers[i+1:]...)
			return
		}
	}
}
