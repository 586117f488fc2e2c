// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	httpd "tercet/modules/http"
)

// A piece of an answer waits to be written.
type piece struct {
	status int         // begins the answer; 0: it has begun
	header http.Header // goes with it
	page   *httpd.Error
	data   string
	file   *os.File   // it is closed behind it; its end is that of the answer
	size   int64      // of file
	handle lua.LValue // the same for a file of Lua's
}

// maxWaiting is how many bytes of an answer may wait for a slow client.
const maxWaiting = 64 << 20

// push queues a piece. What comes behind the end is dropped.
func (x *exchange) push(p piece) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		if p.file != nil {
			_ = p.file.Close() // nobody reads it
		}
		return
	}
	x.begun = x.begun || p.status != 0 || p.page != nil
	x.queue = append(x.queue, p)
	if x.waiting += int64(len(p.data)); x.waiting > maxWaiting {
		x.ended, x.cut = true, true
	}
	x.signal()
}

// end says that nothing will come any more.
func (x *exchange) end(cut bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended, x.cut = true, x.cut || cut
	x.signal()
}

func (x *exchange) signal() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// complete reports whether the whole answer is there.
func (x *exchange) complete() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.begun && x.ended
}

// discard drops what waits, and reports whether the answer can begin anew.
func (x *exchange) discard() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	closeFiles(x.queue)
	x.queue, x.waiting = nil, 0
	x.begun = x.written
	return !x.written
}

// take takes what waits.
func (x *exchange) take() (queue []piece, ended, cut bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	queue, x.queue, x.waiting = x.queue, nil, 0
	x.written = x.written || x.begun && len(queue) > 0
	return queue, x.ended, x.cut
}

// write writes the answer as it comes, until it is complete or its client has
// gone.
func (x *exchange) write(ctx context.Context) error {
	patience := time.NewTimer(x.web.pending)
	defer patience.Stop()
	for {
		queue, ended, cut := x.take()
		for i, p := range queue {
			if err := x.writePiece(ctx, p); err != nil { // the client's fault, or that of a file
				closeFiles(queue[i+1:])
				panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to close a connection
			}
		}
		switch {
		case len(queue) > 0:
			continue
		case cut:
			panic(http.ErrAbortHandler) //nolint:forbidigo // as above
		case ended:
			return nil
		}
		if x.isWritten() {
			_ = http.NewResponseController(x.out).Flush() // the next write shows what is wrong
		}
		select {
		case <-x.wake:
		case <-x.r.Context().Done():
			return nil // see hangUp
		case <-patience.C:
			x.destroy() //nolint:contextcheck // a thread has the context of all
			if !x.isWritten() {
				return &httpd.Error{Code: http.StatusGatewayTimeout, Err: errTimeout}
			}
			panic(http.ErrAbortHandler) //nolint:forbidigo // as above
		}
	}
}

func closeFiles(queue []piece) {
	for _, p := range queue {
		if p.file != nil {
			_ = p.file.Close() // nobody reads it
		}
	}
}

func (x *exchange) isWritten() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.written
}

func (x *exchange) writePiece(ctx context.Context, p piece) error {
	h := x.out.Header()
	maps.Copy(h, p.header)
	if p.page != nil {
		httpd.Fail(x.out, x.r.WithContext(context.WithValue(x.r.Context(), askedKey{}, true)), p.page) //nolint:contextcheck // it is the request's
		return nil
	}
	if p.status != 0 {
		if _, said := h["Content-Type"]; !said {
			h["Content-Type"] = nil // net/http must not guess
		}
		x.silent = x.head || !hasBody(p.status)
		x.out.WriteHeader(p.status)
	}
	switch {
	case p.file != nil:
		return x.writeFile(ctx, p)
	case p.handle != nil:
		return x.writeHandle(ctx, p.handle)
	case p.data == "" || x.silent:
		return nil
	}
	_, err := io.WriteString(x.out, p.data)
	return err
}

