// SPDX-License-Identifier: Apache-2.0

// Package luacfg runs a config file: a Lua program in the style of Prosody
// (its 0.12 and 13.0 alike) that says what it wants by assignments and by
// VirtualHost and Component.
//
// The file is the admin's own program. It may compute, look at the clock and
// the environment, and read files; it can not change anything outside of
// itself, nor run for ever.
package luacfg

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"tercet/config"
	"tercet/config/lua51"
)

// Limits of a run where Options does not set others.
const (
	DefaultTime   = 5 * time.Second
	DefaultMemory = 64 << 20
)

// Options change how a file is run; the zero value is right for a server.
type Options struct {
	// Time and Memory (bytes) bound the run.
	Time   time.Duration
	Memory int64
	// Getenv reads the environment; nil stands for that of the process.
	Getenv func(name string) (string, bool)
	// Output is where print writes; nil stands for the standard error output.
	Output io.Writer
	// Tool says that no server is to be started: Credential, whose files only
	// the service manager provides, returns a placeholder if it finds none.
	Tool bool
}

// Error says why a file could not be run.
type Error struct {
	Pos  config.Pos
	Text string
	// Problems are those that were found before.
	Problems []config.Problem
}

// Error returns "file:line: text".
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Text }

// Load runs file and returns what it says. The error, if any, is an *Error;
// what is merely wrong stands in the config's Problems.
func Load(file string) (*config.Config, error) { return Options{}.Load(file) }

// Load runs file as the package's Load does, with other limits.
func (o Options) Load(file string) (cfg *config.Config, err error) {
	r := o.runner(file)
	defer r.close()
	defer func() {
		switch rec := recover().(type) {
		case nil:
		case *lua.ApiError: // raised while another was explained, the stack being full
			cfg, err = nil, r.failure(rec)
		default: // gopher-lua itself has failed
			cfg, err = nil, &Error{config.Pos{File: file}, fmt.Sprint("the config can not be run: ", rec), r.cfg.Problems}
		}
	}()
	source, err := r.readSource(file)
	if err != nil {
		return nil, &Error{config.Pos{File: file}, err.Error(), nil}
	}
	l := r.state
	main := l.NewFunction(func(l *lua.LState) int {
		r.runConfig(l, file, source)
		return 0
	})
	l.Push(main)
	if err := l.PCall(0, 0, l.NewFunction(r.explain)); err != nil {
		return nil, r.failure(err)
	}
	if err := r.convert(); err != nil {
		return nil, err
	}
	r.clock() // a string operation may have ended late
	if r.err != nil {
		return nil, &Error{config.Pos{File: file}, r.err.Error(), r.cfg.Problems}
	}
	return r.cfg, nil
}

// runner is one run of a config.
type runner struct {
	*budget
	places
	state     *lua.LState
	cfg       *config.Config
	sites     []*site
	literals  []*lua51.Literal
	library   *lua51.Library
	tool      bool
	getenv    func(string) (string, bool)
	output    io.Writer
	printed   int
	protected int // calls through pcall that go on

	global   *section
	sections map[string]*section
	running  []*fileRun // the files that include each other, the main file first
	sources  map[string]bool
	appender *lua.LTable // metatable of an option's table
	open     []*file
	unset    struct { // the last name read that nothing has set, and the warning
		name    string
		warning config.Problem
	}
}

func (o Options) runner(file string) *runner {
	if o.Time <= 0 {
		o.Time = DefaultTime
	}
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	if o.Getenv == nil {
		o.Getenv = os.LookupEnv
	}
	if o.Output == nil {
		o.Output = os.Stderr
	}
	cfg := config.New(file, filepath.Dir(file))
	r := &runner{
		budget: newBudget(o.Time, o.Memory),
		places: places{tables: map[weak.Pointer[lua.LTable]]*place{}},
		state: lua.NewState(lua.Options{
			SkipOpenLibs:     true,
			CallStackSize:    1000,
			RegistrySize:     4096,
			RegistryMaxSize:  2 * lua51.MaxUnpack,
			RegistryGrowStep: 8192,
		}),
		cfg: cfg, tool: o.Tool, getenv: o.Getenv, output: o.Output,
		sections: map[string]*section{},
		sources:  map[string]bool{},
	}
	r.library = lua51.New(r.budget)
	r.global = &section{Section: cfg.Global, options: map[string]*option{}}
	r.state.SetContext(r.budget)
	r.openLibs()
	r.openConfig()
	return r
}

