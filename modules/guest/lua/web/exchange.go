// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/modules/guest/lua/universe"
	httpd "tercet/modules/http"
)

// An exchange is one request and its answer. What Lua says goes into a queue,
// which the request's own goroutine writes while it is not in Lua.
type exchange struct {
	web   *Web
	route *route
	out   http.ResponseWriter
	r     *http.Request
	info  *httpd.Call
	body  string
	head  bool
	over  chan struct{} // closed when the request's goroutine is done

	mu      sync.Mutex // guards what follows
	queue   []piece
	waiting int64 // bytes in queue
	begun   bool  // the header of the answer is in the queue or was
	written bool  // it was taken from there
	ended   bool  // nothing will come any more
	cut     bool  // the connection is to be closed
	closed  bool  // Lua has forgotten it
	wake    chan struct{}

	silent bool // no body is to be written; the goroutine's own

	// What follows is guarded by the universe.
	response, conn *lua.LTable
	raw            string // what conn:write was given before the header was whole
	failure        error  // for the error page
	gone           bool   // the client, before there was anything
}

// Fields of responses and connections that Go looks at.
const (
	fieldOpen    = "_http_open_response"
	fieldAddress = "_ip"
)

// abandoned is how long a handler may go on to wait when its client has gone:
// it may have begun what it should finish.
const abandoned = 30 * time.Second

var errTimeout = errors.New("the answer was never completed")

// serve answers one request.
func (r *route) serve(out http.ResponseWriter, req *http.Request) error {
	w := r.web
	if r.scope.Suspended() {
		http.Error(out, "the module has failed too often", http.StatusServiceUnavailable)
		return nil
	}
	body, release, err := w.readBody(req)
	defer release()
	if err != nil {
		return err
	}
	x := &exchange{
		web: w, route: r, out: out, r: req, info: httpd.Of(req), body: body, head: req.Method == http.MethodHead,
		over: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	defer close(x.over)
	defer x.leave() //nolint:contextcheck // a thread has the context of all
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(req.Context()))
	defer cancel(nil)
	defer context.AfterFunc(req.Context(), func() { x.hangUp(cancel) })() //nolint:contextcheck // it outlives the request
	began := time.Now()
	if err := w.universe.Do(ctx, r.task, x.handle); err != nil {
		x.failed(ctx, err)
	}
	r.meter.Call(ctx, time.Since(began))
	return x.write(ctx)
}

// hangUp tells Lua that the client has gone, or that the module is to end, and
// in a while ends the handler if it still waits.
func (x *exchange) hangUp(cancel context.CancelCauseFunc) {
	cause := context.Cause(x.r.Context())
	x.destroy()
	if errors.Is(cause, context.Canceled) {
		timer := time.NewTimer(abandoned)
		defer timer.Stop()
		select {
		case <-x.over:
		case <-timer.C:
		}
	}
	cancel(cause)
}

// leave has Lua forget an exchange that did not end in order.
func (x *exchange) leave() {
	x.mu.Lock()
	closed := x.closed
	x.mu.Unlock()
	if !closed {
		x.destroy()
	}
}

// destroy ends an answer that nobody takes.
func (x *exchange) destroy() {
	_ = x.web.universe.Do(context.WithoutCancel(x.r.Context()), x.route.task, func(l *lua.LState) { x.finish(l) }) // the universe may be closed
}

// failed answers a request whose handler has failed.
func (x *exchange) failed(ctx context.Context, err error) {
	e, ok := errors.AsType[*universe.Error](err)
	if !ok || x.r.Context().Err() != nil {
		x.discard() // the client has gone, or the universe is closed
		x.push(piece{page: &httpd.Error{Code: http.StatusServiceUnavailable}})
		x.end(false)
		return
	}
	x.route.meter.Error()
	failure := fmt.Errorf("%w\n%s", err, e.Traceback)
	if x.complete() {
		x.web.log.ErrorContext(ctx, "HTTP handler failed behind its answer", "task", e.Task, "err", failure)
		return
	}
	x.discard()
	err = x.web.universe.Do(ctx, x.route.task, func(l *lua.LState) { //nolint:contextcheck // a thread has the context of all
		x.failure = failure
		x.fail(l, http.StatusInternalServerError, nil)
	})
	if err != nil {
		x.discard()
		x.push(piece{page: &httpd.Error{Code: http.StatusInternalServerError, Err: errors.Join(failure, err)}})
		x.end(false)
	}
}

