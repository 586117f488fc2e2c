// SPDX-License-Identifier: Apache-2.0

package luacfg

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
	"tercet/config/lua51"
	"tercet/core/jid"
)

// section is a section while its values are still Lua's.
type section struct {
	*config.Section
	options map[string]*option
	order   []string
}

// option is a value as it was last assigned.
type option struct {
	value lua.LValue
	pos   config.Pos
	run   *fileRun // nil: given in the table behind VirtualHost or Component
}

// fileRun is one file being run as config. Each starts in the global section.
type fileRun struct {
	file    string
	section *section
}

func (s *section) String() string {
	if s.Name == "" {
		return "the global section"
	}
	return s.Kind.String() + ` "` + s.Name + `"`
}

func (s *section) set(name string, o *option) {
	if _, ok := s.options[name]; !ok {
		s.order = append(s.order, name)
	}
	s.options[name] = o
}

// openConfig makes what a config sees beside Lua itself.
func (r *runner) openConfig() {
	l := r.state
	r.appender = l.CreateTable(0, 3)
	methods := l.CreateTable(0, 3)
	methods.RawSetString("append", l.NewFunction(r.appendOption))
	methods.RawSetString("value", l.NewFunction(func(l *lua.LState) int { l.SetTop(1); return 1 }))
	methods.RawSetString("values", l.NewFunction(r.optionValues))
	r.appender.RawSetString("__index", methods)
	r.appender.RawSetString("__call", l.NewFunction(r.appendOption))
	r.appender.RawSetString("__add", l.NewFunction(r.addOptions))
}

// environment returns the globals of a config file: what is assigned is an
// option, what is read an option, a function of the config, or Lua's.
func (r *runner) environment(l *lua.LState, run *fileRun) *lua.LTable {
	functions := map[string]*lua.LFunction{}
	for name, fn := range map[string]lua.LGFunction{
		"VirtualHost":  func(l *lua.LState) int { return r.virtualHost(l, run) },
		"Component":    func(l *lua.LState) int { return r.component(l, run) },
		"Include":      func(l *lua.LState) int { return r.include(l, run) },
		"RunScript":    func(l *lua.LState) int { return r.runScript(l, run) },
		"FileContents": func(l *lua.LState) int { return r.fileContents(l, run) },
		"FileLine":     func(l *lua.LState) int { return r.fileLine(l, run) },
		"FileLines":    func(l *lua.LState) int { return r.fileLines(l, run) },
		"Credential":   r.credential,
	} {
		functions[name] = l.NewFunction(fn)
	}
	for alias, name := range map[string]string{
		"Host": "VirtualHost", "host": "VirtualHost", "component": "Component", "include": "Include",
	} {
		functions[alias] = functions[name]
	}
	env, meta := l.CreateTable(0, 0), l.CreateTable(0, 3)
	meta.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		l.Push(r.read(l, run, functions, lua51.Arg(l, 2)))
		return 1
	}))
	meta.RawSetString("__newindex", l.NewFunction(func(l *lua.LState) int {
		name, ok := l.Get(2).(lua.LString)
		if !ok {
			l.RaiseError("the name of an option is a string, not a %s", l.Get(2).Type().String())
		}
		r.assign(l, run, string(name), l.Get(3))
		return 0
	}))
	meta.RawSetString("__metatable", lua.LFalse)
	env.Metatable = meta
	return env
}

// read is what a global name stands for.
func (r *runner) read(l *lua.LState, run *fileRun, functions map[string]*lua.LFunction, name string) lua.LValue {
	if variable, ok := strings.CutPrefix(name, "ENV_"); ok {
		return r.env(variable)
	}
	if fn := functions[name]; fn != nil {
		return fn
	}
	if name == "Lua" {
		return l.G.Global
	}
	if o := run.section.options[name]; o != nil {
		if t, ok := o.value.(*lua.LTable); ok && t.Metatable == lua.LNil {
			t.Metatable = r.appender
		}
		return o.value
	}
	if v := l.G.Global.RawGetString(name); v != lua.LNil {
		return v
	}
	o := r.global.options[name]
	if o != nil && o.value.Type() == lua.LTFunction {
		return o.value // a helper that the file defines, used in a host's section
	}
	pos := r.caller(l)
	text := name + " is not set here; are quotes missing?"
	if o != nil {
		text = name + " is set in the global section, but not in " + run.section.String() + ", and so is nil here"
	}
	warning := config.Problem{Pos: pos, Severity: config.Warning, Text: text}
	if r.unset.warning != warning {
		r.unset.name, r.unset.warning = name, warning
		r.warn(pos, text)
	}
	return lua.LNil
}

// assign sets an option in the current section.
func (r *runner) assign(l *lua.LState, run *fileRun, name string, v lua.LValue) {
	pos := r.caller(l)
	switch name {
	case "VirtualHost", "Component", "Include":
		l.RaiseError(`%s takes no "=": write %s "..."`, name, name)
	}
	r.Alloc(l, costValue+len(name))
	if old := run.section.options[name]; old != nil && old.run == run && !r.derived(v) {
		r.warn(pos, name+": set twice in "+run.section.String()+"; the value here wins over line "+lineOfPos(old.pos))
	}
	run.section.set(name, &option{v, pos, run})
}

func lineOfPos(p config.Pos) string { return strconv.Itoa(p.Line) }

func (r *runner) derived(v lua.LValue) bool {
	t, ok := v.(*lua.LTable)
	return ok && r.of(t) != nil && r.of(t).derived
}

