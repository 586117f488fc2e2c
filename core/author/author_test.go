// SPDX-License-Identifier: Apache-2.0

package author_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tercet/config/luacfg"
	"tercet/core"
	"tercet/core/author"
	"tercet/core/module"
	"tercet/modules"
)

var build = core.Build{Version: "test", Modules: modules.All, Load: luacfg.Load}

// found is a Finding.
type found struct {
	File    string          `json:"file"`
	Options json.RawMessage `json:"options,omitempty"`
	bad     bool
}

func (f found) Print(w io.Writer) { fmt.Fprintln(w, "this is", filepath.Base(f.File)) }

func (f found) Failed() bool { return f.bad }

var inspectors = map[string]author.Inspector{
	".good": func(_ context.Context, file string, o json.RawMessage) author.Finding { return found{file, o, false} },
	".bad":  func(_ context.Context, file string, o json.RawMessage) author.Finding { return found{file, o, true} },
}

// An answer is what came of a call.
type answer struct {
	out, err string
	code     int
}

// call calls a command of a program.
func call(t *testing.T, b core.Build, asJSON bool, words ...string) answer {
	t.Helper()
	for _, c := range author.Commands(inspectors) {
		name := strings.Fields(c.Name)
		if len(words) < len(name) || !slices.Equal(words[:len(name)], name) {
			continue
		}
		var out, err bytes.Buffer
		code := c.Run(t.Context(), core.Call{Build: b, Args: words[len(name):], JSON: asJSON, Out: &out, Err: &err})
		return answer{out.String(), err.String(), code}
	}
	t.Fatalf("no command %q", words)
	return answer{}
}

// want asserts the exit code and a text in what was printed, which are errors
// unless the code is 0.
func (a answer) want(t *testing.T, code int, text string) {
	t.Helper()
	where := a.err
	if code == 0 {
		where = a.out
	}
	if a.code != code || !strings.Contains(where, text) {
		t.Errorf("got %d, want %d and %q in\n%s--\n%s", a.code, code, text, a.out, a.err)
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", map[string]string{"taken/Makefile": "mine"})
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"", 2, "NAME is missing"},
		{"shush", 2, "--lang is missing: one of lua, go"},
		{"shush --lang", 2, "--lang needs a value"},
		{"shush --lang= ", 2, "--lang is missing"},
		{"shush --lang cobol", 2, "the languages are lua, go, rust, c, assemblyscript"},
		{"shush --lang rost", 2, `no projects in "rost"; did you mean "rust"?`},
		{"shush --lang golang", 2, `did you mean "go"?`},
		{"shush --lang TypeScript", 2, `did you mean "assemblyscript"?`},
		{"shush --lang c --force", 2, "unknown option --force"},
		{"shush please --lang c", 2, `what is "please"?`},
		{"My-Filter --lang c", 2, `did you mean "my_filter"?`},
		{"mod_shush.lua --lang lua", 2, `did you mean "shush"?`},
		{"mod_shush --lang lua", 2, `without mod_; did you mean "shush"?`},
		{"../shush --lang c", 2, `did you mean "shush"?`},
		{"9 --lang c", 2, `"9" cannot be the name of a module`},
		{strings.Repeat("x", 64) + " --lang c", 2, "cannot be the name"},
		{"ping --lang c", 2, `"ping" is a module of this server already`},
		{"end --lang c", 2, `"end" is a word of Lua`},
		{"taken --lang c", 1, filepath.Join("taken", "Makefile") + " is there already; nothing has been written"},
		{"shush --lang c --dir taken", 1, "is there already"},
		{"shush --lang c --dir taken/Makefile", 1, "not a directory"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			call(t, build, false, append([]string{"module", "new"}, strings.Fields(tt.args)...)...).want(t, tt.code, tt.want)
		})
	}
	all, err := filepath.Glob("*/*")
	if err != nil || len(all) != 1 {
		t.Errorf("there is %v, %v", all, err)
	}
	if text, err := os.ReadFile("taken/Makefile"); string(text) != "mine" {
		t.Errorf("taken/Makefile is now %q, %v", text, err)
	}
}

