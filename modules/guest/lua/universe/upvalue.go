// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// upvalues lists the indices of a function's upvalues that its source names;
// those that the compiler of ours adds have names in brackets.
func upvalues(fn *lua.LFunction) []int {
	if fn.IsG {
		return nil
	}
	list := make([]int, 0, len(fn.Upvalues))
	for i, name := range fn.Proto.DbgUpvalues {
		if i < len(fn.Upvalues) && !strings.HasPrefix(name, "(") {
			list = append(list, i)
		}
	}
	return list
}

// upvalueArg returns the upvalue of argument 1 with the number of argument 2.
func upvalueArg(l *lua.LState) (name string, up *lua.Upvalue) {
	fn := l.CheckFunction(1)
	n := lua51.Integer(l, 2, 0)
	list := upvalues(fn)
	if n < 1 || n > len(list) {
		return "", nil
	}
	at := list[n-1]
	return fn.Proto.DbgUpvalues[at], fn.Upvalues[at]
}

func (u *Universe) debugGetUpvalue(l *lua.LState) int {
	name, up := upvalueArg(l)
	if up == nil {
		return 0
	}
	l.Push(lua.LString(name))
	l.Push(up.Value())
	return 2
}

func (u *Universe) debugSetUpvalue(l *lua.LState) int {
	name, up := upvalueArg(l)
	if up == nil {
		return 0
	}
	up.SetValue(l.CheckAny(3))
	l.Push(lua.LString(name))
	return 1
}

// debugGetMetatable looks behind __metatable.
func (u *Universe) debugGetMetatable(l *lua.LState) int {
	switch v := l.CheckAny(1).(type) {
	case *lua.LTable:
		l.Push(v.Metatable)
	case *lua.LUserData:
		l.Push(v.Metatable)
	default:
		l.Push(l.GetMetatable(v))
	}
	return 1
}

// debugGetLocal is debug.getlocal([thread,] level or function, number).
func (u *Universe) debugGetLocal(l *lua.LState) int {
	f, skip := u.fiberArg(l)
	n := lua51.Integer(l, skip+2, 0)
	if fn, ok := l.Get(skip + 1).(*lua.LFunction); ok { // the names of its parameters
		if !fn.IsG && n >= 1 && n <= int(fn.Proto.NumParameters) && n <= len(fn.Proto.DbgLocals) {
			l.Push(lua.LString(fn.Proto.DbgLocals[n-1].Name))
			return 1
		}
		return 0
	}
	c, ok := u.callOf(f, lua51.Integer(l, skip+1, 0))
	if !ok {
		l.ArgError(skip+1, "level out of range")
	}
	name, v := c.thread.GetLocal(c.debug, n)
	if n < 1 || name == "" {
		return 0
	}
	l.Push(lua.LString(name))
	l.Push(v)
	return 2
}

func (u *Universe) debugSetLocal(l *lua.LState) int {
	f, skip := u.fiberArg(l)
	c, ok := u.callOf(f, lua51.Integer(l, skip+1, 0))
	if !ok {
		l.ArgError(skip+1, "level out of range")
	}
	n := lua51.Integer(l, skip+2, 0)
	if n < 1 {
		return 0
	}
	name := c.thread.SetLocal(c.debug, n, l.Get(skip+3))
	if name == "" {
		return 0
	}
	l.Push(lua.LString(name))
	return 1
}

// openFunctions gives functions a metatable: f.name is the upvalue called name.
func (u *Universe) openFunctions() {
	l := u.main
	named := func(fn *lua.LFunction, name string) *lua.Upvalue {
		for _, i := range upvalues(fn) {
			if fn.Proto.DbgUpvalues[i] == name {
				return fn.Upvalues[i]
			}
		}
		return nil
	}
	mt := l.CreateTable(0, 3)
	lua51.Set(l, mt, map[string]lua.LGFunction{
		"__index": func(l *lua.LState) int {
			if up := named(l.CheckFunction(1), lua51.Arg(l, 2)); up != nil {
				l.Push(up.Value())
				return 1
			}
			return 0
		},
		"__newindex": func(l *lua.LState) int {
			up := named(l.CheckFunction(1), lua51.Arg(l, 2))
			if up == nil {
				l.RaiseError("no upvalue of this name: %s", lua51.Arg(l, 2))
				return 0
			}
			up.SetValue(l.CheckAny(3))
			return 0
		},
		"__tostring": func(l *lua.LState) int {
			l.Push(lua.LString(describeFunction(l.CheckFunction(1))))
			return 1
		},
	})
	l.SetMetatable(l.NewFunction(func(*lua.LState) int { return 0 }), mt)
}

// describeFunction is function<file:line>(parameters).
func describeFunction(fn *lua.LFunction) string {
	if fn.IsG {
		return "function<[C]:-1>(...)"
	}
	var params []string
	for i := range int(fn.Proto.NumParameters) {
		if i < len(fn.Proto.DbgLocals) {
			params = append(params, fn.Proto.DbgLocals[i].Name)
		}
	}
	if fn.Proto.IsVarArg != 0 {
		params = append(params, "...")
	}
	return "function<" + fn.Proto.SourceName + ":" + strconv.Itoa(fn.Proto.LineDefined) + ">(" + strings.Join(params, ", ") + ")"
}
