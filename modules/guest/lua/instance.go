// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	left     []*handler // those that it had when it was dropped: they are attached
	replaces *instance  // whose place it takes, until it has it
	given    lua.LValue // what that one had saved
}

// loadLimit is how long a module may take to load, save its state or unload.
var loadLimit = 10 * time.Second // shorter in tests

func (inst *instance) task(what string) *universe.Task {
	return &universe.Task{Name: "mod_" + inst.file.word + ": " + what + " on " + inst.scope.Host.Name, Limit: loadLimit}
}

// metered is (module, function, ...) -> its results: a call that counts as one of
// the module's, for it is in no handler of an event. What is suspended is not
// called.
func (inst *instance) metered(l *lua.LState) int {
	if inst.guard.Suspended() {
		return 0
	}
	l.Remove(1)
	began, finished := time.Now(), false
	defer func() {
		inst.meter.Call(context.Background(), time.Since(began))
		if !finished {
			inst.meter.Error()
		}
	}()
	l.Call(l.GetTop()-1, lua.MultRet)
	finished = true
	return l.GetTop()
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
		before := srv.staged
		srv.staging, srv.staged = srv.staging+1, s.Config()
		defer func() { srv.staging, srv.staged = srv.staging-1, before }()
		srv.hostTable(l, s.Host)
		srv.hosts[s.Host.Name].served = true
		old := srv.instances[key]
		chunk, err := srv.u.Chunk(file.path, code)
		if err != nil {
			broken, replaces = err, old != nil
			return
		}
		saved := lua.LNil
		if old != nil {
			replaces = true
			if saved, broken = srv.suspend(old); broken != nil {
				return
			}
		}
		inst.chunk = chunk
		if broken = srv.run(inst, saved, old != nil); broken != nil {
			srv.drop(inst)
			if old != nil {
				if err := srv.revive(old, saved); err != nil {
					s.Log.Error("module not loaded again after its new version has failed", "err", err)
				}
			}
			return
		}
		srv.instances[key] = inst
		inst.lacks(l, code)
		if old != nil {
			inst.replaces, inst.given = old, saved
			old.bequeath(inst)
		}
	})
	if err == nil {
		err = broken
	}
	if err != nil {
		return &brokenError{err, replaces}
	}
	return nil
}

// apart runs fn in a frame of its own: what stops it, a loop without end or too
// much memory, does not stop the one that calls.
func (inst *instance) apart(what string, fn func(l *lua.LState)) (err error) {
	srv := inst.srv
	srv.u.Out(func(ctx context.Context) { err = srv.u.Do(ctx, inst.task(what), fn) })
	return err
}

// run runs a module's chunk with a new API object, and its load function.
func (srv *Server) run(inst *instance, saved lua.LValue, reloading bool) error {
	failed := lua.LNil
	err := inst.apart("load", func(l *lua.LState) { failed = srv.runChunk(l, inst, saved, reloading) })
	switch {
	case err != nil:
		return err
	case failed != lua.LNil:
		return fmt.Errorf("%s", failed.String())
	}
	if _, ok := inst.api.RawGetString("command").(*lua.LFunction); ok {
		srv.offer(inst.file.word)
	}
	return nil
}

func (srv *Server) runChunk(l *lua.LState, inst *instance, saved lua.LValue, reloading bool) (failed lua.LValue) {
	ud := l.NewUserData()
	ud.Value = inst
	host := srv.hosts[inst.scope.Host.Name]
	inst.api, _ = srv.callBoot(l, "new_module", lua.LString(inst.file.word), host.table, lua.LString(inst.file.path), ud).(*lua.LTable)
	if inst.api == nil {
		return lua.LString("no API object was made for " + inst.file.word)
	}
	env := srv.u.NewEnvironment(l, inst.api)
	inst.api.RawSetString("environment", env)
	return srv.callBoot(l, "run_module", inst.api, srv.u.LoadChunk(l, inst.chunk, env), saved, lua.LBool(reloading))
}

// suspend saves an instance's state and unloads it; its code stays for revive,
// and events that are on their way wait for that or for bequeath.
func (srv *Server) suspend(old *instance) (saved lua.LValue, err error) {
	failed := lua.LNil
	err = old.apart("save", func(l *lua.LState) {
		l.Push(srv.boot.RawGetString("save_module"))
		l.Push(old.api)
		l.Call(1, 2)
		saved, failed = l.Get(-2), l.Get(-1)
		l.Pop(2)
	})
	switch {
	case err != nil:
		return lua.LNil, err
	case failed != lua.LNil:
		return lua.LNil, fmt.Errorf("save: %s", failed.String())
	}
	srv.drop(old)
	return saved, nil
}

// revive loads an instance again that suspend has unloaded.
func (srv *Server) revive(old *instance, saved lua.LValue) error {
	err := srv.run(old, saved, true)
	if err != nil {
		srv.drop(old)
	} else {
		srv.instances[instanceKey{old.scope.Host.Name, old.file.word}] = old
	}
	for _, h := range old.left { // what it has not attached again
		h.over.Store(true)
	}
	return err
}

