// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"errors"
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// openLibs opens the libraries of Lua 5.1 that a config may use, repaired,
// bounded, and without what changes the world.
func (r *runner) openLibs() {
	l := r.state
	for _, open := range []lua.LGFunction{
		lua.OpenPackage, lua.OpenBase, lua.OpenTable, lua.OpenString,
		lua.OpenMath, lua.OpenDebug, lua.OpenCoroutine, lua.OpenOs,
	} {
		l.Push(l.NewFunction(open))
		l.Call(0, 0)
	}
	globals := l.G.Global
	set := func(library string, funcs map[string]lua.LGFunction) {
		t := globals
		if library != "" {
			t, _ = globals.RawGetString(library).(*lua.LTable)
		}
		for name, fn := range funcs {
			t.RawSetString(name, l.NewFunction(fn))
		}
	}
	for _, name := range []string{"_printregs", "_GOPHER_LUA_VERSION", "newproxy"} {
		globals.RawSetString(name, lua.LNil)
	}
	set("", r.library.Base())
	set("", r.baseLib())
	set("string", r.library.String())
	set("string", map[string]lua.LGFunction{"dump": func(l *lua.LState) int {
		l.RaiseError("string.dump is not available: the config takes no bytecode")
		return 0
	}})
	set("table", r.library.Table())
	set("table", r.tableLib())
	set("math", r.library.Math())
	set("os", r.library.OS())
	set("os", r.osLib())
	for _, name := range []string{"getfenv", "getlocal", "getmetatable", "getupvalue", "setfenv", "setlocal", "setmetatable", "setupvalue"} {
		set("debug", map[string]lua.LGFunction{
			name: refuse("debug."+name, "there are debug.traceback and debug.getinfo"),
		})
	}
	set("package", map[string]lua.LGFunction{"loadlib": refuse("package.loadlib", "use RunScript, dofile or require")})
	r.openIO()
	r.openCoroutine()
	if m, ok := globals.RawGetString("math").(*lua.LTable); ok {
		m.RawSetString("huge", lua.LNumber(math.Inf(1)))
	}
}

func (r *runner) baseLib() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"collectgarbage": r.baseCollect,
		"dofile":         r.doFile,
		"error": func(l *lua.LState) int {
			level := lua51.Integer(l, 2, 1)
			if level > 0 {
				level++ // gopher-lua counts error itself
			}
			l.Error(l.Get(1), level)
			return 0
		},
		"load":       r.baseLoad,
		"loadfile":   r.baseLoadFile,
		"loadstring": r.baseLoad,
		"print":      r.basePrint,
		"rawset": func(l *lua.LState) int {
			t, k := l.CheckTable(1), l.CheckAny(2)
			r.grow(l, t, k)
			l.RawSet(t, k, l.CheckAny(3))
			l.Push(t)
			return 1
		},
		"pcall":   r.basePCall,
		"require": r.require,
		"xpcall":  r.baseXPCall,
	}
}

func (r *runner) baseCollect(l *lua.LState) int {
	n := lua.LNumber(0)
	if lua51.OptArg(l, 1, "collect") == "count" {
		n = lua.LNumber(float64(r.charged) / 1024)
	}
	l.Push(n)
	return 1
}

// maxPrinted is how many bytes a run may print: it is the server's log.
const maxPrinted = 1 << 20

func (r *runner) basePrint(l *lua.LState) int {
	words := make([]string, l.GetTop())
	for i := range words {
		words[i] = lua51.Text(l, l.Get(i+1))
		r.Alloc(l, 2*len(words[i]))
		r.printed += len(words[i])
	}
	if r.printed++; r.printed > maxPrinted {
		l.RaiseError("the config prints more than %d KiB", maxPrinted>>10)
	}
	fmt.Fprintln(r.output, strings.Join(words, "\t"))
	return 0
}

// maxProtected is how many calls through pcall nest: each takes a part of the
// Go stack.
const maxProtected = 100

