// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"tercet/core/ext"
	"tercet/core/route"
)

// A Call is what is known about a request beside what net/http says.
type Call struct {
	// Host is the host that the app is mounted on; nil for a server's app.
	Host *route.Host
	// Remote is the client, also behind a trusted proxy; zero when the proxy
	// has not told. Rules about addresses go by it, not by Request.RemoteAddr.
	Remote netip.Addr
	// Secure says that the client's connection has TLS.
	Secure bool
	// Rest is the path from the slash before the "*" of the route; "" for a
	// route without.
	Rest string
	// App is the name of the app.
	App string

	pages *pageWriter
}

type callKey struct{}

// Of is the call of a request that came through this server.
func Of(r *http.Request) *Call {
	c, _ := r.Context().Value(callKey{}).(*Call)
	if c == nil {
		return &Call{}
	}
	return c
}

// ServeHTTP answers one request.
func (d *server) ServeHTTP(raw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	d.metrics.busy.Inc()
	w := newResponse(raw, r, d.SendTime)
	call := &Call{pages: d.pages}
	defer func() {
		v := recover()
		d.metrics.busy.Dec()
		d.recovered(w, r, call, v)
		w.finish()
		d.metrics.seconds.Since(start)
		if c := w.status / 100; c > 0 && c < len(d.metrics.classes) {
			d.metrics.classes[c].Inc()
		}
		d.log(r, w, call, start)
		if v != nil && (w.flushed || v == http.ErrAbortHandler) { //nolint:errorlint // a recovered value is no error to unwrap
			panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to cut off what cannot be taken back
		}
	}()
	from := d.clientOf(r)
	call.Remote, call.Secure = from.addr, from.secure
	d.dispatch(w, r, call) //nolint:contextcheck // the request has it
}

// recovered reports a handler that has panicked.
func (d *server) recovered(w *response, r *http.Request, call *Call, v any) {
	if v == nil || v == http.ErrAbortHandler { //nolint:errorlint // as above
		return
	}
	d.scope.Log.ErrorContext(r.Context(), "panic in an HTTP application", "app", call.App, "err", fmt.Sprint(v), "stack", string(debug.Stack()))
	if !w.started && !w.hijacked {
		clear(w.Header())
		w.Header().Set("Connection", "close")
		d.pages.write(w, r, call, &Error{Code: http.StatusInternalServerError})
		return
	}
	if w.hijacked {
		_ = w.conn.Close() // nobody else will
	}
	w.flushed = true
}

// dispatch finds the app and runs it outside of any pass.
func (d *server) dispatch(w *response, r *http.Request, call *Call) {
	path := r.URL.Path
	switch {
	case r.Method == http.MethodOptions && r.RequestURI == "*":
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method == http.MethodTrace || r.Method == http.MethodConnect:
		d.fail(w, r, call, http.StatusNotImplemented)
		return
	case path == "" || path[0] != '/' || !wellFormed(path):
		d.fail(w, r, call, http.StatusBadRequest)
		return
	}
	found, f, ctx, known := d.find(w, r, call, path)
	if f != nil {
		defer f.end()
		w.flight = f
	}
	if found.mount != nil {
		call.Host, call.App, call.Rest = found.mount.host, found.mount.app, found.rest
		found.mount.cors.apply(w.Header(), r)
	}
	switch {
	case found.handler != nil:
		d.serve(w, r.WithContext(ctx), call, found)
	case found.redirect:
		redirect(w, r)
	case len(found.allow) > 0 && r.Method == http.MethodOptions:
		w.Header().Set("Allow", found.methods())
		w.WriteHeader(http.StatusNoContent)
	case len(found.allow) > 0:
		w.Header().Set("Allow", found.methods())
		d.fail(w, r, call, http.StatusMethodNotAllowed)
	case !known && r.Host == "":
		d.fail(w, r, call, http.StatusBadRequest)
	case known && path == "/":
		d.pages.root(w, r)
	default:
		d.fail(w, r, call, http.StatusNotFound)
	}
}

// find enters the tables for as long as it takes to find the app and to count
// the request there. It reports whether the name is one of ours.
func (d *server) find(w *response, r *http.Request, call *Call, path string) (m match, f *flight, ctx context.Context, known bool) {
	hosts := d.hostsOf(r)
	passes := make([]ext.Pass, 1, 2)
	passes[0] = d.env.Router.Table.Enter()
	defer passes[0].Leave()
	for _, h := range hosts {
		p := h.Table.Enter()
		defer p.Leave()
		passes = append(passes, p)
	}
	m = find(passes, r.Method, path)
	if m.handler == nil {
		return m, nil, nil, len(hosts) > 0
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), callKey{}, call))
	return m, m.mount.begin(cancel, w.control), ctx, true
}

// serve runs the handler with the body as long as it may be.
func (d *server) serve(w *response, r *http.Request, call *Call, m match) {
	if r.Body != nil && r.Body != http.NoBody {
		if m.mount.limit >= 0 {
			if r.ContentLength > m.mount.limit {
				w.Header().Set("Connection", "close")
				d.fail(w, r, call, http.StatusRequestEntityTooLarge)
				return
			}
			r.Body = http.MaxBytesReader(w.ResponseWriter, r.Body, m.mount.limit)
		}
		r.Body = w.body(r.Body, d.BodyTime)
	}
	m.handler.ServeHTTP(w, r)
}

func (d *server) fail(w http.ResponseWriter, r *http.Request, call *Call, code int) {
	d.pages.write(w, r, call, &Error{Code: code})
}

// redirect sends the client to the same path with a slash behind it. The path
// is one that an app has mounted: it cannot lead to another server.
func redirect(w http.ResponseWriter, r *http.Request) {
	to := r.URL.EscapedPath() + "/"
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	code := http.StatusMovedPermanently
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		code = http.StatusPermanentRedirect // the method stays
	}
	w.Header().Set("Location", to)
	w.WriteHeader(code)
}

// log writes the access line. Paths and queries may hold what opens something,
// such as the address of a file: where the request went is told instead.
func (d *server) log(r *http.Request, w *response, call *Call, start time.Time) {
	if !d.scope.Log.Enabled(r.Context(), slog.LevelDebug) {
		return
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if call.App == "" {
		first = shorten(first)
	} else {
		first = ""
	}
	host := ""
	if call.Host != nil {
		host = call.Host.Name
	}
	d.scope.Log.DebugContext(r.Context(), "request", "method", r.Method, "host", host, "app", call.App, "path", first,
		"status", w.status, "bytes", w.bytes, "address", call.Remote, "duration", time.Since(start), "protocol", r.Proto)
}

// shorten keeps a log line from being filled by whoever asks.
func shorten(s string) string {
	const most = 32
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
