// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/storage"
	"tercet/modules/guest/lua/lib"
	"tercet/modules/guest/lua/store"
	"tercet/modules/guest/lua/universe"
	"tercet/modules/storage/memory"
	"tercet/modules/storage/sqlite"
)

// host opens the stores of one host.
type host struct {
	storage.Driver
	name string
}

func (h host) KeyValue(name string) (storage.KeyValue, error) { return h.Driver.KeyValue(h.name, name) }
func (h host) Map(name string) (storage.Map, error)           { return h.Driver.Map(h.name, name) }
func (h host) Archive(name string) (storage.Archive, error)   { return h.Driver.Archive(h.name, name) }

// drivers are what the tests run against.
var drivers = map[string]func(tb testing.TB) storage.Driver{
	"memory": func(testing.TB) storage.Driver { return memory.New() },
	"sqlite": func(tb testing.TB) storage.Driver {
		db, err := sqlite.Open(filepath.Join(tb.TempDir(), "test.sqlite"), sqlite.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		return db
	},
}

// server is a universe with stores.
type server struct {
	*universe.Universe
	stores *store.Stores
	driver storage.Driver
	out    bytes.Buffer
	log    lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newServer(tb testing.TB, d storage.Driver, o store.Options) *server {
	tb.Helper()
	s := &server{driver: d}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	s.Universe = universe.New(universe.Options{Loaders: lib.Loaders(), Limit: -1, Log: log})
	tb.Cleanup(s.Close)
	s.stores = store.New(s.Universe, func(name string) (store.Opener, error) {
		if name == "unknown" {
			return nil, store.ErrNoHost
		}
		return host{s.driver, name}, nil
	}, o)
	for name, loader := range s.stores.Loaders() {
		s.Register(name, loader)
	}
	s.do(tb, false, func(l *lua.LState) {
		l.SetGlobal("print", l.NewFunction(func(l *lua.LState) int {
			for i := range l.GetTop() {
				if i > 0 {
					s.out.WriteByte('\t')
				}
				s.out.WriteString(l.ToStringMeta(l.Get(i + 1)).String())
			}
			s.out.WriteByte('\n')
			return 0
		}))
		l.SetGlobal("open", l.NewFunction(func(l *lua.LState) int {
			t, err := s.stores.Open(l, l.OptString(3, "example.org"), l.CheckString(1), l.OptString(2, ""))
			if err != nil {
				l.Push(lua.LNil)
				l.Push(lua.LString(err.Error()))
				return 2
			}
			l.Push(t)
			return 1
		}))
	})
	return s
}

func (s *server) do(tb testing.TB, waits bool, fn func(l *lua.LState)) {
	tb.Helper()
	if err := s.Do(tb.Context(), &universe.Task{Name: "test", Waits: waits}, fn); err != nil {
		tb.Fatalf("%v\n%s%s", err, &s.out, &s.log)
	}
}

// run runs Lua.
func (s *server) run(tb testing.TB, waits bool, name, source string) {
	tb.Helper()
	s.do(tb, waits, func(l *lua.LState) {
		fn, err := s.Load(l, name, []byte(source), nil)
		if err != nil {
			tb.Fatal(err)
		}
		l.Push(fn)
		l.Call(0, 0)
	})
}

func scripts(tb testing.TB, pattern string) map[string]string {
	tb.Helper()
	files, err := filepath.Glob("testdata/" + pattern)
	if err != nil || len(files) == 0 {
		tb.Fatal("no scripts", err)
	}
	all := map[string]string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".lua")] = string(source)
	}
	return all
}

// TestStores runs the scripts in testdata/tests, which raise an error where a
// store does not do what it should, against each driver: in tasks that may
// wait, and in tasks that may not.
func TestStores(t *testing.T) {
	check := scripts(t, "check.lua")["check"]
	for driver, open := range drivers {
		for name, source := range scripts(t, "tests/*.lua") {
			for _, waits := range []bool{false, true} {
				t.Run(driver+"/"+name+map[bool]string{true: "/waits"}[waits], func(t *testing.T) {
					d := open(t)
					defer func() { must(t, d.Close()) }()
					s := newServer(t, d, store.Options{
						Data: t.TempDir(), Purge: d.Purge, Stores: d.Stores, Native: func(string, string) bool { return false },
					})
					s.run(t, waits, "check.lua", check)
					s.run(t, waits, name, source)
					if got := s.log.String(); strings.Contains(got, "level=ERROR") {
						t.Error(got)
					}
				})
			}
		}
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Error(err)
	}
}

// TestKept: what one universe has stored, the next one finds.
func TestKept(t *testing.T) {
	for driver, open := range drivers {
		t.Run(driver, func(t *testing.T) {
			d := open(t)
			newServer(t, d, store.Options{}).run(t, false, "first", `
				assert(open("notes"):set("romeo", { 1, [false] = "x" }));
				assert(open("notes", "map"):set(nil, "key", { 5 }));`)
			newServer(t, d, store.Options{}).run(t, false, "second", `
				local t = assert(open("notes"):get("romeo"));
				assert(t[1] == 1 and t[false] == "x");
				assert(open("notes", "map"):get(nil, "key")[1] == 5);`)
			if err := d.Purge(t.Context(), "example.org", "romeo"); err != nil {
				t.Fatal(err)
			}
			newServer(t, d, store.Options{}).run(t, false, "third", `
				assert(open("notes"):get("romeo") == nil and open("notes"):get(nil).key[1] == 5);`)
			must(t, d.Close())
		})
	}
}