func hasBody(status int) bool {
	return status >= http.StatusOK && status != http.StatusNoContent && status != http.StatusNotModified
}

func (x *exchange) writeFile(ctx context.Context, p piece) error {
	defer p.file.Close() //nolint:errcheck // it was only read
	if !x.silent {
		if _, err := io.CopyN(x.out, p.file, p.size); err != nil {
			return err
		}
	}
	return x.done(ctx)
}

// chunk is how much of a file of Lua's is read at a time.
const chunk = 64 << 10

// writeHandle copies a file of Lua's, or what looks like one.
func (x *exchange) writeHandle(ctx context.Context, file lua.LValue) error {
	u, task := x.web.universe, x.route.task
	defer func() {
		_ = u.Do(context.WithoutCancel(ctx), task, func(l *lua.LState) { callMethod(l, file, "close") }) // it was only read
	}()
	for !x.silent {
		var part lua.LValue
		err := u.Do(ctx, task, func(l *lua.LState) { part = callMethod(l, file, "read", lua.LNumber(chunk)) })
		if err != nil {
			x.web.log.ErrorContext(ctx, "file for an HTTP client can not be read", "task", task.Name, "err", err)
			return err
		}
		text := lua51.ToText(part)
		if text == "" {
			break
		}
		if _, err := io.WriteString(x.out, text); err != nil {
			return err
		}
		if x.r.Context().Err() != nil {
			return context.Cause(x.r.Context()) //nolint:contextcheck // it is the request's
		}
	}
	return x.done(ctx)
}

// callMethod calls a method of an object, if it has it.
func callMethod(l *lua.LState, object lua.LValue, name string, args ...lua.LValue) lua.LValue {
	fn := l.GetField(object, name)
	if fn == lua.LNil {
		return lua.LNil
	}
	l.Push(fn)
	l.Push(object)
	for _, a := range args {
		l.Push(a)
	}
	l.Call(len(args)+1, 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// done calls response:done() when a file has been written.
func (x *exchange) done(ctx context.Context) error {
	return x.web.universe.Do(ctx, x.route.task, func(l *lua.LState) { callMethod(l, x.response, "done") })
}

// methods are those of all responses.
type methods struct {
	send, sendFile, sendHead, writeHeaders, done, finished *lua.LFunction
}

func (w *Web) newMethods(l *lua.LState) methods {
	method := func(fn func(x *exchange, l *lua.LState)) *lua.LFunction {
		return l.NewFunction(func(l *lua.LState) int {
			if t, ok := l.Get(1).(*lua.LTable); ok && w.exchange[t] != nil {
				fn(w.exchange[t], l)
			}
			l.Push(lua.LTrue)
			return 1
		})
	}
	return methods{
		send:         method(func(x *exchange, l *lua.LState) { x.send(l, l.Get(2)) }),
		sendFile:     method(func(x *exchange, l *lua.LState) { x.sendHandle(l, l.Get(2)) }),
		sendHead:     method(func(x *exchange, l *lua.LState) { x.start(0); x.finish(l) }),
		writeHeaders: method(func(x *exchange, _ *lua.LState) { x.start(0) }),
		done:         method(func(x *exchange, l *lua.LState) { x.finish(l) }),
		finished:     method(func(x *exchange, _ *lua.LState) { x.close() }),
	}
}

func (x *exchange) isFinished() bool { return lua.LVAsBool(x.response.RawGetString("finished")) }

// start begins the answer unless it has begun; length, if not 0, is that of its
// body and one more.
func (x *exchange) start(length int) {
	if x.isFinished() || x.hasBegun() {
		return
	}
	x.push(x.top(length))
}

func (x *exchange) hasBegun() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.begun
}

// top is the status and the header.
func (x *exchange) top(length int) piece {
	p := piece{status: x.code(), header: x.headers()}
	if length > 0 && hasBody(p.status) {
		p.header["Content-Length"] = []string{strconv.Itoa(length - 1)}
	}
	return p
}

// code is the status of the answer; what is none is 500.
func (x *exchange) code() int {
	code := 0
	if n, ok := x.response.RawGetString("status_code").(lua.LNumber); ok {
		code = int(n)
	}
	if line := lua51.ToText(x.response.RawGetString("status")); len(line) >= 3 {
		if n, err := strconv.Atoi(line[:3]); err == nil {
			code = n
		}
	}
	if code < http.StatusOK || code > 999 {
		return http.StatusInternalServerError
	}
	return code
}

// headers are those of the answer, content_type for Content-Type. What belongs
// to the connection is the server's.
func (x *exchange) headers() http.Header {
	t, ok := x.response.RawGetString("headers").(*lua.LTable)
	if !ok {
		return make(http.Header)
	}
	h := make(http.Header, 4)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name := http.CanonicalHeaderKey(strings.ReplaceAll(lua51.ToText(k), "_", "-"))
		var values []string
		switch v := v.(type) {
		case *lua.LTable:
			for i := 1; i <= v.Len(); i++ {
				values = append(values, lua51.ToText(v.RawGetInt(i)))
			}
		case lua.LBool:
			values = []string{v.String()}
		default:
			values = []string{lua51.ToText(v)}
		}
		switch name {
		case "", "Date", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
			continue
		case "Connection":
			if len(values) != 1 || !strings.EqualFold(values[0], "close") {
				continue
			}
		}
		h[name] = values
	}
	return h
}

