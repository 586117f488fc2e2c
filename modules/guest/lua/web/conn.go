// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bufio"
	"net/http"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// maxRaw is how long a header may be that a module writes by itself.
const maxRaw = 64 << 10

// newConnType makes the metatable of connections.
func (w *Web) newConnType(l *lua.LState) *lua.LTable {
	mt, index := l.CreateTable(0, 2), l.CreateTable(0, 16)
	nothing := func(*lua.LState) int { return 0 }
	lua51.Set(l, index, map[string]lua.LGFunction{
		"ip": func(l *lua.LState) int { l.Push(l.CheckTable(1).RawGetString(fieldAddress)); return 1 },
		"ssl": func(l *lua.LState) int {
			x := w.exchange[l.CheckTable(1)]
			l.Push(lua.LBool(x != nil && x.info.Secure))
			return 1
		},
		"write": func(l *lua.LState) int {
			x, data := w.exchange[l.CheckTable(1)], lua51.Arg(l, 2)
			if x != nil {
				x.writeRaw(data)
			}
			l.Push(lua.LBool(x != nil))
			return 1
		},
		"close": func(l *lua.LState) int {
			if x := w.exchange[l.CheckTable(1)]; x != nil {
				if !x.hasBegun() {
					x.end(true)
				}
				x.finish(l)
				x.close()
			}
			return 0
		},
		"pause": nothing, "resume": nothing, "pause_writes": nothing, "resume_writes": nothing, "setoption": nothing,
	})
	mt.RawSetString("__index", index)
	mt.RawSetString("__name", lua.LString("http connection"))
	return mt
}

// writeRaw takes what a module writes to the connection by itself: behind a
// header, it is a part of the body.
func (x *exchange) writeRaw(data string) {
	if x.hasBegun() {
		x.push(piece{data: data})
		return
	}
	x.raw += data
	for {
		header, rest, whole := strings.Cut(x.raw, "\r\n\r\n")
		if !whole {
			if len(x.raw) > maxRaw {
				x.end(true)
			}
			return
		}
		x.raw = rest
		r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(header+"\r\n\r\n")), x.r)
		if err != nil {
			x.web.log.Warn("module writes what is no HTTP", "task", x.route.task.Name, "err", err)
			x.end(true)
			return
		}
		_ = r.Body.Close() // it is not there
		if r.StatusCode < http.StatusOK {
			continue
		}
		r.Header.Del("Connection")
		x.push(piece{status: r.StatusCode, header: r.Header})
		if x.raw != "" {
			x.push(piece{data: x.raw})
		}
		x.raw = ""
		return
	}
}
