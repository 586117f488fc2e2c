// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// openFiles makes the library net.http.files.
func (w *Web) openFiles(l *lua.LState) int {
	w.prepare(l)
	t := l.CreateTable(0, 1)
	t.RawSetString("serve", l.NewFunction(w.serveFiles))
	l.Push(t)
	return 1
}

// A folder is what net.http.files serves: a folder, or one file. The system's
// cache is the only one: what Prosody keeps, it looks up on the disk as well.
type folder struct {
	web     *Web
	base    string
	types   lua.LValue // of media, by the ending of a name
	indexes []string   // files that stand for their folder
	listing bool       // modules may make one
}

// serveFiles is serve(path) or serve{ path =, mime_map =, index_files =,
// directory_index = }: it returns a handler.
func (w *Web) serveFiles(l *lua.LState) int {
	d := &folder{web: w, base: lua51.ToText(l.Get(1)), types: lua.LNil, indexes: []string{"index.html", "index.htm"}}
	if o, ok := l.Get(1).(*lua.LTable); ok {
		d.base = lua51.ToText(o.RawGetString("path"))
		d.types = o.RawGetString("mime_map")
		d.listing = lua.LVAsBool(o.RawGetString("directory_index"))
		if list, ok := o.RawGetString("index_files").(*lua.LTable); ok {
			d.indexes = nil
			for i := 1; i <= list.Len(); i++ {
				d.indexes = append(d.indexes, lua51.ToText(list.RawGetInt(i)))
			}
		}
	}
	if !lua.LVAsBool(d.types) {
		types := l.CreateTable(0, 1)
		types.RawSetString("html", lua.LString("text/html"))
		d.types = types
	}
	l.Push(l.NewFunction(d.handle))
	return 1
}

// handle is the handler: (event, path below the folder or nil).
func (d *folder) handle(l *lua.LState) int {
	event := l.CheckTable(1)
	request, _ := event.RawGetString("request").(*lua.LTable)
	response, _ := event.RawGetString("response").(*lua.LTable)
	if request == nil || response == nil {
		l.ArgError(1, "event of an HTTP request expected")
	}
	if d.base == "" { // as in Prosody, what is not asked for is not missed
		l.RaiseError("net.http.files: serve has not been given a path")
	}
	path, below := l.Get(2).(lua.LString)
	full := d.base
	if below {
		clean, ok := sanitize(string(path))
		if !ok {
			return number(l, http.StatusBadRequest)
		}
		full = strings.TrimSuffix(d.base, "/") + clean
	}
	want := conditions(request)
	var f found
	d.web.universe.Block(func(context.Context) { f = d.look(full, below, want) })
	switch {
	case f.code == http.StatusMovedPermanently:
		to := url.URL{Path: lua51.ToText(request.RawGetString("path")) + "/"}
		header(response, "location", to.EscapedPath())
		return number(l, f.code)
	case f.isFolder:
		return d.list(l, request, response, full)
	case f.code != 0 && f.code != http.StatusNotModified:
		return number(l, f.code)
	}
	header(response, "last_modified", f.modified.UTC().Format(http.TimeFormat))
	header(response, "etag", f.tag)
	if f.code != 0 {
		return number(l, f.code)
	}
	if kind := lua51.ToText(d.typeOf(l, f.name)); kind != "" {
		header(response, "content_type", kind)
	}
	d.send(l, response, f)
	l.Push(lua.LTrue)
	return 1
}

func number(l *lua.LState, code int) int {
	l.Push(lua.LNumber(code))
	return 1
}

// header sets a header of a response.
func header(response *lua.LTable, name, value string) {
	if t, ok := response.RawGetString("headers").(*lua.LTable); ok {
		t.RawSetString(name, lua.LString(value))
	}
}

func (d *folder) typeOf(l *lua.LState, name string) lua.LValue {
	i := strings.LastIndexByte(name, '.')
	if i < 0 || strings.IndexByte(name[i:], '/') >= 0 {
		return lua.LNil
	}
	return l.GetField(d.types, name[i+1:])
}

