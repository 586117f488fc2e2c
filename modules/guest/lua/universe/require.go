// SPDX-License-Identifier: Apache-2.0

package universe

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// openPackage makes the package library. Libraries come from the loaders in Go,
// then from the trees of sources; package.path is not looked at, for nothing
// lies there that belongs to us.
func (u *Universe) openPackage() {
	l := u.main
	p := u.libraryTable("package")
	p.RawSetString("config", lua.LString("/\n;\n?\n!\n-\n"))
	p.RawSetString("path", lua.LString(""))
	p.RawSetString("cpath", lua.LString(""))
	lua51.Set(l, p, map[string]lua.LGFunction{"loadlib": func(l *lua.LState) int {
		l.Push(lua.LNil)
		l.Push(lua.LString("dynamic libraries not enabled; check your Lua installation"))
		l.Push(lua.LString("absent"))
		return 3
	}})
	loaders := l.CreateTable(3, 0)
	for _, loader := range []lua.LGFunction{u.loaderPreload, u.loaderGo, u.loaderSource} {
		loaders.Append(l.NewFunction(loader))
	}
	p.RawSetString("loaders", loaders)
	p.RawSetString("searchers", loaders)
}

// Chunk compiles a source: see [Universe.Load].
func (u *Universe) Chunk(name string, source []byte) (*lua51.Chunk, error) {
	c, err := lua51.Compile(name, source)
	if at, ok := errors.AsType[*lua51.SourceError](err); ok {
		return nil, errors.New(lineError(name, at))
	}
	return c, err
}

func lineError(name string, at *lua51.SourceError) string {
	return name + ":" + lua.LNumber(at.Line).String() + ": " + at.Text
}

// Load compiles a source and makes a function of it, in the environment env;
// nil stands for the globals. name is what messages call it: the path of a file.
func (u *Universe) Load(l *lua.LState, name string, source []byte, env *lua.LTable) (*lua.LFunction, error) {
	c, err := u.Chunk(name, source)
	if err != nil {
		return nil, err
	}
	return u.LoadChunk(l, c, env), nil
}

// LoadChunk makes a function of a compiled source.
func (u *Universe) LoadChunk(l *lua.LState, c *lua51.Chunk, env *lua.LTable) *lua.LFunction {
	fn := u.library.Load(l, c)
	if env == nil {
		env = l.G.Global
	}
	fn.Env = env
	return fn
}

// chunkName turns the name that load was given into what messages show, and
// notes what debug.getinfo calls its source.
func (u *Universe) chunkName(name string) string {
	if rest, ok := strings.CutPrefix(name, "@"); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(name, "="); ok {
		return u.chunkNamed(rest, name)
	}
	const longest = 40
	first, _, more := strings.Cut(name, "\n")
	if len(first) > longest {
		first, more = first[:longest], true
	}
	if more {
		first += "..."
	}
	return u.chunkNamed(`[string "`+first+`"]`, name)
}

// maxChunks is for how many chunks the source is noted.
const maxChunks = 1000

func (u *Universe) chunkNamed(short, source string) string {
	if len(u.chunks) < maxChunks && len(source) < 1<<10 {
		u.chunks[short] = source
	}
	return short
}

// luaLoad is load and loadstring of 5.1 and 5.2: (string or function, name,
// mode, environment).
func (u *Universe) luaLoad(l *lua.LState) int {
	var source []byte
	name := "=(load)"
	if fn, ok := l.Get(1).(*lua.LFunction); ok {
		for {
			l.Push(fn)
			l.Call(0, 1)
			part := l.Get(-1)
			l.Pop(1)
			if part != lua.LNil && !lua51.IsText(part) {
				l.Push(lua.LNil)
				l.Push(lua.LString("reader function must return a string"))
				return 2
			}
			if lua51.ToText(part) == "" {
				break
			}
			(*meter)(u).Alloc(l, len(lua51.ToText(part)))
			source = append(source, lua51.ToText(part)...)
		}
	} else {
		name = lua51.Arg(l, 1)
		source = []byte(name)
	}
	return u.pushLoaded(l, u.chunkName(lua51.OptArg(l, 2, name)), source, 3)
}

// pushLoaded compiles a source and pushes the function, or nil and why not. The
// mode is argument n, the environment the one behind it.
func (u *Universe) pushLoaded(l *lua.LState, name string, source []byte, n int) int {
	(*meter)(u).Alloc(l, 48*len(source)) // syntax tree and code
	env, _ := l.Get(n + 1).(*lua.LTable)
	if mode := lua51.OptArg(l, n, "bt"); !strings.Contains(mode, "t") {
		l.Push(lua.LNil)
		l.Push(lua.LString("attempt to load a text chunk (mode is '" + mode + "')"))
		return 2
	}
	fn, err := u.Load(l, name, source, env)
	if err != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString(err.Error()))
		return 2
	}
	l.Push(fn)
	return 1
}

func (u *Universe) luaLoadFile(l *lua.LState) int {
	path := lua51.Arg(l, 1)
	source, err := os.ReadFile(path)
	if err != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString("cannot open " + path))
		return 2
	}
	return u.pushLoaded(l, path, source, 2)
}