// hostName reads the name behind VirtualHost and Component.
func (r *runner) hostName(l *lua.LState, word string) string {
	name, ok := l.Get(1).(lua.LString)
	if !ok || name == "" {
		l.RaiseError(`%s needs a name: %s "example.org"`, word, word)
	}
	prepared, err := jid.PrepDomain(string(name))
	if err != nil || strings.ContainsAny(prepared, "@/") {
		l.RaiseError("%s %s: this is not the name of a host", word, config.Of(config.Pos{}, string(name)).String())
	}
	return prepared
}

// define returns the section of a host, made if it is the first of its name.
func (r *runner) define(l *lua.LState, kind config.SectionKind, name string) (s *section, again bool) {
	if s, ok := r.sections[name]; ok {
		if s.Kind != kind {
			l.RaiseError(`%s "%s": there is a %s of this name (%s)`, kind.String(), name, s.Kind.String(), s.Pos.String())
		}
		return s, true
	}
	r.Alloc(l, costFirstKey)
	s = &section{
		Section: &config.Section{Kind: kind, Name: name, Pos: r.caller(l), Options: map[string]config.Value{}},
		options: map[string]*option{},
	}
	r.sections[name] = s
	r.cfg.Hosts = append(r.cfg.Hosts, s.Section)
	return s, false
}

func (r *runner) virtualHost(l *lua.LState, run *fileRun) int {
	s, _ := r.define(l, config.VirtualHost, r.hostName(l, "VirtualHost"))
	run.section = s
	l.Push(l.NewFunction(func(l *lua.LState) int {
		run.section = r.global
		if module, ok := l.Get(1).(lua.LString); ok {
			l.RaiseError(`VirtualHost "%s" takes no module; write Component "%s" "%s"`, s.Name, s.Name, string(module))
		}
		r.options(l, s)
		return 0
	}))
	return 1
}

func (r *runner) component(l *lua.LState, run *fileRun) int {
	const external = "component"
	s, again := r.define(l, config.Component, r.hostName(l, "Component"))
	run.section = s
	before, pos := s.Module, r.caller(l)
	s.Module = external
	at := -1
	if again && before != external {
		at = len(r.cfg.Problems)
		r.warn(pos, `Component "`+s.Name+`": opened again without its module "`+before+`", which makes it an external component`)
	}
	l.Push(l.NewFunction(func(l *lua.LState) int {
		run.section = r.global
		module, ok := l.Get(1).(lua.LString)
		if !ok {
			r.options(l, s)
			return 0
		}
		if s.Module = string(module); at >= 0 && at < len(r.cfg.Problems) {
			r.cfg.Problems = append(r.cfg.Problems[:at], r.cfg.Problems[at+1:]...)
			at = -1
		}
		run.section = s
		l.Push(l.NewFunction(func(l *lua.LState) int {
			run.section = r.global
			r.options(l, s)
			return 0
		}))
		return 1
	}))
	return 1
}

// options sets what the table behind VirtualHost or Component says.
func (r *runner) options(l *lua.LState, s *section) {
	t, ok := l.Get(1).(*lua.LTable)
	if !ok {
		l.RaiseError("%s is followed by a %s; want a table of options", s.String(), l.Get(1).Type().String())
	}
	pos := r.caller(l)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		r.Alloc(l, costValue)
		name, ok := k.(lua.LString)
		if !ok {
			l.RaiseError(`%s: the options behind it have names; got the item %s`, s.String(), lua51.Text(l, v))
		}
		s.set(string(name), &option{v, r.keyPos(t, string(name), pos), nil})
	}
}

// appendOption is option:append(list) and option { ... }: Prosody 13.0.
func (r *runner) appendOption(l *lua.LState) int {
	t, more := l.CheckTable(1), l.Get(2)
	from, ok := more.(*lua.LTable)
	if !ok {
		l.RaiseError("only a list can be appended, not a %s", more.Type().String())
	}
	r.appendTable(l, t, from)
	l.SetTop(1)
	return 1
}

func (r *runner) appendTable(l *lua.LState, t, from *lua.LTable) {
	pos, n := r.caller(l), t.Len()
	for k, v := from.Next(lua.LNil); k != lua.LNil; k, v = from.Next(k) {
		switch k := k.(type) {
		case lua.LNumber:
			n++
			r.grow(l, t, lua.LNumber(n))
			t.RawSetInt(n, v)
			r.placeItem(t, n, r.itemPos(from, int(k), pos))
		default:
			r.grow(l, t, k)
			t.RawSet(k, v)
			r.placeKey(t, k.String(), r.keyPos(from, k.String(), pos))
		}
	}
}

// addOptions is option + list: a new list, the option's own stays as it is.
func (r *runner) addOptions(l *lua.LState) int {
	left, ok := l.Get(1).(*lua.LTable)
	right, ok2 := l.Get(2).(*lua.LTable)
	if !ok || !ok2 {
		l.RaiseError("only lists can be added to an option that is one")
	}
	r.Alloc(l, costTable)
	sum := l.CreateTable(left.Len()+right.Len(), 0)
	r.appendTable(l, sum, left)
	r.appendTable(l, sum, right)
	if at := r.note(sum); at != nil {
		at.derived = true
	}
	l.Push(sum)
	return 1
}

// optionValues is option:values(), for loops.
func (r *runner) optionValues(l *lua.LState) int {
	t, i := l.CheckTable(1), 0
	l.Push(l.NewFunction(func(l *lua.LState) int {
		i++
		l.Push(t.RawGetInt(i))
		return 1
	}))
	return 1
}