// handle calls the handler, and those behind it while they answer nil.
func (x *exchange) handle(l *lua.LState) {
	if x.gone {
		return
	}
	event := x.begin(l)
	result := lua.LNil
	for i, r := range x.route.chain {
		if _, ok := r.handler.(*lua.LFunction); !ok {
			result = r.handler
			break
		}
		l.Push(r.handler)
		l.Push(event)
		n := 1
		if r.tree {
			l.Push(lua.LString(x.rest(r, i == 0)))
			n = 2
		}
		l.Call(n, 1)
		result = l.Get(-1)
		l.Pop(1)
		if result != lua.LNil || x.isFinished() {
			break
		}
	}
	x.result(l, result)
}

// rest is the path from where the "*" of r's route is.
func (x *exchange) rest(r *route, first bool) string {
	rest := x.info.Rest
	if !first {
		path := x.r.URL.Path
		base := len(path) - len(rest) - len(x.route.path) // the app's own path
		rest = path[min(max(base+len(r.path), 0), len(path)):]
	}
	return strings.TrimPrefix(collapse(rest), "/")
}

// begin makes the tables of an event.
func (x *exchange) begin(l *lua.LState) *lua.LTable {
	w := x.web
	request, response, conn := l.CreateTable(0, 12), l.CreateTable(0, 16), l.CreateTable(0, 2)
	x.response, x.conn = response, conn
	w.exchange[response], w.exchange[conn] = x, x
	address := "0.0.0.0" // a proxy has not told
	if x.info.Remote.IsValid() {
		address = x.info.Remote.String()
	}
	conn.Metatable = w.connType
	conn.RawSetString(fieldOpen, response)
	conn.RawSetString(fieldAddress, lua.LString(address))

	u := l.CreateTable(0, 2)
	u.RawSetString("path", lua.LString(x.r.URL.EscapedPath()))
	if x.r.URL.RawQuery != "" {
		u.RawSetString("query", lua.LString(x.r.URL.RawQuery))
	}
	request.RawSetString("method", lua.LString(x.r.Method))
	request.RawSetString("path", lua.LString(collapse(x.r.URL.Path)))
	request.RawSetString("url", u)
	request.RawSetString("httpversion", lua.LString(strings.TrimPrefix(x.r.Proto, "HTTP/")))
	request.RawSetString("headers", requestHeaders(l, x.r))
	request.RawSetString("body", lua.LString(x.body))
	request.RawSetString("conn", conn)
	request.RawSetString("ip", lua.LString(address))
	if x.info.Secure {
		request.RawSetString("secure", lua.LTrue)
	}

	response.RawSetString("request", request)
	response.RawSetString("conn", conn)
	response.RawSetString("is_head_request", lua.LBool(x.head))
	response.RawSetString("persistent", lua.LTrue)
	response.RawSetString("status_code", lua.LNumber(http.StatusOK))
	response.RawSetString("headers", l.CreateTable(0, 4))
	m := &w.methods
	response.RawSetString("send", m.send)
	response.RawSetString("send_file", m.sendFile)
	response.RawSetString("write_headers", m.writeHeaders)
	response.RawSetString("done", m.done)
	response.RawSetString("finish_cb", m.finished)

	event := l.CreateTable(0, 2)
	event.RawSetString("request", request)
	event.RawSetString("response", response)
	return event
}

// collapse makes one slash of several.
func collapse(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}

// requestHeaders makes the table of a request's headers: content_type. Names
// with "_" are left out, for they would be taken for those with "-".
func requestHeaders(l *lua.LState, r *http.Request) *lua.LTable {
	t := l.CreateTable(0, len(r.Header)+1)
	for name, values := range r.Header {
		if strings.IndexByte(name, '_') >= 0 {
			continue
		}
		t.RawSetString(strings.ReplaceAll(strings.ToLower(name), "-", "_"), lua.LString(strings.Join(values, ",")))
	}
	if r.Host != "" {
		t.RawSetString("host", lua.LString(r.Host))
	}
	return t
}

// result answers with what a handler has returned.
func (x *exchange) result(l *lua.LState, v lua.LValue) {
	if x.isFinished() {
		return
	}
	switch v := v.(type) {
	case *lua.LNilType:
		x.status(l, http.StatusNotFound, nil)
	case lua.LNumber:
		x.status(l, int(v), nil)
	case lua.LString:
		x.respond(l, v)
	case *lua.LTable:
		switch v.Metatable {
		case x.web.errors:
			code, ok := v.RawGetString("code").(lua.LNumber)
			if !ok || code < 400 || code > 599 {
				code = http.StatusInternalServerError
			}
			x.status(l, int(code), v)
		case x.web.promises:
			x.await(l, v)
		default:
			x.merge(l, v)
			x.respond(l, lua.LNil)
		}
	default:
		if v != lua.LTrue { // which stands for an answer that comes later
			x.respond(l, lua.LNil)
		}
	}
}

