// SPDX-License-Identifier: Apache-2.0

// Package lib is the libraries that modules written for Prosody 0.12 require:
// util.*, net.*, socket, lfs, lxp, ssl and their kind. What is hot or was C
// there is Go here; the rest is Lua, in the folder lua. Libraries that need the
// live server (accounts, rosters, storage, HTTP, timers) are not here.
package lib

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/modules/guest/lua/universe"
)

//go:embed lua
var sources embed.FS

// Loaders returns a loader for each library, by the name that modules require:
// "util.stanza". A loader pushes the library and returns 1. It is called once
// in each universe; require keeps what it pushed.
func Loaders() map[string]lua.LGFunction {
	all := native()
	for name, file := range scripts() {
		all[name] = script(name, file)
	}
	return all
}

// native is the libraries in Go.
func native() map[string]lua.LGFunction {
	all := make(map[string]lua.LGFunction)
	for _, some := range []map[string]lua.LGFunction{
		stanzaLibraries(), textLibraries(), cryptoLibraries(), systemLibraries(), xmlLibraries(), binaryLibraries(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// scripts is the libraries in Lua: their files by their names.
func scripts() map[string]string {
	files := make(map[string]string)
	_ = fs.WalkDir(sources, "lua", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(file) != ".lua" {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "lua/"), ".lua")
		files[strings.ReplaceAll(name, "/", ".")] = file
		return nil
	}) // an embedded tree can be walked
	return files
}

// script returns the loader of a library in Lua.
func script(name, file string) lua.LGFunction {
	compile := compiled(file)
	return func(l *lua.LState) int {
		chunk, err := compile()
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(load(l, chunk))
		l.Push(lua.LString(name))
		l.Call(1, 2)
		if meta := l.Get(-1); meta != lua.LNil { // util.array hands out its metatable too, for util.json
			registry, _ := l.Get(lua.RegistryIndex).(*lua.LTable)
			registry.RawSetString("tercet."+name, meta)
		}
		l.Pop(1)
		return 1
	}
}

// load makes a function of a chunk, which the universe meters, if there is one.
func load(l *lua.LState, chunk *lua51.Chunk) *lua.LFunction {
	if u := universe.Of(l); u != nil {
		return u.LoadChunk(l, chunk, nil)
	}
	return lua51.New(unmetered{}).Load(l, chunk)
}

// unmetered lets everything through.
type unmetered struct{}

func (unmetered) Alloc(*lua.LState, int) {}
func (unmetered) Step(*lua.LState, int)  {}

// chunks holds the code of each library in Lua, for all universes.
var chunks sync.Map // file -> func() (*lua51.Chunk, error)

func compiled(file string) func() (*lua51.Chunk, error) {
	once, _ := chunks.LoadOrStore(file, sync.OnceValues(func() (*lua51.Chunk, error) {
		source, err := sources.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("load Lua library: %w", err)
		}
		chunk, err := lua51.Compile(file, source)
		if err != nil {
			return nil, fmt.Errorf("load Lua library %s: %w", file, err)
		}
		return chunk, nil
	}))
	fn, _ := once.(func() (*lua51.Chunk, error))
	return fn
}

// library returns a loader that makes a table of these functions.
func library(funcs map[string]lua.LGFunction) lua.LGFunction {
	return func(l *lua.LState) int {
		l.Push(tableOf(l, funcs))
		return 1
	}
}

// tableOf returns a table of these functions.
func tableOf(l *lua.LState, funcs map[string]lua.LGFunction) *lua.LTable {
	t := l.CreateTable(0, len(funcs))
	for name, fn := range funcs {
		t.RawSetString(name, l.NewFunction(fn))
	}
	return t
}