// send answers with a body, or with the response's own.
func (x *exchange) send(l *lua.LState, body lua.LValue) {
	if x.isFinished() {
		return
	}
	if !lua.LVAsBool(body) {
		body = x.response.RawGetString("body")
	}
	text := ""
	if lua.LVAsBool(body) {
		text = lua51.Text(l, body)
	}
	x.start(len(text) + 1)
	x.push(piece{data: text})
	x.finishAs(l)
}

// sendHandle answers with a file of Lua's, which is read when it is written.
func (x *exchange) sendHandle(l *lua.LState, file lua.LValue) {
	if x.isFinished() {
		return
	}
	if x.head {
		callMethod(l, file, "close")
		x.start(0)
		x.finishAs(l)
		return
	}
	x.start(0)
	x.push(piece{handle: file})
}

// sendOpen answers with an open file, which is closed.
func (x *exchange) sendOpen(l *lua.LState, f *os.File, size int64) {
	if x.isFinished() || x.head {
		_ = f.Close() // it was not even read
		x.start(int(size) + 1)
		x.finishAs(l)
		return
	}
	p := x.top(int(size) + 1)
	p.file, p.size = f, size
	x.push(p)
}

// finishAs ends the answer through the response's method, which the module may
// have replaced.
func (x *exchange) finishAs(l *lua.LState) {
	if x.response.RawGetString("done") == x.web.methods.done {
		x.finish(l)
		return
	}
	callMethod(l, x.response, "done")
}

// finish ends the answer and tells who wants to know.
func (x *exchange) finish(l *lua.LState) {
	if x.response == nil {
		x.gone = true
		return
	}
	if x.isFinished() {
		return
	}
	x.response.RawSetString("finished", lua.LTrue)
	x.conn.RawSetString(fieldOpen, lua.LNil)
	if fn := x.response.RawGetString("on_destroy"); lua.LVAsBool(fn) {
		x.response.RawSetString("on_destroy", lua.LNil)
		l.Push(fn)
		l.Push(x.response)
		n, raised := x.web.universe.PCall(l, 1)
		if raised != nil {
			x.route.meter.Error()
			x.web.log.Error("on_destroy of an HTTP response failed", "task", x.route.task.Name, "err", lua51.Text(l, raised))
		}
		l.Pop(n)
	}
	x.close()
}

// close forgets the exchange; what is in the queue is still written.
func (x *exchange) close() {
	delete(x.web.exchange, x.response)
	delete(x.web.exchange, x.conn)
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.end(false)
}
