// SPDX-License-Identifier: Apache-2.0

// Package web is HTTP for modules in Lua as Prosody 0.12 has it: what they
// serve is mounted on the server's own HTTP server, what they ask for goes
// through net/http. It makes the libraries net.http, net.http.server,
// net.http.files, ssl.https and socket.http.
package web

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/modules/guest/lua/universe"
)

// Limits where [Options] does not set others.
const (
	defaultLimit       = 5 * time.Second
	defaultPending     = 15 * time.Minute
	defaultBodies      = 256 << 20
	defaultTimeout     = 2 * time.Minute
	defaultMaxResponse = 10 << 20
	defaultMaxRequests = 256
)

// Options are what a Web is made with. The zero value is useful.
type Options struct {
	// Limit is how long a handler may run, waits aside; 0 stands for 5 s, a
	// negative one for no limit.
	Limit time.Duration
	// Pending is how long a handler that has answered true may take until its
	// answer is complete; 0 stands for 15 min.
	Pending time.Duration
	// Bodies is how many bytes of requests' bodies may be held for all handlers
	// together; 0 stands for 256 MiB.
	Bodies int64

	// Timeout is how long a request to another server may take; 0 stands for
	// 2 min.
	Timeout time.Duration
	// MaxResponse is the most bytes of an answer from another server; 0 stands
	// for 10 MiB.
	MaxResponse int64
	// MaxRequests is how many requests to other servers are at work at a time,
	// and a sixteenth of how many may wait for their turn; 0 stands for 256.
	MaxRequests int
	// TLS is what requests to other servers begin with, such as the certificates
	// that are trusted; nil stands for those of the system.
	TLS *tls.Config
	// Proxy finds the proxy for a request to another server; nil stands for none.
	Proxy func(*http.Request) (*url.URL, error)
	// Agent is what the server calls itself to others; "" stands for "Tercet".
	Agent string

	// Log takes what goes wrong; nil stands for the universe's.
	Log *slog.Logger
}

// Web is HTTP for the Lua of one universe.
type Web struct {
	universe *universe.Universe
	limit    time.Duration
	pending  time.Duration
	log      *slog.Logger
	bodies   atomic.Int64 // bytes that are left
	pages    atomic.Bool  // modules make pages for errors
	client   client

	// What follows is guarded by the universe.
	exchange map[*lua.LTable]*exchange // those that go on, by their response and their conn
	events   *universe.Events
	server   *lua.LTable
	methods  methods
	connType *lua.LTable
	errors   lua.LValue // the metatables of util.error's and util.promise's objects
	promises lua.LValue
}

// New makes HTTP for u. It must be closed, before u is.
func New(u *universe.Universe, o Options) *Web {
	w := &Web{
		universe: u, limit: or(o.Limit, defaultLimit), pending: or(o.Pending, defaultPending), log: o.Log,
		exchange: make(map[*lua.LTable]*exchange),
	}
	if w.log == nil {
		w.log = u.Log()
	}
	w.bodies.Store(or(o.Bodies, defaultBodies))
	w.client = newClient(w, o)
	return w
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Close ends the requests to other servers; their callbacks are told
// "cancelled". There are none afterwards.
func (w *Web) Close() { w.client.close() }

// Loaders are the libraries, by the name that modules require.
func (w *Web) Loaders() map[string]lua.LGFunction {
	blocking := w.script("blocking.lua")
	return map[string]lua.LGFunction{
		"net.http":        w.script("http.lua"),
		"net.http.server": w.openServer,
		"net.http.files":  w.openFiles,
		"ssl.https":       blocking,
		"socket.http":     blocking,
	}
}

// prepare makes what requests need, the first time that Lua asks for it.
func (w *Web) prepare(l *lua.LState) {
	if w.server != nil {
		return
	}
	w.errors, w.promises = metatable(l, "util.error"), metatable(l, "util.promise")
	w.connType = w.newConnType(l)
	w.events = universe.NewEvents(l)
	w.events.Changed = func(event string) {
		if event == eventError {
			w.pages.Store(len(w.events.Priorities(eventError)) > 1)
		}
	}
	w.events.Add(lua.LString(eventError), l.NewFunction(w.errorPage), lowest)
	w.methods = w.newMethods(l)
	w.server = w.newServer(l)
}

// metatable is that of what the library's function new makes.
func metatable(l *lua.LState, library string) lua.LValue {
	t, ok := require(l, library).(*lua.LTable)
	if !ok {
		l.RaiseError("%s is no table", library)
	}
	l.Push(t.RawGetString("new"))
	l.Push(lua.LNil)
	l.Call(1, 1)
	made, _ := l.Get(-1).(*lua.LTable)
	l.Pop(1)
	if made == nil {
		l.RaiseError("%s.new makes no table", library)
	}
	return made.Metatable
}

func require(l *lua.LState, library string) lua.LValue {
	l.Push(l.G.Global.RawGetString("require"))
	l.Push(lua.LString(library))
	l.Call(1, 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// newServer makes the library net.http.server.
func (w *Web) newServer(l *lua.LState) *lua.LTable {
	t := l.CreateTable(0, 20)
	events := w.events.Table()
	for _, name := range [...]string{"add_handler", "remove_handler", "fire_event"} {
		t.RawSetString(name, events.RawGetString(name))
	}
	t.RawSetString("_events", events)
	t.RawSetString("codes", require(l, "net.http.codes"))
	t.RawSetString("listener", l.CreateTable(0, 0))
	m := &w.methods
	for name, fn := range map[string]*lua.LFunction{
		"send_response": m.send, "send_head_response": m.sendHead, "write_headers": m.writeHeaders, "send_file": m.sendFile, "finish_response": m.done,
	} {
		t.RawSetString(name, fn)
	}
	nothing := func(*lua.LState) int { return 0 } // hosts and limits are the server's own
	refused := func(l *lua.LState) int {
		l.RaiseError("sockets belong to the server's own HTTP server; use module:provides(\"http\")")
		return 0
	}
	lua51.Set(l, t, map[string]lua.LGFunction{
		"add_host": nothing, "remove_host": nothing, "set_default_host": nothing, "set_option": nothing,
		"hijack_response": refused, "listen_on": refused,
		"get_request_from_conn": requestOfConn,
	})
	return t
}

func (w *Web) openServer(l *lua.LState) int {
	w.prepare(l)
	l.Push(w.server)
	return 1
}

// requestOfConn is get_request_from_conn(conn).
func requestOfConn(l *lua.LState) int {
	request := lua.LNil
	if conn, ok := l.Get(1).(*lua.LTable); ok {
		if response, ok := conn.RawGetString(fieldOpen).(*lua.LTable); ok {
			request = response.RawGetString("request")
		}
	}
	l.Push(request)
	return 1
}