// bequeath has events that are on their way, and meet what was attached when
// they began, handled by what the next instance has attached in its place: each
// of an event's handlers hands on to the one of its rank, and the last to all
// that are left.
func (inst *instance) bequeath(next *instance) {
	heirs := ranked(next.handlers)
	for event, list := range ranked(inst.left) {
		to := heirs[event]
		for i, h := range list {
			switch {
			case i >= len(to):
				h.heirs = nil
			case i == len(list)-1:
				h.heirs = to[i:]
			default:
				h.heirs = to[i : i+1]
			}
			h.over.Store(len(h.heirs) == 0)
		}
	}
}

// ranked are handlers by their events, in the order in which these meet them.
func ranked(all []*handler) map[string][]*handler {
	by := make(map[string][]*handler)
	for _, h := range all {
		by[h.event] = append(by[h.event], h)
	}
	for _, list := range by {
		slices.SortStableFunc(list, func(a, b *handler) int { return cmp.Compare(b.prio, a.prio) })
	}
	return by
}

// drop takes away all that a module has attached, and calls its unload.
func (srv *Server) drop(inst *instance) {
	for _, fn := range [...]string{"unload_module", "forget_module"} { // the second where the first was stopped
		if inst.api == nil {
			break
		}
		err := inst.apart("unload", func(l *lua.LState) { srv.callBoot(l, fn, inst.api) })
		if err == nil {
			break
		}
		inst.scope.Log.Error("module does not end in order", "err", err)
	}
	for _, h := range inst.handlers {
		h.gone, h.heirs = true, nil
	}
	inst.left, inst.handlers = inst.handlers, nil
	key := instanceKey{inst.scope.Host.Name, inst.file.word}
	if srv.instances[key] == inst {
		delete(srv.instances, key)
	}
}

// unload ends an instance when its scope ends.
func (srv *Server) unload(key instanceKey, inst *instance) error {
	return srv.u.Do(context.Background(), inst.task("unload"), func(*lua.LState) {
		srv.stores.Forget() // what it has opened while it was loaded from a config that is not in force, too
		now := srv.instances[key]
		if now != nil && now.replaces == inst {
			now.replaces, now.given = nil, nil
		}
		if was := inst.replaces; now == inst && was != nil && was.scope.Live() {
			srv.giveBack(inst, was)
			return
		}
		if now == inst || inst.api != nil && len(inst.handlers) > 0 {
			srv.drop(inst)
		}
		for _, h := range inst.left {
			h.over.Store(len(h.heirs) == 0)
		}
	})
}

// giveBack loads the instance again that inst was to replace: what it was
// loaded together with has failed. It goes on with the state of inst or, where
// that has none that it can read, with its own of before.
func (srv *Server) giveBack(inst, was *instance) {
	srv.staging++
	defer func() { srv.staging-- }()
	saves := inst.api != nil && inst.api.RawGetString("save") != lua.LNil
	saved, err := srv.suspend(inst)
	switch {
	case err != nil:
		srv.drop(inst)
	case !saves:
		saved = inst.given
		fallthrough
	default:
		if err = srv.revive(was, saved); err == nil {
			return
		}
	}
	was.scope.Log.Error("module loaded again with its state of before", "err", err)
	if err := srv.revive(was, inst.given); err != nil {
		was.scope.Log.Error("module not loaded again after its new version has failed", "err", err)
	}
}

// hook attaches a function to an event of the instance's host.
func (inst *instance) hook(event string, fn lua.LValue, prio float64) {
	if h := inst.takeLeft(event, prio); h != nil {
		h.fn, h.gone = fn, false
		h.over.Store(false)
		inst.handlers = append(inst.handlers, h)
		return
	}
	h := &handler{inst: inst, event: event, fn: fn, prio: prio}
	h.task = universe.Task{Name: "mod_" + inst.file.word + ": " + event + " on " + inst.scope.Host.Name, Limit: inst.srv.options.Load().Timeout}
	inst.handlers = append(inst.handlers, h)
	if attach := inst.srv.point(event); attach != nil {
		attach(inst.scope, h)
	}
}

// takeLeft finds what the instance had attached before it was dropped: it is
// used again when it is loaded again.
func (inst *instance) takeLeft(event string, prio float64) *handler {
	for i, h := range inst.left {
		if h.event == event && h.prio == prio {
			inst.left = slices.Delete(inst.left, i, i+1)
			return h
		}
	}
	return nil
}

// unhook takes a function back.
func (inst *instance) unhook(event string, fn lua.LValue) {
	for i, h := range inst.handlers {
		if h.event == event && h.fn == fn {
			h.gone = true
			h.over.Store(true)
			inst.handlers = append(inst.handlers[:i:i], inst.handlers[i+1:]...)
			return
		}
	}
}
