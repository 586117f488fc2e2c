package lib_test

import (
	lua "github.com/yuin/gopher-lua"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/universe"
	"testing"
)

func TestZZ(t *testing.T) {
	tree := os.DirFS(prosody)
	loaders := lib.Loaders()
	for name := range loaders {
		if _, err := fs.Stat(tree, strings.ReplaceAll(name, ".", "/")+".lua"); err == nil {
			delete(loaders, name)
		}
	}
	u := universe.New(universe.Options{Loaders: loaders, Sources: []fs.FS{tree}, Limit: -1})
	defer u.Close()
	mustEnter(t, u, false, `
local mt = {}
local function any(name) return setmetatable({ _n = name }, mt) end
mt.__index = function(t, k) if k == "sources" then return {} end local v = any(rawget(t, "_n") .. "." .. tostring(k)) rawset(t, k, v) return v end
mt.__call = function(t) local n = rawget(t, "_n") if n:match("get_option_number$") then return 5 elseif n:match("get_option_array$") then return require "util.array"() elseif n:match("set$") then return require "util.set".new() elseif n:match("get_option") or n:match("get_host$") then return "example.org" elseif n:match("get_directory") then return "/tmp" end return any(n .. "()") end
mt.__concat = function(a, b) return tostring(a) .. tostring(b) end
mt.__tostring = function(t) return rawget(t, "_n") end
mt.__lt = function() return false end mt.__le = function() return true end
mt.__add = function(a) return a end mt.__sub = mt.__add mt.__mul = mt.__add mt.__div = mt.__add mt.__unm = mt.__add
mt.__len = function() return 0 end
stub = any
prosody = { paths = { source = "`+prosody+`", data = "/tmp", config="/tmp" }, events = require "util.events".new(), hosts = setmetatable({}, { __index = function() return any("host") end }), platform = "posix", full_sessions={}, bare_sessions={}, process_type="prosody", version="0.12", start_time = os.time(), shutdown = function() end, core_post_stanza = any("cps") }
hosts, full_sessions, bare_sessions = prosody.hosts, {}, {}
require "util.import"
package.loaded["net.server"] = any("net.server")
package.loaded["net.server"].timer = require "util.timer"
for _, n in ipairs { "core.usermanager", "core.rostermanager", "core.sessionmanager", "core.s2smanager", "core.modulemanager", "core.configmanager", "core.portmanager", "core.statsmanager", "core.hostmanager", "core.storagemanager", "core.certmanager", "core.stanza_router", "net.http", "net.http.server", "net.http.files", "net.connect", "net.resolvers.basic", "net.resolvers.service", "net.resolvers.manual", "net.adns", "net.unbound", "util.startup", "util.prosodyctl", "util.sql" } do package.loaded[n] = any(n) end
`)
	files, _ := filepath.Glob(prosody + "/modules/*.lua")
	more, _ := filepath.Glob(prosody + "/modules/*/*.lua")
	ok := 0
	for _, f := range append(files, more...) {
		src, _ := os.ReadFile(f)
		err := u.Do(t.Context(), &universe.Task{Name: filepath.Base(f)}, func(l *lua.LState) {
			l.Push(l.GetGlobal("stub"))
			l.Push(lua.LString("module"))
			l.Call(1, 1)
			m := l.Get(-1)
			l.Pop(1)
			env := u.NewEnvironment(l, m)
			env.RawSetString("log", l.NewFunction(func(*lua.LState) int { return 0 }))
			fn, err := u.Load(l, f, src, env)
			if err != nil {
				l.RaiseError("%s", err.Error())
			}
			l.Push(fn)
			l.Call(0, 0)
		})
		if err != nil {
			t.Logf("%.250v %v", err, err.(*universe.Error).Traceback)
		} else {
			ok++
		}
	}
	t.Log(ok, "ok of", len(files)+len(more))
}