func TestNew(t *testing.T) {
	t.Chdir(t.TempDir())
	type project struct {
		Name, Dir string
		Files     []string
	}
	for lang, source := range map[string]string{
		"lua": "mod_shush.lua", "go": "main.go", "rust": "shush.rs", "c": "shush.c", "assemblyscript": "shush.ts",
	} {
		t.Run(lang, func(t *testing.T) {
			dir := filepath.Join("in", lang)
			a := call(t, build, true, "module", "new", "shush", "--lang="+lang, "--dir", dir)
			var p project
			if err := json.Unmarshal([]byte(a.out), &p); err != nil || a.code != 0 || p.Name != "shush" || p.Dir != dir {
				t.Fatal(err, a)
			}
			for _, name := range append([]string{source, "Makefile", "README.md", "tests/filter.txtar"}, p.Files...) {
				text, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil || len(text) == 0 {
					t.Errorf("%s: %v, %d bytes", name, err, len(text))
				}
				if bytes.Contains(text, []byte("NAME")) && !strings.HasPrefix(name, "sdk/") {
					t.Errorf("%s has a NAME left", name)
				}
			}
			if !slices.ContainsFunc(p.Files, func(name string) bool { return strings.HasPrefix(name, "sdk/tercet.") }) {
				t.Error("without the SDK:", p.Files)
			}
		})
	}
	call(t, build, false, "module", "new", "shush", "--lang", "lua").want(t, 0, "cd mod_shush && make test")
	if _, err := os.Stat("mod_shush/.luarc.json"); err != nil {
		t.Error(err)
	}
	call(t, build, false, "module", "new", "shush", "--lang", "go").want(t, 0, filepath.Join("shush", "sdk", "go.mod")+"\n")
}

// pong is a golden stream that holds, apart from what WRONG becomes.
const pong = `pong: a ping is answered
-- config.lua --
modules_enabled = { "ping" }
-- romeo sends --
<iq type='get' id='p1' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>
-- romeo gets --
<iq type='result' id='p1' from='example.org' to='romeo@example.org/orchard'/>
`

func TestPlay(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		name, script string
		code         int
		want         string
	}{
		{"right", pong, 0, "ok    NAME  pong: a ping is answered\n"},
		{"wrong", strings.Replace(pong, "id='p1' from", "id='p2' from", 1), 1, "NAME:6: romeo gets: id of <iq>: got \"p1\", want \"p2\"\n"},
		{"bad config", strings.Replace(pong, `{ "ping" }`, "7", 1), 1, "NAME:3: modules_enabled: "},
		{"bad Lua", strings.Replace(pong, "= {", "= = {", 1), 1, "NAME:3: "},
		{"unknown module", strings.Replace(pong, `"ping"`, `"pnig"`, 1), 1, "NAME:3: warning: "},
		{"bad reload", pong + "-- reload --\n\nmodules_enabled = 7\n", 1, "NAME:10: modules_enabled: "},
		{"good reload", pong + "-- reload --\nmodules_enabled = {}\n", 0, "ok "},
		{"no config", "pong\n-- romeo connects --\n", 1, "NAME:2: it has no config"},
		{"no steps", "pong\n-- config.lua --\n", 1, "NAME: nothing is sent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := strings.ReplaceAll(tt.name, " ", "_")
			file := filepath.Join(dir, "tests", "a.txtar")
			write(t, dir, map[string]string{"any.wasm": "", "tests/a.txtar": tt.script})
			want := strings.ReplaceAll(tt.want, "NAME", file)
			a := call(t, build, false, "module", "test", dir)
			if a.code != tt.code || !strings.Contains(a.out, want) || strings.HasPrefix(a.out, "FAIL") != (tt.code == 1) {
				t.Errorf("got %d, want %d and %q in\n%s", a.code, tt.code, want, a.out)
			}
			var list []struct{ File, Title, Error string }
			a = call(t, build, true, "module", "test", dir)
			if err := json.Unmarshal([]byte(a.out), &list); err != nil || len(list) != 1 || list[0].File != file || (list[0].Error == "") != (tt.code == 0) {
				t.Errorf("JSON: %v in %s", err, a.out)
			}
		})
	}
}

