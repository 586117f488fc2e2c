// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// call is one call on the stack of a fiber.
type call struct {
	thread *lua.LState
	debug  *lua.Debug
	fn     *lua.LFunction
	level  int // on the thread
}

// callAt returns call number level of a thread, 0 being the innermost.
func callAt(l *lua.LState, level int) (c call, ok bool) {
	dbg, ok := l.GetStack(level)
	if !ok {
		return c, false
	}
	v, err := l.GetInfo("Slnf", dbg, lua.LNil)
	if err != nil {
		return c, false
	}
	c = call{thread: l, debug: dbg, level: level}
	c.fn, _ = v.(*lua.LFunction)
	return c, c.fn != nil
}

// depth returns how many levels the stack of a thread has, without the protector.
func (u *Universe) depth(l *lua.LState) int {
	high := 16
	for {
		if _, ok := l.GetStack(high); !ok {
			break
		}
		high *= 2
	}
	low := 0 // the first level that is not there lies between low and high
	for low < high {
		middle := (low + high) / 2
		if _, ok := l.GetStack(middle); ok {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if c, ok := callAt(l, low-1); ok && c.fn == u.protector {
		low--
	}
	return low
}

// callOf returns call number level of a fiber, counted through its threads: the
// caller of pcall stands on another thread than what it calls.
func (u *Universe) callOf(f *fiber, level int) (c call, ok bool) {
	for _, l := range slices.Backward(f.chain) {
		if c, ok = callAt(l, level); ok && c.fn != u.protector {
			return c, true
		}
		level -= u.depth(l)
	}
	return c, false
}

// place is "file:line:" of a call, or "" if it is of a function in Go.
func (c call) place() string {
	if c.fn.IsG {
		return ""
	}
	return c.fn.Proto.SourceName + ":" + strconv.Itoa(c.debug.CurrentLine) + ":"
}

// where is what error puts in front of a message: the place of call number
// level of what runs, and a space.
func (u *Universe) where(level int) string {
	c, ok := u.callOf(u.now.fiber, level)
	if !ok || c.fn.IsG {
		return ""
	}
	return c.place() + " "
}

// position is where of the innermost call of Lua on a thread from level on.
func position(l *lua.LState, level int) string {
	for ; ; level++ {
		c, ok := callAt(l, level)
		if !ok {
			return ""
		}
		if !c.fn.IsG {
			return c.place() + " "
		}
	}
}

// How many calls a traceback names at its two ends.
const tracedFirst, tracedLast = 12, 10

// traceback describes the calls of a fiber from level on, as Lua does.
func (u *Universe) traceback(f *fiber, level int) string {
	var b strings.Builder
	b.WriteString("stack traceback:")
	total := 0
	depths := make([]int, len(f.chain))
	for i, l := range f.chain {
		depths[i] = u.depth(l)
		total += depths[i]
	}
	n := 0 // levels passed
	skipped := false
	for i, l := range slices.Backward(f.chain) {
		for at := 0; at < depths[i]; at, n = at+1, n+1 {
			switch left := total - n; {
			case n < level:
				continue
			case n >= level+tracedFirst && left > tracedLast:
				if !skipped {
					b.WriteString("\n\t...")
				}
				skipped = true
				if jump := min(left-tracedLast, depths[i]-at) - 1; jump > 0 {
					at, n = at+jump, n+jump
				}
				continue
			}
			if c, ok := callAt(l, at); ok {
				b.WriteString("\n\t" + c.describe(at == depths[i]-1))
			}
		}
	}
	return b.String()
}

// describe is a line of a traceback. What is called first on a thread has no
// name there.
func (c call) describe(first bool) string {
	place, name := c.place(), c.name(first)
	if place == "" {
		place = "[C]:"
	}
	switch {
	case !c.fn.IsG && c.fn.Proto.LineDefined == 0:
		return place + " in main chunk"
	case name != "":
		return place + " in function '" + name + "'"
	case c.fn.IsG:
		return place + " ?"
	}
	return place + " in function <" + c.fn.Proto.SourceName + ":" + strconv.Itoa(c.fn.Proto.LineDefined) + ">"
}

// name is what the caller called it, if that is known.
func (c call) name(first bool) string {
	switch n := c.debug.Name; {
	case first, n == "?", strings.HasPrefix(n, "("), strings.HasPrefix(n, "<"), strings.HasPrefix(n, "main chunk"), n == "corountine":
		return ""
	default:
		return n
	}
}

// fiberArg returns the fiber that a function of debug is asked about, and how
// many arguments in front tell so.
func (u *Universe) fiberArg(l *lua.LState) (f *fiber, skip int) {
	th, ok := l.Get(1).(*lua.LState)
	if !ok {
		return u.now.fiber, 0
	}
	if co := u.coroutineOf(th); co != nil {
		return &co.fiber, 1
	}
	return u.now.fiber, 1
}

func (u *Universe) openDebug() {
	l := u.main
	t := l.RegisterModule("debug", map[string]lua.LGFunction{}).(*lua.LTable) //nolint:forcetypeassert // that is what it makes
	lua.OpenDebug(l)
	l.Pop(1)
	lua51.Set(l, t, map[string]lua.LGFunction{
		"gethook":      func(*lua.LState) int { return 0 },
		"getinfo":      u.debugGetInfo,
		"getlocal":     u.debugGetLocal,
		"getmetatable": u.debugGetMetatable,
		"getregistry":  func(l *lua.LState) int { l.Push(l.G.Registry); return 1 },
		"getupvalue":   u.debugGetUpvalue,
		"sethook":      func(*lua.LState) int { return 0 },
		"setlocal":     u.debugSetLocal,
		"setupvalue":   u.debugSetUpvalue,
		"traceback":    u.debugTraceback,
	})
}

// debugTraceback is debug.traceback([thread,] [message [, level]]).
func (u *Universe) debugTraceback(l *lua.LState) int {
	f, skip := u.fiberArg(l)
	msg := l.Get(skip + 1)
	if msg != lua.LNil && !lua51.IsText(msg) {
		l.Push(msg)
		return 1
	}
	level := 1
	if f != u.now.fiber {
		level = 0
	}
	text := u.traceback(f, lua51.Integer(l, skip+2, level))
	if msg != lua.LNil {
		text = lua51.ToText(msg) + "\n" + text
	}
	l.Push(lua.LString(text))
	return 1
}

// debugGetInfo is debug.getinfo([thread,] function or level [, what]).
func (u *Universe) debugGetInfo(l *lua.LState) int {
	f, skip := u.fiberArg(l)
	what := lua51.OptArg(l, skip+2, "Slnuf")
	var c call
	active := true
	switch v := l.Get(skip + 1).(type) {
	case *lua.LFunction:
		c, active = call{fn: v, debug: &lua.Debug{}}, false
	case lua.LNumber:
		var ok bool
		if c, ok = u.callOf(f, int(v)); !ok {
			l.Push(lua.LNil)
			return 1
		}
	default:
		l.ArgError(skip+1, "function or level expected")
	}
	t := l.CreateTable(0, 12)
	for _, w := range what {
		switch w {
		case 'S':
			u.sourceInfo(t, c.fn)
		case 'l':
			line := -1
			if active && !c.fn.IsG {
				line = c.debug.CurrentLine
			}
			t.RawSetString("currentline", lua.LNumber(line))
		case 'u':
			upvalueInfo(t, c.fn)
		case 'n':
			t.RawSetString("namewhat", lua.LString(""))
			if name := c.name(!active || c.level == u.depth(c.thread)-1); name != "" {
				t.RawSetString("name", lua.LString(name))
				t.RawSetString("namewhat", lua.LString("local"))
			}
		case 'f':
			t.RawSetString("func", c.fn)
		case 'L':
			t.RawSetString("activelines", activeLines(l, c.fn))
		default:
			l.ArgError(skip+2, "invalid option")
		}
	}
	l.Push(t)
	return 1
}

func (u *Universe) sourceInfo(t *lua.LTable, fn *lua.LFunction) {
	what, source, short, first, last := "C", "=[C]", "[C]", -1, -1
	if !fn.IsG {
		what, short, first, last = "Lua", fn.Proto.SourceName, fn.Proto.LineDefined, fn.Proto.LastLineDefined
		if source = u.chunks[short]; source == "" {
			source = "@" + short
		}
		if first == 0 {
			what = "main"
		}
	}
	t.RawSetString("what", lua.LString(what))
	t.RawSetString("source", lua.LString(source))
	t.RawSetString("short_src", lua.LString(short))
	t.RawSetString("linedefined", lua.LNumber(first))
	t.RawSetString("lastlinedefined", lua.LNumber(last))
}

func upvalueInfo(t *lua.LTable, fn *lua.LFunction) {
	nups, params, vararg := len(fn.Upvalues), 0, true
	if !fn.IsG {
		nups = len(upvalues(fn))
		params, vararg = int(fn.Proto.NumParameters), fn.Proto.IsVarArg != 0
	}
	t.RawSetString("nups", lua.LNumber(nups))
	t.RawSetString("nparams", lua.LNumber(params))
	t.RawSetString("isvararg", lua.LBool(vararg))
}

func activeLines(l *lua.LState, fn *lua.LFunction) lua.LValue {
	if fn.IsG {
		return lua.LNil
	}
	t := l.NewTable()
	for _, line := range fn.Proto.DbgSourcePositions {
		t.RawSetInt(line, lua.LTrue)
	}
	return t
}