// protect calls the function below the n arguments on top of the stack, on a
// thread of its own: gopher-lua closes the upvalues of all functions on the
// stack of a thread that raises an error, those outside of pcall too. It leaves
// the results on the stack, and says how many.
func (r *runner) protect(l *lua.LState, n int) (results int, raised lua.LValue) {
	if r.protected >= maxProtected {
		l.RaiseError("protected calls nest too deep")
	}
	r.protected++
	defer func() { r.protected-- }()
	r.Alloc(l, costThread)
	thread, _ := l.NewThread()
	thread.SetContext(r.budget)
	l.XMoveTo(thread, n+1)
	if err := thread.PCall(n, lua.MultRet, nil); err != nil {
		if failed, ok := errors.AsType[*lua.ApiError](err); ok && failed.Object != nil {
			return 0, failed.Object
		}
		return 0, lua.LString(err.Error())
	}
	results = thread.GetTop()
	thread.XMoveTo(l, results)
	return results, nil
}

func (r *runner) basePCall(l *lua.LState) int {
	l.CheckAny(1)
	l.Insert(lua.LTrue, 1)
	n, raised := r.protect(l, l.GetTop()-2)
	if raised != nil {
		l.Push(lua.LFalse)
		l.Push(raised)
		return 2
	}
	return n + 1
}

// baseXPCall passes on arguments, as Lua does from 5.2 on.
func (r *runner) baseXPCall(l *lua.LState) int {
	l.CheckAny(1)
	handler := l.CheckFunction(2)
	l.Remove(2)
	l.Insert(lua.LTrue, 1)
	n, raised := r.protect(l, l.GetTop()-2)
	if raised == nil {
		return n + 1
	}
	l.Push(handler)
	l.Push(raised)
	if n, raised = r.protect(l, 1); raised != nil {
		l.Push(raised)
		n = 1
	}
	l.Insert(lua.LFalse, l.GetTop()-n+1)
	return n + 1
}

// openCoroutine puts coroutines under the budget too, and bounds how deep they
// resume each other: each takes a part of the Go stack.
func (r *runner) openCoroutine() {
	const deepest = 50
	l := r.state
	t, ok := l.G.Global.RawGetString("coroutine").(*lua.LTable)
	if !ok {
		return
	}
	native := func(name string) lua.LGFunction {
		fn, _ := t.RawGetString(name).(*lua.LFunction)
		return fn.GFunction
	}
	create, wrap, resume := native("create"), native("wrap"), native("resume")
	depth := 0
	bounded := func(fn lua.LGFunction) lua.LGFunction {
		return func(l *lua.LState) int {
			if depth >= deepest {
				l.RaiseError("coroutines resume each other too deep")
			}
			depth++
			defer func() { depth-- }()
			return fn(l)
		}
	}
	t.RawSetString("create", l.NewFunction(func(l *lua.LState) int {
		r.Alloc(l, costThread)
		n := create(l)
		if thread, ok := l.Get(-1).(*lua.LState); ok {
			thread.SetContext(r.budget)
		}
		return n
	}))
	t.RawSetString("wrap", l.NewFunction(func(l *lua.LState) int {
		r.Alloc(l, costThread)
		n := wrap(l)
		if fn, ok := l.Get(-1).(*lua.LFunction); ok {
			if thread, ok := fn.Upvalues[0].Value().(*lua.LState); ok {
				thread.SetContext(r.budget)
			}
			fn.GFunction = bounded(fn.GFunction)
		}
		return n
	}))
	t.RawSetString("resume", l.NewFunction(bounded(resume)))
}

// osLib is what is left of os: the clock and the environment.
func (r *runner) osLib() map[string]lua.LGFunction {
	funcs := map[string]lua.LGFunction{
		"getenv": func(l *lua.LState) int { l.Push(r.env(lua51.Arg(l, 1))); return 1 },
	}
	for name, instead := range map[string]string{
		"execute": "run the command before the server starts, and read what it wrote with FileContents or FileLines",
		"exit":    `use error("reason") to refuse the config`,
		"remove":  "the config can only read files",
		"rename":  "the config can only read files",
		"setenv":  "set it where the server is started, and read it as ENV_NAME",
		"tmpname": "the config can only read files",
	} {
		funcs[name] = refuse("os."+name, instead)
	}
	return funcs
}

// refuse returns a function that does not do what its name says.
func refuse(name, instead string) lua.LGFunction {
	return func(l *lua.LState) int {
		l.RaiseError("%s is not available to the config; %s", name, instead)
		return 0
	}
}

func (r *runner) env(name string) lua.LValue {
	if v, ok := r.getenv(name); ok {
		return lua.LString(v)
	}
	return lua.LNil
}