// status answers with a status and nothing else, or with the page of an error.
func (x *exchange) status(l *lua.LState, code int, err *lua.LTable) {
	if code >= http.StatusBadRequest {
		x.fail(l, code, err)
		return
	}
	x.response.RawSetString("status_code", lua.LNumber(code))
	x.respond(l, lua.LNil)
}

// await answers with what a promise comes to.
func (x *exchange) await(l *lua.LState, promise *lua.LTable) {
	then := func(fn func(l *lua.LState, v lua.LValue)) *lua.LFunction {
		return l.NewFunction(func(l *lua.LState) int {
			v := l.Get(1)
			x.protected(l, func(l *lua.LState) { fn(l, v) })
			return 0
		})
	}
	l.Push(l.GetField(promise, "next"))
	l.Push(promise)
	l.Push(then(x.result))
	l.Push(then(x.rejected))
	l.Call(3, 0)
}

// rejected answers with what a promise was rejected with: an error, a status,
// or an error that Lua has raised.
func (x *exchange) rejected(l *lua.LState, v lua.LValue) {
	switch v := v.(type) {
	case *lua.LNilType:
		x.status(l, http.StatusInternalServerError, nil)
	case lua.LString:
		x.route.meter.Error()
		x.failure = fmt.Errorf("%s: promise rejected: %s", x.route.task.Name, string(v))
		x.status(l, http.StatusInternalServerError, nil)
	default:
		x.response.RawSetString("status_code", lua.LNumber(http.StatusInternalServerError))
		x.result(l, v)
	}
}

// protected calls fn; an error of Lua's ends the answer with 500.
func (x *exchange) protected(l *lua.LState, fn func(l *lua.LState)) {
	l.Push(l.NewFunction(func(l *lua.LState) int { fn(l); return 0 }))
	_, raised := x.web.universe.PCall(l, 0)
	if raised == nil {
		return
	}
	x.route.meter.Error()
	failure := fmt.Errorf("%s: %s", x.route.task.Name, lua51.Text(l, raised))
	if x.complete() {
		x.web.log.Error("HTTP handler failed behind its answer", "task", x.route.task.Name, "err", failure)
		return
	}
	if x.discard() {
		x.push(piece{page: &httpd.Error{Code: http.StatusInternalServerError, Err: failure}})
	} else {
		x.end(true)
	}
	x.finish(l)
}

// merge copies a handler's table into the response.
func (x *exchange) merge(l *lua.LState, from *lua.LTable) {
	for k, v := from.Next(lua.LNil); k != lua.LNil; k, v = from.Next(k) {
		if k != lua.LString("headers") {
			x.response.RawSet(k, v)
			continue
		}
		headers, ok := v.(*lua.LTable)
		if !ok {
			continue
		}
		to, ok := x.response.RawGetString("headers").(*lua.LTable)
		if !ok {
			to = l.CreateTable(0, headers.Len())
			x.response.RawSetString("headers", to)
		}
		for name, value := headers.Next(lua.LNil); name != lua.LNil; name, value = headers.Next(name) {
			to.RawSet(name, value)
		}
	}
}

// respond sends a body through the response's method, which the module may have
// replaced.
func (x *exchange) respond(l *lua.LState, body lua.LValue) {
	send := x.response.RawGetString("send")
	if send == x.web.methods.send {
		x.send(l, body)
		return
	}
	l.Push(send)
	l.Push(x.response)
	l.Push(body)
	l.Call(2, 0)
}

// fail answers with the page of an error: a module's, or the server's.
func (x *exchange) fail(l *lua.LState, code int, err *lua.LTable) {
	if x.response == nil { // it failed before there was anything
		x.push(piece{page: &httpd.Error{Code: code, Err: x.failure}})
		x.end(false)
		return
	}
	x.response.RawSetString("status_code", lua.LNumber(code))
	ev := errorEvent{code: code, private: x.failure}
	if err != nil {
		ev.err, ev.text = err, lua51.ToText(err.RawGetString("text"))
	}
	body := x.web.modulesPage(l, x.response, ev)
	own := x.response.RawGetString("send") == x.web.methods.send
	switch {
	case body != lua.LNil:
		if x.failure != nil {
			x.web.log.Error("HTTP handler failed", "task", x.route.task.Name, "err", x.failure)
		}
		x.respond(l, body)
	case own && !lua.LVAsBool(x.response.RawGetString("finished")):
		x.push(piece{header: x.headers(), page: &httpd.Error{Code: code, Text: ev.text, Err: x.failure}})
		x.finish(l)
	default:
		x.respond(l, lua.LString(page(code, cmp.Or(ev.text, http.StatusText(code)), "")))
	}
}
