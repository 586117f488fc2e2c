// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
	"tercet/config/lua51"
)

// maxIncludes is how deep files may include each other.
const maxIncludes = 32

// runConfig runs a file as config.
func (r *runner) runConfig(l *lua.LState, file string, source []byte) {
	run := &fileRun{file: file, section: r.global}
	r.running = append(r.running, run)
	defer func() { r.running = r.running[:len(r.running)-1] }()
	if !slices.Contains(r.cfg.Files, file) {
		r.cfg.Files = append(r.cfg.Files, file)
	}
	fn := r.mustLoad(l, file, source)
	fn.Env = r.environment(l, run)
	l.Push(fn)
	l.Call(0, 0)
}

// path resolves a path that the file of run wrote.
func (run *fileRun) path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(filepath.Dir(run.file), name)
}

func (r *runner) include(l *lua.LState, run *fileRun) int {
	name := l.CheckString(1)
	path := run.path(name)
	dir, last := filepath.Split(path)
	if !strings.ContainsAny(last, "*?") {
		r.includeFile(l, path)
		return 0
	}
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		l.RaiseError(`Include "%s": %s`, name, plain(err))
	}
	for _, e := range entries {
		r.Step(l, len(e.Name()))
		if !strings.HasPrefix(e.Name(), ".") && glob(last, e.Name()) {
			r.includeFile(l, filepath.Join(dir, e.Name()))
		}
	}
	return 0
}

func (r *runner) includeFile(l *lua.LState, path string) {
	info, err := os.Stat(path)
	if err != nil {
		l.RaiseError(`Include "%s": %s`, path, plain(err))
	}
	for i, run := range r.running {
		if other, err := os.Stat(run.file); err == nil && os.SameFile(info, other) {
			l.RaiseError(`Include "%s": this file is being read already%s`, path, chain(r.running[i:]))
		}
	}
	if len(r.running) > maxIncludes {
		l.RaiseError(`Include "%s": files include each other more than %d deep`, path, maxIncludes)
	}
	source, err := r.readSource(path)
	if err != nil {
		l.RaiseError(`Include "%s": %s`, path, plain(err))
	}
	r.runConfig(l, path, source)
}

// chain names the files that include each other.
func chain(runs []*fileRun) string {
	if len(runs) < 2 {
		return ""
	}
	var names []string
	for _, run := range runs[1:] {
		names = append(names, run.file)
	}
	return ", through " + strings.Join(names, ", ")
}

// plain is err without the operation and the path, which the message has.
func plain(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return err.Error()
}

// glob matches a name with a pattern in which * and ? stand for any characters
// and for one.
func glob(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// runScript runs a file with Lua's own globals: what it sets are variables.
func (r *runner) runScript(l *lua.LState, run *fileRun) int {
	path := run.path(l.CheckString(1))
	source, err := r.readSource(path)
	if err != nil {
		l.RaiseError(`RunScript "%s": %s`, path, plain(err))
	}
	return r.runLua(l, path, source)
}

// runLua runs a file and passes on what it returns.
func (r *runner) runLua(l *lua.LState, path string, source []byte) int {
	if !slices.Contains(r.cfg.Files, path) {
		r.cfg.Files = append(r.cfg.Files, path)
	}
	top := l.GetTop()
	l.Push(r.mustLoad(l, path, source))
	l.Call(0, lua.MultRet)
	return l.GetTop() - top
}

// below resolves a path that must be in the config's folder.
func (r *runner) below(name string) (path string, ok bool) {
	path = filepath.Join(r.cfg.Dir, name)
	if filepath.IsAbs(name) {
		path = filepath.Clean(name)
	}
	dir, err := filepath.Abs(r.cfg.Dir)
	if err != nil {
		return path, false
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return path, false
	}
	rel, err := filepath.Rel(dir, whole)
	return path, err == nil && filepath.IsLocal(rel)
}

func (r *runner) doFile(l *lua.LState) int {
	path, ok := r.below(l.CheckString(1))
	if !ok {
		l.RaiseError(`dofile "%s": only files below the config's folder; use RunScript for others`, path)
	}
	source, err := r.readSource(path)
	if err != nil {
		l.RaiseError(`dofile "%s": %s`, path, plain(err))
	}
	return r.runLua(l, path, source)
}

// baseLoadFile is loadfile: nil and a message for what can not be loaded.
func (r *runner) baseLoadFile(l *lua.LState) int {
	path, ok := r.below(l.CheckString(1))
	if !ok {
		l.RaiseError(`loadfile "%s": only files below the config's folder; use RunScript for others`, path)
	}
	source, err := r.readSource(path)
	if err != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString(path + ": " + plain(err)))
		return 2
	}
	return r.pushLoaded(l, path, source)
}

