// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/core/memory"
)

// openLibraries makes the globals.
func (u *Universe) openLibraries() {
	l := u.main
	for _, open := range []lua.LGFunction{
		lua.OpenPackage, lua.OpenBase, lua.OpenTable, lua.OpenString, lua.OpenMath, lua.OpenOs,
	} {
		l.Push(l.NewFunction(open))
		l.Call(0, 0)
	}
	ud := l.NewUserData()
	ud.Value = u
	l.G.Registry.RawSetString(registryKey, ud)
	for _, name := range []string{"_printregs", "_GOPHER_LUA_VERSION"} {
		l.G.Global.RawSetString(name, lua.LNil)
	}
	for name, funcs := range map[string]map[string]lua.LGFunction{
		"": u.library.Base(), "string": u.library.String(), "table": u.library.Table(), "math": u.library.Math(),
		"os": u.library.OS(), "bit32": lua51.Bit32(), "utf8": u.library.UTF8(),
	} {
		lua51.Set(l, u.libraryTable(name), funcs)
	}
	u.libraryTable("string").RawSetString("gfind", u.libraryTable("string").RawGetString("gmatch"))
	u.libraryTable("math").RawSetString("huge", lua.LNumber(math.Inf(1)))
	u.libraryTable("utf8").RawSetString("charpattern", lua.LString(lua51.UTF8CharPattern))
	u.openCoroutine()
	u.openDebug()
	u.openFunctions()
	u.openFiles()
	u.openTask()
	u.loaders["util.events"] = eventsLibrary
	lua51.Set(l, l.G.Global, u.baseFunctions())
	u.openPackage()
	u.openGlobals()
}

// libraryTable returns the global table of a library, which is a loaded module
// too; "" stands for the globals themselves.
func (u *Universe) libraryTable(name string) *lua.LTable {
	if name == "" {
		return u.main.G.Global
	}
	t, ok := u.main.G.Global.RawGetString(name).(*lua.LTable)
	if !ok {
		t, _ = u.main.RegisterModule(name, map[string]lua.LGFunction{}).(*lua.LTable)
	}
	return t
}

func (u *Universe) baseFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"collectgarbage": u.collectGarbage,
		"dofile":         u.luaDoFile,
		"error":          u.luaError,
		"gcinfo":         func(l *lua.LState) int { l.Push(lua.LNumber(memory.InUse() >> 10)); return 1 },
		"getfenv":        u.getFEnv,
		"load":           u.luaLoad,
		"loadfile":       u.luaLoadFile,
		"loadstring":     u.luaLoad,
		"pcall":          u.luaPCall,
		"print":          u.luaPrint,
		"require":        u.luaRequire,
		"setfenv":        u.setFEnv,
		"xpcall":         u.luaXPCall,
	}
}

func (u *Universe) luaPrint(l *lua.LState) int {
	words := make([]string, l.GetTop())
	for i := range words {
		words[i] = lua51.Text(l, l.Get(i+1))
		(*meter)(u).Alloc(l, 2*len(words[i]))
	}
	u.log.Info("printed by Lua", "text", strings.Join(words, "\t"))
	return 0
}

// Logf logs what Lua says: level is Prosody's (debug, info, warn, error), name
// that of the logger.
func (u *Universe) Logf(level, name, text string) {
	switch level {
	case "error":
		u.log.Error("Lua says", "logger", name, "text", text)
	case "warn":
		u.log.Warn("Lua says", "logger", name, "text", text)
	case "info":
		u.log.Info("Lua says", "logger", name, "text", text)
	default:
		u.log.Debug("Lua says", "logger", name, "text", text)
	}
}

// collectGarbage answers what it is asked; the collector is Go's.
func (u *Universe) collectGarbage(l *lua.LState) int {
	n := 0.0
	if lua51.OptArg(l, 1, "collect") == "count" {
		n = float64(memory.InUse()) / 1024
	}
	l.Push(lua.LNumber(n))
	return 1
}

// NewEnvironment makes the environment of a module: what the module sets stays
// in it, everything else is a global's.
func (u *Universe) NewEnvironment(l *lua.LState, module lua.LValue) *lua.LTable {
	env, mt := l.CreateTable(0, 8), l.CreateTable(0, 1)
	mt.RawSetString("__index", l.G.Global)
	env.Metatable = mt
	env.RawSetString("module", module)
	return env
}

// functionOrLevel returns the function that getfenv and setfenv mean; nil for
// the thread.
func (u *Universe) functionOrLevel(l *lua.LState) *lua.LFunction {
	if fn, ok := l.Get(1).(*lua.LFunction); ok {
		return fn
	}
	level := lua51.Integer(l, 1, 1)
	if level < 0 {
		l.ArgError(1, "level must be non-negative")
	}
	if level == 0 {
		return nil
	}
	c, ok := u.callOf(u.now.fiber, level)
	if !ok {
		l.ArgError(1, "invalid level")
	}
	return c.fn
}

func (u *Universe) getFEnv(l *lua.LState) int {
	fn := u.functionOrLevel(l)
	if fn == nil || fn.IsG || fn.Env == nil {
		l.Push(l.G.Global)
	} else {
		l.Push(fn.Env)
	}
	return 1
}

func (u *Universe) setFEnv(l *lua.LState) int {
	env := l.CheckTable(2)
	fn := u.functionOrLevel(l)
	if fn == nil {
		return 0 // a thread's environment is that of what it loads; we have one for all
	}
	if fn.IsG {
		l.RaiseError("'setfenv' cannot change environment of given object")
	}
	fn.Env = env
	l.Push(fn)
	return 1
}

// openGlobals gives the globals a metatable. While they are locked, reading
// what is not set logs a warning, and setting it is an error; what a library
// sets while it is loaded is set for who required it.
func (u *Universe) openGlobals() {
	l := u.main
	mt := l.CreateTable(0, 2)
	lua51.Set(l, mt, map[string]lua.LGFunction{"__index": u.missingGlobal, "__newindex": u.newGlobal})
	l.G.Global.Metatable = mt
}

// LockGlobals locks the globals, or unlocks them.
func (u *Universe) LockGlobals(locked bool) { u.locked = locked }

func (u *Universe) missingGlobal(l *lua.LState) int {
	name := l.Get(2)
	if u.loading != nil {
		if v := u.loading.RawGet(name); v != lua.LNil {
			l.Push(v)
			return 1
		}
	}
	if u.locked {
		u.log.Warn("Lua reads a global that is not set", "name", name.String(), "traceback", u.traceback(u.now.fiber, 1))
	}
	l.Push(lua.LNil)
	return 1
}

func (u *Universe) newGlobal(l *lua.LState) int {
	name, v := l.Get(2), l.Get(3)
	switch {
	case u.loading != nil:
		l.RawSet(u.loading, name, v)
	case u.locked:
		l.Error(lua.LString(fmt.Sprintf("%sattempt to set the global '%s', which is not declared", u.where(1), name.String())), 0)
	default:
		l.RawSet(l.CheckTable(1), name, v)
	}
	return 0
}