func (r *runner) close() {
	for _, f := range r.open {
		_ = f.f.Close() // only read
	}
	r.state.Close()
}

// maxProblems is how many warnings of a run are kept.
const maxProblems = 1000

// warn notes a problem that does not keep the config from being used.
func (r *runner) warn(pos config.Pos, text string) {
	p := config.Problem{Pos: pos, Severity: config.Warning, Text: text}
	if n := len(r.cfg.Problems); n < maxProblems && (n == 0 || r.cfg.Problems[n-1] != p) {
		r.cfg.Problems = append(r.cfg.Problems, p)
		r.charge(int64(costValue + len(text)))
	}
}

// load compiles source and returns it as a function.
func (r *runner) load(l *lua.LState, file string, source []byte) (*lua.LFunction, error) {
	r.sources[file] = true
	proto, err := r.compile(file, source)
	if err != nil {
		return nil, err
	}
	l.Push(l.NewFunctionFromProto(proto))
	for _, fn := range []lua.LGFunction{r.library.Concat, r.hiddenSet, r.hiddenTable, r.hiddenLiteral, r.hiddenKey} {
		l.Push(l.NewFunction(fn))
	}
	l.Push(lua.LFalse)
	l.Call(len(hidden), 1)
	fn, ok := l.Get(-1).(*lua.LFunction)
	l.Pop(1)
	if !ok {
		return nil, errors.New("nothing was compiled")
	}
	fn.Env = l.G.Global
	return fn, nil
}

// mustLoad is load with the error raised at its own place.
func (r *runner) mustLoad(l *lua.LState, file string, source []byte) *lua.LFunction {
	fn, err := r.load(l, file, source)
	if err != nil {
		l.Error(lua.LString(positioned(file, err)), 0)
	}
	return fn
}

// positioned returns "file:line: text".
func positioned(file string, err error) string {
	line := 1
	if at, ok := errors.AsType[*lua51.SourceError](err); ok {
		line = at.Line
	}
	return config.Pos{File: file, Line: line}.String() + ": " + err.Error()
}

func (r *runner) hiddenSet(l *lua.LState) int {
	t, k, v := l.Get(1), l.Get(2), l.Get(3)
	r.store(l, t, k, v)
	if t, ok := t.(*lua.LTable); ok {
		if k, ok := k.(lua.LString); ok {
			r.placeKey(t, string(k), r.caller(l))
		}
	}
	return 0
}

func (r *runner) hiddenTable(l *lua.LState) int {
	t, ok := l.Get(1).(*lua.LTable)
	id, _ := l.Get(2).(lua.LNumber)
	if ok {
		s := r.sites[int(id)-1]
		r.Alloc(l, costTable+costEntry*(len(s.items)+len(s.keys)))
		if at := r.note(t); at != nil {
			at.site = s.id
		}
	}
	l.SetTop(1)
	return 1
}

func (r *runner) hiddenLiteral(l *lua.LState) int {
	n, _ := l.Get(1).(lua.LNumber)
	l.Push(r.literals[int(n)-1].Build(l, func(t *lua.LTable, d *lua51.Literal) {
		r.Alloc(l, costTable+costEntry*d.Len())
		at, s := r.note(t), d.Tag.(*site) //nolint:forcetypeassert // it is what rewriter.table gives
		if at != nil {
			at.site = s.id
		}
	}, func(t *lua.LTable, key lua.LValue) { r.grow(l, t, key) }))
	return 1
}

