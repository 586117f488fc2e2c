// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
	"tercet/config/lua51"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/slot"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/store"
	"tercet/modules/guest/lua/universe"
	"tercet/modules/guest/lua/web"
)

//go:embed lua
var embedded embed.FS

// A Server is the live server as modules in Lua see it, in one universe.
type Server struct {
	env     *module.Env
	u       *universe.Universe
	stanzas *lib.Stanzas
	stores  *store.Stores
	web     *web.Web
	first   *config.Config // the one that it was made with
	users   int            // instances of the runtime's module; guarded by runtime.mu
	options atomic.Pointer[options]
	point   func(event string) attach // the function point, of which its own table knows nothing
	ran     atomic.Bool               // server-started has been fired
	heard   sync.Map                  // events of prosody.events that have handlers
	waiting atomic.Int64              // answers that modules wait for

	// What follows belongs to the universe and its lock.
	global    *universe.Events // prosody.events
	hosts     map[string]*host // by domainpart
	instances map[instanceKey]*instance
	boot      *lua.LTable        // what boot.lua returns
	event     *route.Event       // the stanza whose handler runs, if it may not wait
	numbers   map[string]*number // what modules measure
	metrics   int
	forget    []func()        // takes the metrics away
	scope     *module.Scope   // of the runtime's own module
	offered   map[string]bool // commands of the control tool
	noted     map[string]bool // what the admin has been told of modules
	staging   int             // modules that are being loaded at this moment
	staged    *config.Config  // the one that they are loaded from; nil if there is none
}

// runtimes keeps the Server beside the hosts: the module that has made it may
// be reloaded.
var runtimes = slot.New[runtime]("lua")

type runtime struct {
	mu     sync.Mutex
	server *Server // nil: none has been made, or the last has ended
}

func current(env *module.Env) *Server {
	r := runtimes.Of(env)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.server
}

// serverOf returns the Server, one that is made if there is none, and counts
// its user.
func serverOf(s *module.Scope, o options) (*Server, error) {
	r := runtimes.Of(s.Env)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server == nil {
		srv, err := newServer(s, o)
		if err != nil {
			return nil, err
		}
		r.server = srv
	}
	r.server.users++
	return r.server, nil
}

// release ends the Server after its last user.
func (srv *Server) release() error {
	r := runtimes.Of(srv.env)
	r.mu.Lock()
	srv.users--
	last := srv.users == 0
	if last {
		r.server = nil
	}
	r.mu.Unlock()
	if last {
		srv.stopping(context.Background())
		_ = srv.u.Do(context.Background(), srv.task("end of metrics"), func(*lua.LState) { // fails at the end only
			for _, remove := range srv.forget {
				remove()
			}
		})
		srv.web.Close()
		srv.u.Close()
		srv.unfilter()
	}
	return nil
}

func (srv *Server) configure(o options) { srv.options.Store(&o) }

// bootLimit is how long the libraries may take to load.
const bootLimit = 30 * time.Second

func newServer(s *module.Scope, o options) (*Server, error) {
	env := s.Env
	srv := &Server{env: env, point: point, first: s.Config(), numbers: make(map[string]*number), offered: make(map[string]bool), hosts: make(map[string]*host), instances: make(map[instanceKey]*instance)}
	srv.configure(o)
	srv.u = universe.New(universe.Options{
		Limit: o.Timeout, Memory: int64(o.Memory), Log: env.Log.With("module", "lua"),
		Sources: []fs.FS{subFS(embedded, "lua")}, Loaders: lib.Loaders(),
	})
	srv.u.Register("tercet.server", srv.natives)
	srv.stores = store.New(srv.u, srv.opener, srv.storeOptions())
	srv.web = web.New(srv.u, web.Options{})
	for _, libraries := range []map[string]lua.LGFunction{srv.stores.Loaders(), srv.web.Loaders()} {
		for name, loader := range libraries {
			srv.u.Register(name, loader)
		}
	}
	err := srv.u.Do(context.Background(), &universe.Task{Name: "start of Lua", Limit: bootLimit}, srv.start)
	if err != nil {
		srv.u.Close()
		return nil, fmt.Errorf("start Lua: %w", err)
	}
	return srv, nil
}

// start makes prosody and the other globals.
func (srv *Server) start(l *lua.LState) {
	srv.stanzas = lib.StanzasOf(l)
	srv.global = universe.NewEvents(l)
	srv.global.Changed = srv.heed
	srv.global.Add(lua.LString("http-message"), l.NewFunction(srv.web.Message), -1)
	srv.replaceIteration(l)
	l.Push(l.GetGlobal("require"))
	l.Push(lua.LString("core.boot"))
	l.Call(1, 1)
	srv.boot, _ = l.Get(-1).(*lua.LTable)
	l.Pop(1)
	srv.u.LockGlobals(true)
}

// callBoot calls a function of boot.lua and returns its first result.
func (srv *Server) callBoot(l *lua.LState, name string, args ...lua.LValue) lua.LValue {
	l.Push(srv.boot.RawGetString(name))
	for _, a := range args {
		l.Push(a)
	}
	l.Call(len(args), 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// natives is the library tercet.server: what the Lua of this package needs of
// the server.
func (srv *Server) natives(l *lua.LState) int {
	all := make(map[string]lua.LGFunction)
	for _, some := range []map[string]lua.LGFunction{
		srv.configNatives(), srv.eventNatives(), srv.routeNatives(), srv.accountNatives(), srv.itemNatives(), srv.moduleNatives(), srv.commandNatives(), srv.metricNatives(),
	} {
		maps.Copy(all, some)
	}
	t := l.CreateTable(0, len(all))
	lua51.Set(l, t, all)
	t.RawSetString("events", srv.global.Table())
	t.RawSetString("version", lua.LString(srv.env.Version))
	t.RawSetString("start_time", lua.LNumber(srv.env.Started.Unix()))
	t.RawSetString("data_path", lua.LString(srv.env.DataDir))
	l.Push(t)
	return 1
}