// A module in Lua is found where it lies; one that does not start fails the
// streams, although the server runs on.
func TestPlayLua(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", map[string]string{
		"tests/a.txtar": strings.NewReplacer(`"ping"`, `"pong"`, "urn:xmpp:ping", "urn:example:pong").Replace(pong),
	})
	for _, tt := range []struct {
		name, source string
		code         int
		want         string
	}{
		{"right", `module:hook("iq-get/host/urn:example:pong:ping", function (event)
			event.origin.send(require "util.stanza".reply(event.stanza));
			return true;
		end);`, 0, "ok    tests/a.txtar"},
		{"without a handler", "", 1, "tests/a.txtar:6: romeo gets: "},
		{"broken", `error("no")`, 1, "tests/a.txtar:2: pong does not start; the log says why"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(t, ".", map[string]string{"mod_pong.lua": tt.source})
			if a := call(t, build, false, "module", "test"); a.code != tt.code || !strings.Contains(a.out, tt.want) {
				t.Errorf("got %d, want %d and %q in\n%s", a.code, tt.code, tt.want, a.out)
			}
		})
	}
}

func TestPlayRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", map[string]string{
		"source/shush.c": "", "untested/shush.wasm": "", "lua/mod_shush.lua": "", "lua/tests/a.txtar": pong,
	})
	without := build
	without.Modules = slices.DeleteFunc(slices.Clone(modules.All), func(d module.Definition) bool { return d.Name == "lua" })
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"", 1, ". has neither a .wasm nor a mod_*.lua: build it first, by make"},
		{"source", 1, "source has neither"},
		{"nowhere", 1, "nowhere is no folder with a project"},
		{"untested", 1, "there is no golden stream: " + filepath.Join("untested", "tests", "*.txtar")},
		{"lua", 1, `its build has no runtime "lua"`},
		{"a b", 2, `what is "b"?`},
		{"--all", 2, "unknown option --all"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			call(t, without, false, append([]string{"module", "test"}, strings.Fields(tt.args)...)...).want(t, tt.code, tt.want)
		})
	}
	if a := call(t, without, true, "module", "test", "source"); !strings.HasPrefix(a.out, `{"error":"source has neither`) {
		t.Error("JSON:", a.out)
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"x.good", 0, "this is x.good\nx.good: no errors\n"},
		{"", 2, "FILE is missing"},
		{"x.good y.good", 2, `what is "y.good"?`},
		{"x.c", 2, "x.c is no module: its name ends in none of .bad, .good"},
		{"x.good --options {", 2, "this is no JSON: {"},
		{"x.good --options", 2, "--options needs a value"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			call(t, build, false, append([]string{"module", "check"}, strings.Fields(tt.args)...)...).want(t, tt.code, tt.want)
		})
	}
	if a := call(t, build, false, "module", "check", "x.bad"); a.code != 1 || a.out != "this is x.bad\n" {
		t.Error("a bad file:", a)
	}
	if a := call(t, build, true, "module", "check", "x.bad", `--options={"a":1}`); a.code != 1 || a.out != `{"file":"x.bad","options":{"a":1}}`+"\n" {
		t.Error("JSON:", a)
	}
}

func TestComplete(t *testing.T) {
	complete := author.Commands(nil)[0].Complete
	for _, tt := range []struct{ words, want string }{
		{"", ""},
		{"shush _", ""},
		{"shush --", "--lang --dir"},
		{"shush --lang _", "lua go rust c assemblyscript"},
		{"shush --lang c --", "--dir"},
		{"shush --dir _", ""},
	} {
		words := strings.Split(strings.ReplaceAll(tt.words, "_", ""), " ")
		if got := strings.Join(complete(words), " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.words, got, tt.want)
		}
	}
}
