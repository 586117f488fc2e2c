// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/modules/guest/lua/universe"
)

//go:embed lua
var sources embed.FS

// script returns the loader of a library that is a file in Lua, which gets the
// functions that it stands on.
func (w *Web) script(file string) lua.LGFunction {
	return func(l *lua.LState) int {
		source, err := sources.ReadFile("lua/" + file)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		fn, err := w.universe.Load(l, "net/"+file, source, nil)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		native := l.CreateTable(0, 3)
		lua51.Set(l, native, map[string]lua.LGFunction{"start": w.client.start, "wait": w.client.wait})
		native.RawSetString("agent", lua.LString(w.client.agent))
		l.Push(fn)
		l.Push(native)
		l.Call(1, 1)
		return 1
	}
}

// A client asks other servers.
type client struct {
	web     *Web
	secure  http.RoundTripper
	trusty  http.RoundTripper // believes everybody
	timeout time.Duration
	most    int64 // bytes of an answer
	agent   string
	seats   chan struct{} // of those at work
	queued  *atomic.Int64 // those that wait for one
	live    func() context.Context
	close   context.CancelFunc
}

func newClient(w *Web, o Options) client {
	ctx, cancel := context.WithCancel(context.Background())
	return client{
		web: w, secure: newTransport(o, false), trusty: newTransport(o, true), timeout: or(o.Timeout, defaultTimeout),
		most: or(o.MaxResponse, defaultMaxResponse), agent: or(o.Agent, "Tercet"),
		seats: make(chan struct{}, or(o.MaxRequests, defaultMaxRequests)), queued: new(atomic.Int64),
		live: func() context.Context { return ctx }, close: cancel,
	}
}

const (
	dialTime   = 20 * time.Second
	blockTime  = 30 * time.Second // of a request for which all of Lua may wait
	idleTime   = 30 * time.Second
	maxHeader  = 64 << 10
	maxQueued  = 16 // requests that wait, for each that is at work
	maxAddress = 8 << 10
)

func newTransport(o Options, insecure bool) *http.Transport {
	cfg := o.TLS.Clone()
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	cfg.InsecureSkipVerify = cfg.InsecureSkipVerify || insecure
	return &http.Transport{
		Proxy: o.Proxy, DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, TLSClientConfig: cfg, TLSHandshakeTimeout: dialTime,
		DisableCompression: true, MaxIdleConnsPerHost: 2, MaxIdleConns: 64, IdleConnTimeout: idleTime, MaxResponseHeaderBytes: maxHeader,
	}
}

// A query is one request, as Go wants it.
type query struct {
	method, url string
	header      http.Header
	body        string
	insecure    bool
	onlyStatus  bool
}

// failed are the words for what went wrong, those of Prosody where it has some.
type failed string

func (f failed) Error() string { return string(f) }

// readQuery reads the fields of a request's table.
func readQuery(t *lua.LTable) (q query, err error) {
	text := func(name string) string { return lua51.ToText(t.RawGetString(name)) }
	q = query{
		method: strings.ToUpper(cmp.Or(text("method"), http.MethodGet)), body: text("body"), header: make(http.Header),
		insecure: lua.LVAsBool(t.RawGetString("insecure")), onlyStatus: lua.LVAsBool(t.RawGetString("onlystatus")),
	}
	u := url.URL{Scheme: strings.ToLower(text("scheme")), Host: text("host")}
	if strings.Contains(u.Host, ":") {
		u.Host = "[" + u.Host + "]"
	}
	if port := text("port"); port != "" {
		u.Host += ":" + port
	}
	q.url = u.String() + text("path")
	if params := text("params"); params != "" {
		q.url += ";" + params
	}
	if search := text("query"); search != "" {
		q.url += "?" + search
	}
	if u.Scheme != "http" && u.Scheme != "https" || len(q.url) > maxAddress {
		return q, failed("invalid-url")
	}
	if headers, ok := t.RawGetString("headers").(*lua.LTable); ok {
		for k, v := headers.Next(lua.LNil); k != lua.LNil; k, v = headers.Next(k) {
			q.header.Set(lua51.ToText(k), lua51.ToText(v))
		}
	}
	return q, nil
}

