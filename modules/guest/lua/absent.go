// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"bytes"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// unfired are the beginnings of the names of events that Prosody fires and this
// server does not. Modules in Lua may fire them.
var unfired = []string{
	"advertise-bind-features", "advertise-sasl-features", "bosh-session", "c2s-ondrain", "c2s-pre-ondrain", "component-", "csi-flushing",
	"csi-is-stanza-important", "enable-bind-features", "external_service/", "host-deactivat", "message/bare/groupchat", "muc-", "openmetrics-updated", "pre-session-close",
	"pubsub-", "reopen-log-files", "logging-reloaded", "reloading-config", "s2s", "sasl2/", "service-added", "service-removed", "stats-update",
	"very-bad-error", "websocket-session",
}

// expects tells the admin, once, that a module waits for what the server does
// not fire.
func (inst *instance) expects(event string) {
	if point(event) != nil || !slices.ContainsFunc(unfired, func(prefix string) bool { return strings.HasPrefix(event, prefix) }) {
		return
	}
	if inst.srv.once("mod_" + inst.file.word + " " + event) {
		inst.scope.Log.Info("module waits for an event that only other modules in Lua fire here", "event", event)
	}
}

// once reports whether something is noted for the first time.
func (srv *Server) once(what string) bool {
	if srv.noted[what] {
		return false
	}
	if srv.noted == nil {
		srv.noted = make(map[string]bool)
	}
	srv.noted[what] = true
	return true
}

// refused is (function's name, ...) -> a function for modules that does nothing
// but return the rest. The admin is told, once for each module that calls it.
func (srv *Server) refused(l *lua.LState) int {
	name := l.CheckString(1)
	results := make([]lua.LValue, 0, l.GetTop()-1)
	for i := 2; i <= l.GetTop(); i++ {
		results = append(results, l.Get(i))
	}
	l.Push(l.NewFunction(func(l *lua.LState) int {
		caller := callerOf(l)
		if first := srv.once(name); caller != "?" && srv.once(caller+" "+name) || first {
			srv.env.Log.ErrorContext(context.Background(), "module calls what the server does by itself: it has no effect", "module", caller, "function", name)
		}
		for _, v := range results {
			l.Push(v)
		}
		return len(results)
	}))
	return 1
}

// callerOf is the module whose code calls a function of Go, "?" if it is not
// known.
func callerOf(l *lua.LState) string {
	for level := 1; ; level++ {
		at, ok := l.GetStack(level)
		if !ok {
			return "?"
		}
		v, err := l.GetInfo("f", at, lua.LNil)
		fn, ok := v.(*lua.LFunction)
		if err != nil || !ok || fn.Env == nil {
			continue
		}
		if module, ok := fn.Env.RawGetString("module").(*lua.LTable); ok {
			return "mod_" + lua.LVAsString(module.RawGetString("name"))
		}
	}
}

var (
	methodCall   = regexp.MustCompile(`(?:^|[^A-Za-z0-9_.:"'])module:([A-Za-z_][A-Za-z0-9_]*)\s*[("'{]`)
	localLibrary = regexp.MustCompile(`local\s+([A-Za-z0-9_,\s]+?)\s*=\s*((?:require\s*\(?\s*["'][A-Za-z0-9_.]+["']\s*\)?\s*,?\s*)+)[;\n]`)
	required     = regexp.MustCompile(`require\s*\(?\s*["'](?:prosody\.)?([A-Za-z0-9_.]+)["']\s*\)?`)
	libraryField = regexp.MustCompile(required.String() + `\s*\.([A-Za-z_][A-Za-z0-9_]*)(\s+or\b)?`)
	lineComment  = regexp.MustCompile(`(?m)--.*$`)
)

// lacks tells the admin, once, which functions a module calls that do not exist:
// those of "module", and of libraries that it has in a local. What it asks for
// before it calls it is left out.
func (inst *instance) lacks(l *lua.LState, code []byte) {
	code = lineComment.ReplaceAll(uncommented(code), nil)
	tell := func(name string) {
		if inst.srv.once("mod_" + inst.file.word + " " + name) {
			inst.scope.Log.Error("module calls a function that does not exist here", "function", name)
		}
	}
	for _, m := range methodCall.FindAllSubmatch(code, -1) {
		name := string(m[1])
		asked := bytes.Contains(code, []byte("module."+name)) || bytes.Contains(code, []byte("function module:"+name))
		if !asked && l.GetField(inst.api, name) == lua.LNil {
			tell("module:" + name)
		}
	}
	all, _ := l.GetField(l.G.Global.RawGetString("package"), "loaded").(*lua.LTable)
	lacks := func(library, function string) {
		if t, ok := all.RawGetString(library).(*lua.LTable); ok && l.GetField(t, function) == lua.LNil {
			tell(library + "." + function)
		}
	}
	for _, m := range libraryField.FindAllSubmatch(code, -1) {
		if len(m[3]) == 0 {
			lacks(string(m[1]), string(m[2]))
		}
	}
	for _, m := range localLibrary.FindAllSubmatch(code, -1) {
		libraries := required.FindAllSubmatch(m[2], -1)
		for i, name := range strings.Split(string(m[1]), ",") {
			if i < len(libraries) {
				for function := range called(code, strings.TrimSpace(name)) {
					lacks(string(libraries[i][1]), function)
				}
			}
		}
	}
}

// called are the functions of a table that code calls and never looks for.
func called(code []byte, table string) map[string]bool {
	use := regexp.MustCompile(`(?:^|[^A-Za-z0-9_.:])` + regexp.QuoteMeta(table) + `\.([A-Za-z_][A-Za-z0-9_]*)(\s*\()?`)
	calls := make(map[string]bool)
	for _, u := range use.FindAllSubmatch(code, -1) {
		before, seen := calls[string(u[1])]
		calls[string(u[1])] = len(u[2]) > 0 && (before || !seen)
	}
	maps.DeleteFunc(calls, func(_ string, only bool) bool { return !only })
	return calls
}
