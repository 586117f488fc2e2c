// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"tercet/config/lua51"
	"tercet/modules/guest"
)

// Inspect tells what the file of a module needs, from its text alone: it is
// compiled and not run. What it computes the name of is not seen.
func Inspect(_ context.Context, file string, _ json.RawMessage) *guest.Inspection {
	in := guest.Inspect(file, "lua")
	source, err := os.ReadFile(file)
	if err != nil {
		in.Wrong(0, "%v", err)
		return in
	}
	if len(source) > maxInspected {
		in.Wrong(0, "it is larger than %d bytes", maxInspected)
		return in
	}
	if _, err := lua51.Compile(file, source); err != nil {
		line := 0
		if failed, ok := errors.AsType[*lua51.SourceError](err); ok {
			line = failed.Line
		}
		in.Wrong(line, "%v", err)
		return in
	}
	source = bytes.TrimPrefix(source, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(source, []byte("#")) {
		source = append([]byte("--"), source...) // the line that names an interpreter
	}
	block, err := parse.Parse(bytes.NewReader(source), file)
	if err != nil {
		in.Wrong(0, "%v", err)
		return in
	}
	s := &sight{in: in, dir: filepath.Dir(file)}
	s.walk(reflect.ValueOf(block))
	s.tell(file)
	return in
}

// maxInspected is the largest file that is looked at, in bytes.
const maxInspected = 4 << 20

// A sight is what has been seen of a module.
type sight struct {
	in       *guest.Inspection
	dir      string
	requires []string
	options  []string
	depends  []string
}

// walk looks at all of a tree, in the order of the text.
func (s *sight) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		if call, ok := reflect.TypeAssert[*ast.FuncCallExpr](v); ok && v.Kind() == reflect.Pointer {
			s.call(call)
		}
		s.walk(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			s.walk(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				s.walk(v.Field(i))
			}
		}
	default:
	}
}

// call looks at one call.
func (s *sight) call(c *ast.FuncCallExpr) {
	if len(c.Args) == 0 {
		return
	}
	if at, ok := c.Receiver.(*ast.IdentExpr); ok {
		if at.Value == "module" {
			s.method(c)
		}
		return
	}
	fn, _ := c.Func.(*ast.IdentExpr)
	if fn == nil {
		return
	}
	switch first, _ := c.Args[0].(*ast.IdentExpr); {
	case fn.Value == "require":
		if name, ok := literal(c.Args, 0); ok {
			s.library(c.Line(), name, s.in.Wrong)
		}
	case fn.Value == "pcall" && first != nil && first.Value == "require", fn.Value == "softreq":
		at := 1
		if fn.Value == "softreq" {
			at = 0
		}
		if name, ok := literal(c.Args, at); ok {
			s.library(c.Line(), name, s.in.Note) // it can do without
		}
	}
}

// library notes that a library is required.
func (s *sight) library(line int, name string, missing func(int, string, ...any)) {
	if slices.Contains(s.requires, name) {
		return
	}
	s.requires = append(s.requires, name)
	if !offers(strings.TrimPrefix(name, "prosody.")) {
		missing(line, "it requires %q, which this server does not have", name)
	}
}

// method looks at a call of a method of module.
func (s *sight) method(c *ast.FuncCallExpr) {
	name, named := literal(c.Args, 0)
	switch method := c.Method; {
	case strings.HasPrefix(method, "get_option"):
		if !named {
			s.in.Note(c.Line(), "the name of an option is computed: it is not in the list")
			return
		}
		if kind := strings.TrimPrefix(strings.TrimPrefix(method, "get_option"), "_"); kind != "" {
			name += " (" + strings.ReplaceAll(kind, "_", " ") + ")"
		}
		if !slices.Contains(s.options, name) {
			s.options = append(s.options, name)
		}
	case method == "depends" && named:
		if !slices.Contains(s.depends, name) {
			s.depends = append(s.depends, name)
		}
	case method == "require" && named:
		s.resource(c.Line(), name)
	case slices.Contains([]string{"hook", "hook_global", "wrap_event"}, method):
		if !named {
			s.in.Note(c.Line(), "the name of an event is computed: it is not in the list")
			return
		}
		s.ask(c, "hook", name, 2)
	case method == "hook_tag" || method == "hook_stanza":
		if tag, ok := literal(c.Args, 1); ok && named {
			s.ask(c, "hook", "stanza/"+name+":"+tag, 3)
		} else if named {
			s.ask(c, "hook", "stanza/"+name, 2)
		}
	case method == "add_feature" && named:
		s.ask(c, "add", "feature "+name, -1)
	case (method == "provides" || method == "add_item") && named:
		s.ask(c, "add", name, -1)
	}
}

// ask notes that something is attached, with the priority at one of the
// arguments.
func (s *sight) ask(c *ast.FuncCallExpr, verb, name string, at int) {
	a := guest.Ask{Line: c.Line(), Verb: verb, Name: name}
	if at >= 0 && at < len(c.Args) {
		sign, arg := 1.0, c.Args[at]
		if minus, ok := arg.(*ast.UnaryMinusOpExpr); ok {
			sign, arg = -1, minus.Expr
		}
		if n, ok := arg.(*ast.NumberExpr); ok {
			if v, err := strconv.ParseFloat(n.Value, 64); err == nil {
				a.Priority = sign * v
			}
		}
	}
	s.in.Asks = append(s.in.Asks, a)
}

// resource looks for the file of a module:require.
func (s *sight) resource(line int, name string) {
	for _, file := range []string{name + ".lib.lua", name + ".lua"} {
		for _, place := range []string{file, filepath.Join("mod_"+name, file)} {
			if _, err := os.Stat(filepath.Join(s.dir, place)); err == nil {
				return
			}
		}
	}
	if !slices.Contains(resources, name) {
		s.in.Note(line, "it requires the file %s.lib.lua, which is not beside it", name)
	}
}

// resources are the files of features that are compiled in.
var resources = []string{"adhoc", "pubsub", "muc/util", "mod_mam/mamprefs", "mam/mamprefs"}

func literal(args []ast.Expr, at int) (string, bool) {
	if at >= len(args) {
		return "", false
	}
	s, ok := args[at].(*ast.StringExpr)
	if !ok {
		return "", false
	}
	return s.Value, true
}

// tell writes down what was seen.
func (s *sight) tell(file string) {
	in := s.in
	in.Add("requires", s.requires...)
	in.Add("options", s.options...)
	in.Add("depends", s.depends...)
	base := filepath.Base(file)
	word, ok := strings.CutPrefix(strings.TrimSuffix(base, ".lua"), "mod_")
	if !ok || strings.HasSuffix(word, ".lib") {
		in.Note(0, "it is found as a module only if its name is mod_NAME.lua")
		return
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		dir = s.dir
	}
	in.Config = fmt.Sprintf("plugin_paths = { %q }\nmodules_enabled = { %q } -- and what else is in it\n", dir, word)
}
