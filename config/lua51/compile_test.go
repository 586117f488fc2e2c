// SPDX-License-Identifier: Apache-2.0

package lua51_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
)

// free is a meter that lets everything pass.
type free struct{}

func (free) Alloc(*lua.LState, int) {}
func (free) Step(*lua.LState, int)  {}

// run compiles a source, and runs it in a new state.
func run(t *testing.T, source string) (lua.LValue, error) {
	t.Helper()
	c, err := lua51.Compile("test.lua", []byte(source))
	if err != nil {
		return nil, err
	}
	l := lua.NewState()
	defer l.Close()
	l.Push(lua51.New(free{}).Load(l, c))
	if err := l.PCall(0, 1, nil); err != nil {
		return nil, err
	}
	return l.Get(-1), nil
}

// What Debian packages of Prosody compiles, but for a file that is of Lua 5.3.
func TestCompileProsody(t *testing.T) {
	const root = "/usr/lib/prosody"
	if _, err := os.Stat(root); err != nil {
		t.Skip("prosody is not installed")
	}
	compiled := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".lua" || strings.HasSuffix(path, "/bit53.lua") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := lua51.Compile(path, source); err != nil {
			if at, ok := errors.AsType[*lua51.SourceError](err); ok {
				t.Errorf("%s:%d: %v", path, at.Line, err)
			} else {
				t.Error(err)
			}
		}
		compiled++
		return nil
	})
	if err != nil || compiled < 100 {
		t.Errorf("compiled %d files, %v", compiled, err)
	}
}

// Faults in a source have their line and say what they are.
func TestCompileErrors(t *testing.T) {
	locals := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "local a%d\n", i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name, source string
		line         int
		want         string
	}{
		{"no expression", "x = 1\ny =\n", 3, "unexpected end"},
		{"no statement", "x = 1\nx x\n", 2, "near 'x'"},
		{"never closed", "if x then\n", 2, "unexpected end"},
		{"bytecode", "\x1bLua\x51", 1, "bytecode"},
		{"too many locals", locals(210), 201, "more than 200 local variables"},
		{"too deep", "x = " + strings.Repeat("{", 600) + strings.Repeat("}", 600), 1, "nested too deep"},
		{"number", "x = 1\ny = 08x", 2, ""},
		{"too many items", "local v\nx = {" + strings.Repeat("v,", 21_000) + "}", 2, "more than 20000 items"},
	} {
		_, err := run(t, c.source)
		var at *lua51.SourceError
		if !errors.As(err, &at) || at.Line != c.line || !strings.Contains(at.Text, c.want) {
			t.Errorf("%s: got %+v, want line %d and %q", c.name, err, c.line, c.want)
		}
	}
}

// Lists of constants, long ones and nested ones, are what their source says.
func TestLiteral(t *testing.T) {
	var b strings.Builder
	b.WriteString("local t = {")
	for i := range 60_000 {
		fmt.Fprintf(&b, "%d,", i)
	}
	b.WriteString(` k = { "in", -1, true, nil, x = { 5 } }, ["q r"] = "gap" }
return #t .. " " .. t[60000] .. t.k[1] .. t.k[2] .. tostring(t.k[3]) .. t.k.x[1] .. t["q r"] .. tostring(t.k.y)`)
	if v, err := run(t, b.String()); err != nil || v.String() != "60000 59999in-1true5gapnil" {
		t.Errorf("got %v, %v", v, err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"return 1", "for i = 1, 2 do if false then local x end end", "while true do break end", "a, b.c = b, f()", "return 'a' .. 1 .. ...", "goto x ::x::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		_, err := lua51.Compile("fuzz.lua", []byte(source))
		var at *lua51.SourceError
		if err != nil && (!errors.As(err, &at) || at.Line < 1) {
			t.Errorf("got %v", err)
		}
	})
}

// A program takes memory by its length, not by what the compiler has made ready
// for each of its functions; so does a table that is made empty.
func TestSize(t *testing.T) {
	const functions = 500
	source := []byte("local t = {}\n" + strings.Repeat("t[#t + 1] = function(a) return a.b end\n", functions) + "return t")
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var chunks [4]*lua51.Chunk
	before := heap()
	for i := range chunks {
		c, err := lua51.Compile("test.lua", source)
		if err != nil {
			t.Fatal(err)
		}
		chunks[i] = c
	}
	if each := (heap() - before) / int64(functions*len(chunks)); each > 4000 { // it was 19000
		t.Errorf("a small function takes %d bytes", each)
	}
	runtime.KeepAlive(chunks)
	before = heap()
	v, err := run(t, "local t = {} for i = 1, 1000 do local x = {} x.a = i x.b = i t[i] = x end return t")
	if err != nil {
		t.Fatal(err)
	}
	if each := (heap() - before) / 1000; each > 1500 { // it was 2900
		t.Errorf("a table with two fields takes %d bytes", each)
	}
	runtime.KeepAlive(v)
}