// An answer is what a query came to: a response whose body has not been read if
// it is streamed, or an error.
type answer struct {
	response *http.Response
	body     string
	end      context.CancelFunc // frees the connection
	err      error
}

// ask sends a query, once there is a seat for it, and reads the answer unless
// it is to be streamed.
func (c *client) ask(ctx context.Context, q query, stream bool) answer {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	release, err := c.sit(ctx)
	if err != nil {
		cancel()
		return answer{err: err}
	}
	a := answer{end: func() { cancel(); release() }}
	a.response, a.err = c.send(ctx, q)
	if a.err == nil && !stream {
		a.body, a.err = c.read(a.response, q.onlyStatus)
	}
	if a.err != nil {
		a.err = words(ctx, a.err)
	}
	if a.err != nil || !stream {
		a.end()
	}
	return a
}

// sit waits for a seat.
func (c *client) sit(ctx context.Context) (release func(), err error) {
	defer c.queued.Add(-1)
	if c.queued.Add(1) > int64(maxQueued*cap(c.seats)) {
		return nil, failed("too many requests")
	}
	select {
	case c.seats <- struct{}{}:
		return func() { <-c.seats }, nil
	case <-ctx.Done():
		return nil, words(ctx, ctx.Err())
	}
}

func (c *client) send(ctx context.Context, q query) (*http.Response, error) {
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, q.url, body)
	if err != nil {
		return nil, failed("invalid-url")
	}
	for name, values := range q.header {
		if name == "Host" {
			r.Host = values[0]
			continue
		}
		r.Header[name] = values
	}
	if q.insecure {
		return c.trusty.RoundTrip(r)
	}
	return c.secure.RoundTrip(r)
}

// read reads a body that is not too long.
func (c *client) read(r *http.Response, onlyStatus bool) (string, error) {
	defer r.Body.Close() //nolint:errcheck // it was only read
	if onlyStatus {
		return "", nil
	}
	if r.ContentLength > c.most {
		return "", failed("content-length-limit-exceeded")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, c.most+1))
	if err != nil {
		return "", err
	}
	if int64(len(body)) > c.most {
		return "", failed("max-buffer-size-exceeded")
	}
	return string(body), nil
}