func (r *runner) pushLoaded(l *lua.LState, name string, source []byte) int {
	fn, err := r.load(l, name, source)
	if err != nil {
		if strings.Contains(err.Error(), "bytecode") {
			l.RaiseError("%s", err.Error())
		}
		l.Push(lua.LNil)
		l.Push(lua.LString(positioned(name, err)))
		return 2
	}
	l.Push(fn)
	return 1
}

// baseLoad is load and loadstring of 5.1 and 5.2: (text or function, name,
// mode, environment).
func (r *runner) baseLoad(l *lua.LState) int {
	var source []byte
	name := lua51.OptArg(l, 2, "")
	if fn, ok := l.Get(1).(*lua.LFunction); ok {
		for {
			l.Push(fn)
			l.Call(0, 1)
			part := l.Get(-1)
			l.Pop(1)
			if !lua51.IsText(part) || lua51.ToText(part) == "" {
				break
			}
			r.Alloc(l, len(lua51.ToText(part)))
			source = append(source, lua51.ToText(part)...)
		}
		if name == "" {
			name = "=(load)"
		}
	} else {
		source = []byte(lua51.Arg(l, 1))
	}
	if name == "" {
		first, _, _ := strings.Cut(string(source[:min(len(source), 40)]), "\n")
		name = `[string "` + first + `"]`
	}
	n := r.pushLoaded(l, strings.TrimLeft(name, "=@"), source)
	if env, ok := l.Get(4).(*lua.LTable); ok && n == 1 {
		if fn, ok := l.Get(-1).(*lua.LFunction); ok {
			fn.Env = env
		}
	}
	return n
}

// require finds modules below the config's folder.
func (r *runner) require(l *lua.LState) int {
	name := l.CheckString(1)
	loaded, ok := l.GetField(l.G.Global.RawGetString("package"), "loaded").(*lua.LTable)
	if !ok {
		l.RaiseError("package.loaded is not a table")
	}
	if v := loaded.RawGetString(name); lua.LVAsBool(v) {
		l.Push(v)
		return 1
	}
	rel := strings.ReplaceAll(name, ".", "/")
	for _, try := range []string{rel + ".lua", rel + "/init.lua"} {
		path, ok := r.below(try)
		if !ok {
			continue
		}
		source, err := r.readSource(path)
		if err != nil {
			continue
		}
		loaded.RawSetString(name, lua.LTrue) // two that require each other end
		top := l.GetTop()
		r.runLua(l, path, source)
		if l.GetTop() > top && l.Get(top+1) != lua.LNil {
			loaded.RawSetString(name, l.Get(top+1))
		}
		l.Push(loaded.RawGetString(name))
		return 1
	}
	l.RaiseError(`require "%s": no module of this name below %s; the libraries of Prosody are not available to the config`, name, r.cfg.Dir)
	return 0
}

func (r *runner) fileContents(l *lua.LState, run *fileRun) int {
	l.Push(lua.LString(r.mustRead(l, "FileContents", run.path(l.CheckString(1)))))
	return 1
}

func (r *runner) fileLine(l *lua.LState, run *fileRun) int {
	content := r.mustRead(l, "FileLine", run.path(l.CheckString(1)))
	first, _, _ := strings.Cut(string(content), "\n")
	l.Push(lua.LString(strings.TrimSuffix(first, "\r")))
	return 1
}

func (r *runner) fileLines(l *lua.LState, run *fileRun) int {
	path := run.path(l.CheckString(1))
	content := strings.TrimSuffix(string(r.mustRead(l, "FileLines", path)), "\n")
	t := l.CreateTable(0, 0)
	for i := 1; content != ""; i++ {
		var first string
		first, content, _ = strings.Cut(content, "\n")
		r.Alloc(l, costEntry)
		t.RawSetInt(i, lua.LString(strings.TrimSuffix(first, "\r")))
		r.placeItem(t, i, config.Pos{File: path, Line: i})
	}
	l.Push(t)
	return 1
}

func (r *runner) mustRead(l *lua.LState, word, path string) []byte {
	content, err := r.readFile(path)
	if err != nil {
		l.RaiseError(`%s "%s": %s`, word, path, plain(err))
	}
	return content
}

// credential returns a secret that the service manager has put into a folder of
// its own (systemd's LoadCredential).
func (r *runner) credential(l *lua.LState) int {
	name := l.CheckString(1)
	dir, ok := r.getenv("CREDENTIALS_DIRECTORY")
	switch {
	case name == "" || strings.ContainsAny(name, "/\x00") || name == "." || name == "..":
		l.RaiseError(`Credential "%s": want the name of a file`, name)
	case ok && dir != "":
		content, err := r.readFile(filepath.Join(dir, name))
		if err == nil {
			l.Push(lua.LString(content))
			return 1
		}
		if !r.tool {
			l.RaiseError(`Credential "%s": %s`, name, plain(err))
		}
	case !r.tool:
		l.RaiseError(`Credential "%s": CREDENTIALS_DIRECTORY is not set; the service manager sets it (LoadCredential= of systemd)`, name)
	}
	l.Push(lua.LString("placeholder"))
	return 1
}
