// SPDX-License-Identifier: Apache-2.0

package luacfg_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tercet/config"
	"tercet/config/luacfg"
)

// testdata/lua51.lua states what holds; it stops at the first thing that does not.
func TestLua51(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("testdata", "lua51.lua"))
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "lua51.lua", string(source), "words", "3 little\nwords")
	source = []byte(fmt.Sprintf("local arg_file = %q ", filepath.Join(filepath.Dir(file), "words")) + string(source))
	if err := os.WriteFile(file, source, 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, luacfg.Options{}, file)
	if v, _ := c.Lookup("", "done"); !v.Bool() {
		t.Error("the file did not run to its end")
	}
}

// A list as long as a data file's is complete, in little time.
func TestLongList(t *testing.T) {
	const n = 60_000
	var b strings.Builder
	b.WriteString("list = {\n")
	for i := range n {
		fmt.Fprintf(&b, "%q,\n", fmt.Sprint("item", i))
	}
	b.WriteString("}\n")
	c := load(t, luacfg.Options{}, write(t, "main.lua", b.String()))
	v, _ := c.Lookup("", "list")
	if got := v.List(); len(got) != n || got[n-1].Str() != fmt.Sprint("item", n-1) || got[n-1].Pos.Line != n+1 {
		t.Errorf("got %d items", len(got))
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	load(t, luacfg.Options{Output: &out}, write(t, "main.lua", `print("a", 1, nil, true)`))
	if got, want := out.String(), "a\t1\tnil\ttrue\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// More garbage than the limit is no reason to stop.
func TestGarbage(t *testing.T) {
	c := load(t, luacfg.Options{Memory: 8 << 20}, write(t, "main.lua", `
local s = ""
for i = 1, 3000 do s = s .. "some words " end
for i = 1, 100000 do local t = { i } end
n = #s`))
	if v, _ := c.Lookup("", "n"); v.Number() != 33000 {
		t.Errorf("got %v", v)
	}
}

// A config may be loaded while another is: a reload, and a check beside it.
func TestConcurrently(t *testing.T) {
	file := write(t, "tercet.cfg.lua", string(config.Default()))
	for range 8 {
		t.Run("load", func(t *testing.T) {
			t.Parallel()
			for range 20 {
				load(t, luacfg.Options{}, file)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"../testdata/broken/*.lua", "testdata/*.lua", "../default.cfg.lua"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(source) < 8<<10 {
				f.Add(string(source))
			}
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		file := filepath.Join(t.TempDir(), "fuzz.lua")
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		o := luacfg.Options{Time: 50e6, Memory: 8 << 20, Output: &strings.Builder{}}
		c, err := o.Load(file)
		if (c == nil) == (err == nil) {
			t.Errorf("got %v and %v", c, err)
		}
		if err != nil && (strings.Contains(err.Error(), "runtime error") || strings.Contains(err.Error(), "\n\tgoroutine")) {
			t.Errorf("fault: %v", err)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	file := filepath.Join(b.TempDir(), "tercet.cfg.lua")
	if err := os.WriteFile(file, config.Default(), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := luacfg.Load(file); err != nil {
			b.Fatal(err)
		}
	}
}
