// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"html"
	"math"
	"net/http"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules/guest/lua/universe"
	httpd "tercet/modules/http"
)

const (
	// eventError is fired on net.http.server for the page of an error.
	eventError = "http-error"
	// lowest is the priority of the page that fire_event has when no module
	// makes one; the server's own page is better where it can be had.
	lowest = -math.MaxFloat64
)

// askedKey marks a request for whose error modules have been asked.
type askedKey struct{}

// An errorEvent is what modules are told about an error.
type errorEvent struct {
	code    int
	text    string
	err     *lua.LTable
	private error
}

// modulesPage fires http-error for a page that a module makes.
func (w *Web) modulesPage(l *lua.LState, response *lua.LTable, ev errorEvent) lua.LValue {
	if !w.pages.Load() {
		return lua.LNil
	}
	data := l.CreateTable(0, 6)
	data.RawSetString("code", lua.LNumber(ev.code))
	if response != nil {
		data.RawSetString("response", response)
		data.RawSetString("request", response.RawGetString("request"))
	}
	if ev.err != nil {
		data.RawSetString("error", ev.err)
	} else if ev.text != "" {
		data.RawSetString("message", lua.LString(ev.text))
	}
	if ev.private != nil {
		data.RawSetString("private_message", lua.LString(ev.private.Error()))
	}
	return w.events.FireBetween(l, lua.LString(eventError), data, math.Nextafter(lowest, 0), math.Inf(1))
}

// Attach has modules make pages for the errors of the whole server, too: those
// of requests that no module in Lua serves. s is the server's.
func (w *Web) Attach(s *module.Scope) {
	task := &universe.Task{Name: eventError}
	httpd.ErrorPage.Handle(s, 0, func(ctx context.Context, ev *httpd.ErrorEvent) ext.Verdict {
		if ev.Request.Context().Value(askedKey{}) != nil || !w.pages.Load() {
			return ext.Next
		}
		_ = w.universe.Do(ctx, task, func(l *lua.LState) { // the server's own page is as good
			body := w.modulesPage(l, nil, errorEvent{code: ev.Code, text: ev.Text})
			if lua51.IsText(body) {
				ev.Type, ev.Body = "text/html; charset=utf-8", []byte(lua51.ToText(body))
			}
		})
		return ext.Next
	})
}

// errorPage is the handler of http-error that is asked last.
func (w *Web) errorPage(l *lua.LState) int {
	data := l.CheckTable(1)
	setType(data)
	code, _ := data.RawGetString("code").(lua.LNumber)
	text := lua51.ToText(data.RawGetString("message"))
	if err, ok := data.RawGetString("error").(*lua.LTable); ok && text == "" {
		text = lua51.ToText(err.RawGetString("text"))
	}
	l.Push(lua.LString(page(int(code), text, "")))
	return 1
}

// Message is the handler of the event http-message, which modules fire for a
// page about something else than an error: {response, title, message, warning}.
func (w *Web) Message(l *lua.LState) int {
	data := l.CheckTable(1)
	setType(data)
	title := lua51.ToText(data.RawGetString("title"))
	l.Push(lua.LString(document(title, lua51.ToText(data.RawGetString("message")), lua51.ToText(data.RawGetString("warning")))))
	return 1
}

// setType says that the answer of an event is HTML.
func setType(data *lua.LTable) {
	if response, ok := data.RawGetString("response").(*lua.LTable); ok {
		if headers, ok := response.RawGetString("headers").(*lua.LTable); ok {
			headers.RawSetString("content_type", lua.LString("text/html; charset=utf-8"))
		}
	}
}

// page is that of an error.
func page(code int, text, warning string) string {
	return document(fmt.Sprintf("%d %s", code, http.StatusText(code)), text, warning)
}

func document(title, text, warning string) string {
	if warning != "" {
		warning = "<p><strong>" + html.EscapeString(warning) + "</strong></p>\n"
	}
	return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + html.EscapeString(title) +
		"</title></head>\n<body><h1>" + html.EscapeString(title) + "</h1>\n<p>" + html.EscapeString(text) + "</p>\n" + warning + "</body></html>\n"
}