func (r *runner) hiddenKey(l *lua.LState) int {
	if n, ok := l.Get(1).(lua.LNumber); ok && n > 1<<10 && float64(n) < float64(lua.MaxArrayIndex) {
		r.Alloc(l, 32*int(n))
	}
	l.SetTop(1)
	return 1
}

// raised is an error of a program, on its way through PCall.
type raised struct {
	pos  config.Pos
	text string
}

// explain is called with an error where it was raised: it finds its place and
// its text.
func (r *runner) explain(l *lua.LState) int {
	pos := r.caller(l)
	var text string
	switch v := l.Get(1).(type) {
	case lua.LString:
		text = strings.TrimSpace(string(v))
	case *lua.LUserData:
		if _, ok := v.Value.(*raised); ok {
			return 1 // raised again by a pcall of ours
		}
		text = "error object is a userdata"
	case *lua.LTable:
		text = "error object is a table"
		if l.GetMetaField(v, "__tostring") != lua.LNil {
			text = l.ToStringMeta(v).String()
		}
	default:
		text = "error: " + v.String()
	}
	if at, rest, ok := r.cutPos(text); ok {
		pos, text = at, rest
	}
	ud := l.NewUserData()
	ud.Value = &raised{pos, r.reword(pos, text)}
	l.Push(ud)
	return 1
}

// cutPos splits "file:line: " off a message, if file is one of those that run.
func (r *runner) cutPos(text string) (pos config.Pos, rest string, ok bool) {
	for file := range r.sources {
		tail, found := strings.CutPrefix(text, file+":")
		if !found || len(file) < len(pos.File) {
			continue
		}
		line, after, found := strings.Cut(tail, ":")
		n, err := strconv.Atoi(line)
		if found && err == nil {
			pos, rest, ok = config.Pos{File: file, Line: n}, strings.TrimSpace(after), true
		}
	}
	return pos, rest, ok
}

// reword makes messages of gopher-lua about nil name what was nil, if it was a
// name read on that line; its warning is dropped.
func (r *runner) reword(pos config.Pos, text string) string {
	named := r.unset.name != "" && r.unset.warning.Pos == pos
	kind, key, indexed := strings.Cut(strings.TrimPrefix(text, "attempt to index a non-table object("), ") with key ")
	switch {
	case strings.HasPrefix(text, "attempt to call a non-function object"):
		text = "attempt to call what is no function"
		if named {
			text = r.unset.name + ` is no function; is a "=" missing behind it?`
		}
	case text == "__len undefined":
		text = "attempt to get the length of what has none"
	case indexed:
		text = "attempt to index a " + kind + " value with the key " + strings.ReplaceAll(key, "'", `"`)
		named = named && kind == "nil"
	default:
		named = named && strings.Contains(text, "nil")
	}
	if !named {
		return text
	}
	r.cfg.Problems = slices.DeleteFunc(r.cfg.Problems, func(p config.Problem) bool { return p == r.unset.warning })
	if !strings.HasPrefix(text, r.unset.name) {
		text += "; " + r.unset.name + " is not set here, are quotes missing?"
	}
	return text
}

// failure makes the error that Load returns of one that PCall returned.
func (r *runner) failure(err error) error {
	out := &Error{config.Pos{File: r.cfg.File}, strings.TrimSpace(err.Error()), r.cfg.Problems}
	if failed, ok := errors.AsType[*lua.ApiError](err); ok {
		if ud, ok := failed.Object.(*lua.LUserData); ok {
			if v, ok := ud.Value.(*raised); ok {
				out.Pos, out.Text = v.pos, v.text
				return out
			}
		}
		if failed.Object != nil {
			out.Text = strings.TrimSpace(failed.Object.String())
		}
	}
	if pos, text, ok := r.cutPos(out.Text); ok {
		out.Pos, out.Text = pos, text
	}
	return out
}
