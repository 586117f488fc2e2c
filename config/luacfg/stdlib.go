// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
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
	set("", r.baseLib())
	set("string", r.stringLib())
	set("table", r.tableLib())
	set("math", r.mathLib())
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
		"assert":         baseAssert,
		"collectgarbage": r.baseCollect,
		"dofile":         r.doFile,
		"error": func(l *lua.LState) int {
			level := integer(l, 2, 1)
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
		"rawlen":     func(l *lua.LState) int { l.Push(lua.LNumber(l.CheckTable(1).Len())); return 1 },
		"rawset": func(l *lua.LState) int {
			t, k := l.CheckTable(1), l.CheckAny(2)
			r.grow(l, t, k)
			l.RawSet(t, k, l.CheckAny(3))
			l.Push(t)
			return 1
		},
		"require":  r.require,
		"tonumber": baseToNumber,
		"tostring": func(l *lua.LState) int { l.Push(lua.LString(text(l, l.CheckAny(1)))); return 1 },
		"unpack":   r.tabUnpack,
		"xpcall":   baseXPCall,
	}
}

func baseAssert(l *lua.LState) int {
	if l.ToBool(1) {
		return l.GetTop()
	}
	l.CheckAny(1)
	if msg := l.Get(2); msg != lua.LNil {
		l.Error(msg, 0)
	}
	l.RaiseError("assertion failed!")
	return 0
}

func (r *runner) baseCollect(l *lua.LState) int {
	n := lua.LNumber(0)
	if optArg(l, 1, "collect") == "count" {
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
		words[i] = text(l, l.Get(i+1))
		r.alloc(l, 2*len(words[i]))
		r.printed += len(words[i])
	}
	if r.printed++; r.printed > maxPrinted {
		l.RaiseError("the config prints more than %d KiB", maxPrinted>>10)
	}
	fmt.Fprintln(r.output, strings.Join(words, "\t"))
	return 0
}

func baseToNumber(l *lua.LState) int {
	base := integer(l, 2, 10)
	n := lua.LNil
	switch v := l.CheckAny(1).(type) {
	case lua.LNumber:
		n = v
	case lua.LString:
		s := strings.TrimSpace(string(v))
		if base == 10 {
			if f, ok := parseNumber(s); ok {
				n = lua.LNumber(f)
			}
			break
		}
		if base < 2 || base > 36 {
			l.ArgError(2, "base out of range")
		}
		if base == 16 {
			s = strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
		}
		if u, err := strconv.ParseUint(s, base, 64); err == nil {
			n = lua.LNumber(u)
		}
	}
	l.Push(n)
	return 1
}

// parseNumber reads a number as Lua 5.1 does: decimal, with or without an
// exponent, or whole in hexadecimal.
func parseNumber(s string) (float64, bool) {
	sign := 1.0
	digits := s
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, digits = -1, rest
	}
	if len(digits) > 2 && (digits[:2] == "0x" || digits[:2] == "0X") {
		u, err := strconv.ParseUint(digits[2:], 16, 64)
		return sign * float64(u), err == nil
	}
	if digits == "" || !isDigit(digits[0]) && digits[0] != '.' && digits[0] != '+' || strings.ContainsAny(digits, "_xXpPiInN") {
		return 0, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return sign * f, true
}

// baseXPCall passes on arguments, as Lua does from 5.2 on.
func baseXPCall(l *lua.LState) int {
	fn, handler := l.CheckAny(1), l.CheckFunction(2)
	args := l.GetTop() - 2
	top := l.GetTop()
	l.Push(fn)
	for i := range args {
		l.Push(l.Get(3 + i))
	}
	if err := l.PCall(args, lua.MultRet, handler); err != nil {
		l.SetTop(top)
		l.Push(lua.LFalse)
		if failed, ok := err.(*lua.ApiError); ok && failed.Object != nil { //nolint:errorlint // PCall does not wrap
			l.Push(failed.Object)
			return 2
		}
		l.Push(lua.LString(err.Error()))
		return 2
	}
	l.Insert(lua.LTrue, top+1)
	return l.GetTop() - top
}

// mathLib replaces what would touch the random numbers of the whole process.
func (r *runner) mathLib() map[string]lua.LGFunction {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // Lua's math.random promises no secrecy
	return map[string]lua.LGFunction{
		"random": func(l *lua.LState) int {
			low, high := 1, integer(l, 1, 0)
			switch l.GetTop() {
			case 0:
				l.Push(lua.LNumber(random.Float64()))
				return 1
			case 1:
			default:
				low, high = high, integer(l, 2, 0)
			}
			if low > high {
				l.ArgError(l.GetTop(), "interval is empty")
			}
			l.Push(lua.LNumber(low + random.IntN(high-low+1)))
			return 1
		},
		"randomseed": func(l *lua.LState) int {
			random = rand.New(rand.NewPCG(uint64(integer(l, 1, 0)), 0)) //nolint:gosec // as above
			return 0
		},
		"type": func(l *lua.LState) int {
			n, ok := l.CheckAny(1).(lua.LNumber)
			switch {
			case !ok:
				l.Push(lua.LNil)
			case float64(n) == math.Trunc(float64(n)):
				l.Push(lua.LString("integer"))
			default:
				l.Push(lua.LString("float"))
			}
			return 1
		},
		"tointeger": func(l *lua.LState) int {
			n, ok := l.CheckAny(1).(lua.LNumber)
			if !ok || float64(n) != math.Trunc(float64(n)) {
				l.Push(lua.LNil)
				return 1
			}
			l.Push(n)
			return 1
		},
	}
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
		r.alloc(l, costThread)
		n := create(l)
		if thread, ok := l.Get(-1).(*lua.LState); ok {
			thread.SetContext(r.budget)
		}
		return n
	}))
	t.RawSetString("wrap", l.NewFunction(func(l *lua.LState) int {
		r.alloc(l, costThread)
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
		"clock": func(l *lua.LState) int { l.Push(lua.LNumber(time.Since(r.start).Seconds())); return 1 },
		"date":  r.osDate,
		"difftime": func(l *lua.LState) int {
			l.Push(l.CheckNumber(1) - l.CheckNumber(2))
			return 1
		},
		"getenv": func(l *lua.LState) int { l.Push(r.env(arg(l, 1))); return 1 },
		"time":   osTime,
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