// send answers with a file, by the methods of the response, which the module
// may have replaced.
func (d *folder) send(l *lua.LState, response *lua.LTable, f found) {
	w := d.web
	x := w.exchange[response]
	if f.file == nil {
		callMethod(l, response, "send", lua.LString(f.data))
		return
	}
	if x != nil && response.RawGetString("send_file") == w.methods.sendFile {
		x.sendOpen(l, f.file, f.size)
		return
	}
	_ = f.file.Close() // Lua opens it again
	open := l.GetField(l.G.Global.RawGetString("io"), "open")
	l.Push(open)
	l.Push(lua.LString(f.name))
	l.Push(lua.LString("rb"))
	l.Call(2, 1)
	handle := l.Get(-1)
	l.Pop(1)
	if handle == lua.LNil {
		callMethod(l, response, "send")
		return
	}
	header(response, "content_length", lua.LNumber(f.size).String())
	callMethod(l, response, "send_file", handle)
}

// list answers with a list of files, if a module makes one.
func (d *folder) list(l *lua.LState, request, response *lua.LTable, full string) int {
	if !d.listing {
		return number(l, http.StatusForbidden)
	}
	data := l.CreateTable(0, 2)
	data.RawSetString("path", request.RawGetString("path"))
	data.RawSetString("full_path", lua.LString(full))
	body := d.web.events.Fire(l, lua.LString("directory-index"), data)
	if !lua.LVAsBool(body) {
		return number(l, http.StatusForbidden)
	}
	kind := lua51.ToText(l.GetField(d.types, "html"))
	if kind == "" {
		kind = "text/html"
	}
	header(response, "content_type", kind)
	l.Push(body)
	return 1
}

// sanitize makes a path that does not leave the folder.
func sanitize(path string) (string, bool) {
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "" || part == ".":
		case strings.IndexByte(part, 0) >= 0:
			return "", false
		case part == "..":
			if len(parts) == 0 {
				return "", false
			}
			parts = parts[:len(parts)-1]
		default:
			parts = append(parts, part)
		}
	}
	clean := "/" + strings.Join(parts, "/")
	if len(parts) > 0 && strings.HasSuffix(path, "/") {
		clean += "/"
	}
	return clean, true
}

// A condition is what a client has of the file already.
type condition struct{ match, since string }

func conditions(request *lua.LTable) condition {
	t, ok := request.RawGetString("headers").(*lua.LTable)
	if !ok {
		return condition{}
	}
	return condition{lua51.ToText(t.RawGetString("if_none_match")), lua51.ToText(t.RawGetString("if_modified_since"))}
}

// holds reports whether what the client has is still the file (RFC 9110 13.1).
func (c condition) holds(tag string, modified time.Time) bool {
	if c.match != "" {
		for one := range strings.SplitSeq(c.match, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(c.since)
	return err == nil && !modified.Truncate(time.Second).After(since)
}

// found is what is at a path.
type found struct {
	code     int // of the answer, if not 0
	isFolder bool
	name     string
	modified time.Time
	tag      string
	size     int64
	data     string   // a small file, whole
	file     *os.File // a large one
}

// small is up to what size a file is read at once.
const small = 64 << 10

// look finds what is at a path, and reads or opens it if the client wants it.
func (d *folder) look(full string, below bool, want condition) found {
	if _, err := os.Stat(strings.TrimRight(full, "/") + "/."); err == nil && below { // "/." is there only for folders
		if !strings.HasSuffix(full, "/") {
			return found{code: http.StatusMovedPermanently}
		}
		for _, name := range d.indexes {
			if at, err := os.Stat(full + name); err == nil && at.Mode().IsRegular() {
				return openFound(full+name, at, want)
			}
		}
		return found{isFolder: true}
	}
	info, err := os.Stat(full)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return found{code: http.StatusForbidden}
		}
		return found{code: http.StatusNotFound}
	}
	if !info.Mode().IsRegular() {
		return found{code: http.StatusForbidden}
	}
	return openFound(full, info, want)
}

func openFound(name string, info fs.FileInfo, want condition) found {
	f := found{name: name, modified: info.ModTime(), size: info.Size()}
	f.tag = fmt.Sprintf(`"%x-%x"`, f.modified.UnixNano(), f.size)
	if want.holds(f.tag, f.modified) {
		f.code = http.StatusNotModified
		return f
	}
	file, err := os.Open(name)
	if err != nil {
		return found{code: http.StatusForbidden}
	}
	if f.size > small {
		f.file = file
		return f
	}
	defer file.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(file, small))
	if err != nil {
		return found{code: http.StatusInternalServerError}
	}
	f.data = string(data)
	return f
}