// words says what went wrong as modules expect it.
func words(ctx context.Context, err error) error {
	var said failed
	var network net.Error
	switch {
	case errors.As(err, &said):
		return said
	case errors.Is(context.Cause(ctx), context.Canceled):
		return failed("cancelled")
	case is[x509.HostnameError](err):
		return failed("certificate-verify-failed")
	case is[*tls.CertificateVerificationError](err):
		return failed("certificate-chain-invalid")
	case is[*net.DNSError](err):
		return failed("unable to resolve service")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return failed("connection timeout")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failed("connection-closed")
	case is[*net.OpError](err):
		return failed("connection failed")
	}
	return failed(err.Error())
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// start is start(request, finish, stream): it asks on a goroutine of its own,
// then calls finish(body, code, response), or finish(reason, 0). stream, if
// there, is called with the response before its body is read, and returns what
// takes this by its method write. start returns a function that ends all this.
func (c *client) start(l *lua.LState) int {
	t, finish, stream := l.CheckTable(1), l.CheckFunction(2), l.Get(3)
	q, err := readQuery(t)
	ctx, cancel := context.WithCancel(c.live())
	task := &universe.Task{Name: "net.http request to " + lua51.ToText(t.RawGetString("host")), Limit: c.web.limit, Waits: true}
	c.web.universe.Go(ctx, task, func(l *lua.LState) {
		defer cancel()
		a := answer{err: err}
		if err == nil {
			c.web.universe.Block(func(ctx context.Context) { a = c.ask(ctx, q, lua.LVAsBool(stream)) })
		}
		c.finish(l, finish, stream, a)
	})
	l.Push(l.NewFunction(func(*lua.LState) int { cancel(); return 0 }))
	return 1
}

// finish hands an answer to Lua.
func (c *client) finish(l *lua.LState, finish *lua.LFunction, stream lua.LValue, a answer) {
	response := lua.LNil
	if a.err == nil {
		t := responseTable(l, a.response)
		response = t
		if lua.LVAsBool(stream) {
			a.err = c.stream(l, stream, t, a)
		} else {
			t.RawSetString("body", lua.LString(a.body))
		}
	}
	l.Push(finish)
	if a.err != nil {
		l.Push(lua.LString(a.err.Error()))
		l.Push(lua.LNumber(0))
		l.Call(2, 0)
		return
	}
	if lua.LVAsBool(stream) {
		l.Push(lua.LNil)
	} else {
		l.Push(lua.LString(a.body))
	}
	l.Push(lua.LNumber(a.response.StatusCode))
	l.Push(response)
	l.Call(3, 0)
}

// stream moves the body into what Lua gives for it.
func (c *client) stream(l *lua.LState, stream lua.LValue, t *lua.LTable, a answer) (err error) {
	defer a.end()
	defer a.response.Body.Close() //nolint:errcheck // it was only read
	t.RawSetString("partial", lua.LTrue)
	l.Push(stream)
	l.Push(t)
	l.Call(1, 1)
	sink := l.Get(-1)
	l.Pop(1)
	part := make([]byte, chunk)
	for {
		var n int
		var why error
		c.web.universe.Block(func(ctx context.Context) {
			if n, err = a.response.Body.Read(part); err != nil {
				why = words(ctx, err)
			}
		})
		if n > 0 && lua.LVAsBool(sink) && !lua.LVAsBool(callMethod(l, sink, "write", lua.LString(part[:n]))) {
			return failed("body-sink-write-failure")
		}
		switch {
		case err == io.EOF:
			t.RawSetString("partial", lua.LNil)
			return nil
		case err != nil:
			return why
		}
	}
}

// responseTable is what Lua gets to see of a response.
func responseTable(l *lua.LState, r *http.Response) *lua.LTable {
	headers := l.CreateTable(0, len(r.Header))
	for name, values := range r.Header {
		headers.RawSetString(strings.ToLower(name), lua.LString(strings.Join(values, ",")))
	}
	version := lua.LString(fmt.Sprintf("%d.%d", r.ProtoMajor, r.ProtoMinor))
	t := l.CreateTable(0, 8)
	t.RawSetString("code", lua.LNumber(r.StatusCode))
	t.RawSetString("httpversion", version)
	t.RawSetString("responseversion", version)
	t.RawSetString("headers", headers)
	t.RawSetString("responseheaders", headers)
	t.RawSetString("status", lua.LString(r.Proto+" "+r.Status))
	if r.ContentLength >= 0 {
		t.RawSetString("body_length", lua.LNumber(r.ContentLength))
	}
	return t
}

// wait is wait(request): it asks while its task waits, and returns what finish
// of start would be called with.
func (c *client) wait(l *lua.LState) int {
	q, err := readQuery(l.CheckTable(1))
	a := answer{err: err}
	if err == nil {
		c.web.universe.Block(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, blockTime)
			defer cancel()
			defer context.AfterFunc(c.live(), cancel)() //nolint:contextcheck // it is another end of the same
			a = c.ask(ctx, q, false)
		})
	}
	if a.err != nil {
		l.Push(lua.LString(a.err.Error()))
		l.Push(lua.LNumber(0))
		return 2
	}
	l.Push(lua.LString(a.body))
	l.Push(lua.LNumber(a.response.StatusCode))
	l.Push(responseTable(l, a.response))
	return 3
}
