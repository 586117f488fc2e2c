// SPDX-License-Identifier: Apache-2.0

package http

import (
	"cmp"
	"context"
	"errors"
	"html"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"tercet/core/ext"
	"tercet/core/module"
)

// An Error is an answer that is no success: its text is shown, Err is not.
type Error struct {
	Code int    // 400 to 599
	Text string // a sentence for the user; "" is the option's
	Err  error  // for the log, and for http_errors_detailed
}

// Error says what went wrong, for logs.
func (e *Error) Error() string {
	text := "HTTP " + strconv.Itoa(e.Code)
	if e.Text != "" {
		text += ": " + e.Text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap is the reason.
func (e *Error) Unwrap() error { return e.Err }

// Func is a handler that may fail. An *Error goes out as it is, a body that is
// too large as 413; any other error is logged and goes out as 500 without its
// words. What it has written before it fails stays.
type Func func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP calls f.
func (f Func) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := f(w, r); err != nil {
		Fail(w, r, err)
	}
}

// Fail answers a request with an error's page, as Func does.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	call := Of(r)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Code: http.StatusInternalServerError, Err: err}
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			e.Code = http.StatusRequestEntityTooLarge
		}
	}
	if call.pages == nil {
		http.Error(w, http.StatusText(e.Code), e.Code)
		return
	}
	call.pages.write(w, r, call, e)
}

// An ErrorEvent is an error that is about to be answered. A handler may set
// Body, and Type with it.
type ErrorEvent struct {
	Request *http.Request
	Call    *Call
	Code    int
	Text    string
	Type    string // media type
	Body    []byte
}

// ErrorPage is fired on the server's table for each error; Prosody's name.
var ErrorPage = ext.NewHook[ErrorEvent]("http-error")

// A pageWriter writes the error pages of one instance of httpd.
type pageWriter struct {
	errorPages
	table *ext.Table
	log   *slog.Logger
}

func newPages(o errorPages, s *module.Scope) *pageWriter {
	return &pageWriter{errorPages: o, table: s.Env.Router.Table, log: s.Log}
}

// write answers with an error unless the answer has begun.
func (p *pageWriter) write(w http.ResponseWriter, r *http.Request, call *Call, e *Error) {
	if e.Code < 400 || e.Code > 599 {
		e = &Error{Code: http.StatusInternalServerError, Err: e}
	}
	if e.Code >= 500 && e.Err != nil && !errors.Is(e.Err, context.Canceled) && !errors.Is(e.Err, errGone) {
		p.log.ErrorContext(r.Context(), "HTTP request failed", "app", call.App, "status", e.Code, "err", e.Err)
	}
	if own, ok := w.(*response); ok && own.started {
		own.flushed = true
		return
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h.Del("Etag")
	h.Del("Last-Modified")
	ev := &ErrorEvent{Request: r, Call: call, Code: e.Code, Text: cmp.Or(e.Text, p.sentence(e.Code))}
	if p.Detailed && e.Err != nil {
		ev.Text += "\n" + e.Err.Error()
	}
	p.fire(r.Context(), ev)
	if ev.Body == nil && (p.Always || e.Text != "" || p.Messages[strconv.Itoa(e.Code)] != nil) {
		ev.Type, ev.Body = page(r, strconv.Itoa(e.Code)+" "+http.StatusText(e.Code), ev.Text)
	}
	send(w, e.Code, ev.Type, ev.Body)
}

func (p *pageWriter) fire(ctx context.Context, ev *ErrorEvent) {
	pass := p.table.Enter()
	defer pass.Leave()
	ErrorPage.Fire(ctx, pass, ev)
}

// root is what stands at "/" of a host where nobody has mounted anything.
func (p *pageWriter) root(w http.ResponseWriter, r *http.Request) {
	text := "This is an XMPP server."
	if list := p.Messages["/"]; len(list) > 0 {
		text = list[rand.IntN(len(list))] //nolint:gosec // chooses a sentence
	}
	kind, body := page(r, "It works", text)
	send(w, http.StatusOK, kind, body)
}

// sentence is what the options say about a status.
func (p *pageWriter) sentence(code int) string {
	list := p.Messages[strconv.Itoa(code)]
	switch len(list) {
	case 0:
		return p.Message
	case 1:
		return list[0]
	}
	return strings.ReplaceAll(list[0], "%", list[1+rand.IntN(len(list)-1)]) //nolint:gosec // chooses a sentence
}

// page is HTML for those who ask for it, else text.
func page(r *http.Request, title, text string) (kind string, body []byte) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return "text/plain; charset=utf-8", []byte(title + "\n" + text + "\n")
	}
	return "text/html; charset=utf-8", []byte("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
		html.EscapeString(title) + "</title><style>body{font-family:sans-serif;margin:4em auto;max-width:40em;padding:0 1em}</style></head>\n<body><h1>" +
		html.EscapeString(title) + "</h1><p>" + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>") + "</p></body></html>\n")
}

func send(w http.ResponseWriter, code int, kind string, body []byte) {
	h := w.Header()
	if len(body) > 0 {
		h.Set("Content-Type", kind)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body) // a client that is gone does not want it
}