func (u *Universe) luaDoFile(l *lua.LState) int {
	path := lua51.Arg(l, 1)
	source, err := os.ReadFile(path)
	if err != nil {
		l.RaiseError("cannot open %s", path)
	}
	fn, err := u.Load(l, path, source, nil)
	if err != nil {
		l.Error(lua.LString(err.Error()), 0)
	}
	top := l.GetTop()
	l.Push(fn)
	l.Call(0, lua.MultRet)
	return l.GetTop() - top
}

// prosodyPrefix is what the names of Prosody's own libraries may begin with, from
// version 13 on.
const prosodyPrefix = "prosody."

// luaRequire finds a library, under the name with Prosody's prefix or without.
func (u *Universe) luaRequire(l *lua.LState) int {
	name := strings.TrimPrefix(lua51.Arg(l, 1), prosodyPrefix)
	loaded, ok := u.libraryTable("package").RawGetString("loaded").(*lua.LTable)
	if !ok {
		l.RaiseError("package.loaded is not a table")
	}
	if v := loaded.RawGetString(name); lua.LVAsBool(v) {
		if v == lua.LValue(loadingMark) {
			l.RaiseError("loop or previous error loading module '%s'", name)
		}
		l.Push(v)
		return 1
	}
	fn := u.findLoader(l, name)
	if env := u.callerEnv(); env != nil && env != l.G.Global {
		defer func(before *lua.LTable) { u.loading = before }(u.loading)
		u.loading = env
	}
	loaded.RawSetString(name, loadingMark)
	done := false
	defer func() {
		if !done && loaded.RawGetString(name) == lua.LValue(loadingMark) {
			loaded.RawSetString(name, lua.LNil)
		}
	}()
	l.Push(fn)
	l.Push(lua.LString(name))
	l.Call(1, 1)
	if v := l.Get(-1); v != lua.LNil {
		loaded.RawSetString(name, v)
	} else if loaded.RawGetString(name) == lua.LValue(loadingMark) {
		loaded.RawSetString(name, lua.LTrue)
	}
	done = true
	l.Push(loaded.RawGetString(name))
	return 1
}

// callerEnv is the environment of the innermost function of Lua; nil if there
// is none, and what runs was called from Go.
func (u *Universe) callerEnv() *lua.LTable {
	for level := 1; ; level++ {
		c, ok := u.callOf(u.now.fiber, level)
		if !ok {
			return nil
		}
		if !c.fn.IsG {
			return c.fn.Env
		}
	}
}

// loadingMark stands in package.loaded for what is being loaded.
var loadingMark = &lua.LUserData{Metatable: lua.LNil}

// findLoader asks package.loaders.
func (u *Universe) findLoader(l *lua.LState, name string) lua.LValue {
	loaders, ok := u.libraryTable("package").RawGetString("loaders").(*lua.LTable)
	if !ok {
		l.RaiseError("'package.loaders' must be a table")
	}
	tried := ""
	for i := 1; ; i++ {
		loader := loaders.RawGetInt(i)
		if loader == lua.LNil {
			l.RaiseError("module '%s' not found:%s", name, tried)
		}
		l.Push(loader)
		l.Push(lua.LString(name))
		l.Call(1, 1)
		v := l.Get(-1)
		l.Pop(1)
		if v.Type() == lua.LTFunction {
			return v
		}
		tried += lua51.ToText(v)
	}
}

func (u *Universe) loaderPreload(l *lua.LState) int {
	name := lua51.Arg(l, 1)
	preload, _ := u.libraryTable("package").RawGetString("preload").(*lua.LTable)
	if preload != nil {
		if v := preload.RawGetString(name); v != lua.LNil {
			l.Push(v)
			return 1
		}
	}
	l.Push(lua.LString("\n\tno field package.preload['" + name + "']"))
	return 1
}

func (u *Universe) loaderGo(l *lua.LState) int {
	name := lua51.Arg(l, 1)
	if loader := u.loaders[name]; loader != nil {
		l.Push(l.NewFunction(loader))
		return 1
	}
	l.Push(lua.LString("\n\tno library of the server"))
	return 1
}

func (u *Universe) loaderSource(l *lua.LState) int {
	name := lua51.Arg(l, 1)
	path := strings.ReplaceAll(name, ".", "/")
	if !fs.ValidPath(path) {
		l.Push(lua.LString("\n\tno such path"))
		return 1
	}
	for _, tree := range u.sources {
		for _, file := range []string{path + ".lua", path + "/init.lua"} {
			source, err := fs.ReadFile(tree, file)
			if err != nil {
				continue
			}
			fn, err := u.Load(l, file, source, nil)
			if err != nil {
				l.Error(lua.LString("error loading module '"+name+"':\n\t"+err.Error()), 0)
			}
			l.Push(fn)
			return 1
		}
	}
	l.Push(lua.LString("\n\tno file '" + path + ".lua'"))
	return 1
}
