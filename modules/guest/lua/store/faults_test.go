// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/storage"
	"tercet/modules/guest/lua/store"
	"tercet/modules/guest/lua/universe"
	"tercet/modules/storage/memory"
)

// faulty runs Lua that meets errors of the storage.
func (s *server) faulty(tb testing.TB, source string) {
	tb.Helper()
	s.run(tb, false, "check.lua", scripts(tb, "check.lua")["check"])
	s.run(tb, false, "test", source)
}

// TestForeignData: what a native module keeps under the same name is neither
// shown nor lost.
func TestForeignData(t *testing.T) {
	for driver, open := range drivers {
		t.Run(driver, func(t *testing.T) {
			d := open(t)
			defer func() { must(t, d.Close()) }()
			kv, err := d.KeyValue("example.org", "native")
			if err != nil {
				t.Fatal(err)
			}
			must(t, kv.Set(t.Context(), "romeo", []byte(`{"a":1}`)))
			must(t, kv.Set(t.Context(), "juliet", []byte("\x01\x06\x00\x00\x00\x02\x05\x09")))
			s := newServer(t, d, store.Options{})
			s.faulty(t, `
				local k, m = open("native"), open("native", "map");
				fails("another format", k.get, k, "romeo");
				fails("another format", k.set, k, "romeo", { 1 });
				fails("another format", k.set, k, "romeo", nil);
				fails("another format", m.get, m, "romeo", "a");
				fails("another format", m.set, m, "romeo", "a", 2);
				assert(k:set("nurse", { a = 1 }));
				is(m:get_all("a"), { nurse = 1 });
				fails("another format", m.delete_all, m, "a");
				is(k:get("nurse"), nil);
				fails("cannot be read", k.get, k, "juliet");
				fails("cannot be read", m.get, m, "juliet", "a");
				fails("cannot be read", m.set, m, "juliet", "a", 1);
				assert(k:set("juliet", { 1 }) and k:get("juliet")[1] == 1);`)
			if got, err := kv.Get(t.Context(), "romeo"); err != nil || string(got) != `{"a":1}` {
				t.Errorf("%s (%v)", got, err)
			}
			if !strings.Contains(s.log.String(), "store of a Lua module failed") {
				t.Error("nothing is logged")
			}
		})
	}
}

// TestUnavailable: a store that is closed is an error, not an empty store.
func TestUnavailable(t *testing.T) {
	for driver, open := range drivers {
		t.Run(driver, func(t *testing.T) {
			d := open(t)
			s := newServer(t, d, store.Options{Stores: d.Stores, Purge: d.Purge})
			s.run(t, false, "open", `
				k, m, a, p, r, v = open("k"), open("k", "map"), open("a", "archive"), open("private"), open("roster"), open("vcard");
				message = require "util.stanza".message({}, "text");
				assert(k:set("romeo", { 1 }) and a:append("romeo", nil, message));`)
			must(t, d.Close())
			s.faulty(t, `
				local what, dm = "not available", require "util.datamanager";
				fails(what, k.get, k, "romeo");
				fails(what, k.set, k, "romeo", { 1 });
				fails(what, k.users, k);
				fails(what, m.get, m, "romeo", 1);
				fails(what, m.set, m, "romeo", 1, 2);
				fails(what, m.get_all, m, "x");
				fails(what, a.append, a, "romeo", nil, message);
				fails(what, a.append, a, "romeo", "name", message);
				fails(what, a.find, a, "romeo");
				fails(what, a.get, a, "romeo", "name");
				fails(what, a.set, a, "romeo", "name", message);
				fails(what, a.delete, a, "romeo");
				fails(what, a.summary, a, "romeo");
				fails(what, a.dates, a, "romeo");
				fails(what, a.users, a);
				for _, view in ipairs { p, r, v } do fails(what, view.get, view, "romeo") end
				fails(what, r.users, r);
				fails(what, v.users, v);
				fails(what, v.set, v, "romeo", { name = "vCard", attr = { xmlns = "vcard-temp" } });
				fails(what, p.set, p, "romeo", { ["a:b"] = { name = "a", attr = { xmlns = "b" } } });
				fails(what, r.set, r, "romeo", {});
				fails(what, dm.list_load, "romeo", "example.org", "a");
				fails(what, dm.list_append, "romeo", "example.org", "a", 1);
				fails(what, dm.stores, "romeo", "example.org");
				fails(what, dm.purge, "romeo", "example.org");
				fails("not available", open, "unopened");`)
		})
	}
}

func TestNoHost(t *testing.T) {
	s := newServer(t, memory.New(), store.Options{})
	s.faulty(t, `
		fails("no such host", open, "notes", "", "unknown");
		fails("no such host", require "util.datamanager".load, "romeo", "unknown", "notes");
		fails("no such host", require "util.datamanager".list_load, "romeo", "unknown", "notes");
		fails("not-supported", require "core.storagemanager".purge, "romeo", "example.org");`)
	if got := s.log.String(); strings.Contains(got, "ERROR") {
		t.Error(got)
	}
}

func TestOptions(t *testing.T) {
	var opened []string
	commits := 0
	d := drivers["sqlite"](t)
	defer func() { must(t, d.Close()) }()
	s := newServer(t, d, store.Options{
		Quota: 3,
		Opened: func(l *lua.LState, host, name, typ string, t *lua.LTable) *lua.LTable {
			opened = append(opened, fmt.Sprint(host, " ", name, " ", typ))
			if name != "wrapped" {
				return nil
			}
			w := l.NewTable()
			w.RawSetString("inner", t)
			return w
		},
		Await: func(storage.Commit) bool { commits++; return commits%2 == 0 },
	})
	s.faulty(t, `
		local message = require "util.stanza".message({}, "text");
		assert(open("wrapped").inner.get and not open("notes").inner);
		local a = open("log", "archive");
		assert(a.caps.quota == 3);
		for i = 1, 3 do assert(a:append("romeo", nil, message)) end
		fails("quota-limit", a.append, a, "romeo", nil, message);
		assert(a:append("juliet", "one", message) and a:append("juliet", "two", message) and a:append("juliet", "three", message));
		assert(a:append("juliet", "two", message));
		fails("quota-limit", a.append, a, "juliet", "four", message);
		assert(select(2, a:find("romeo", { total = true })) == 3);
		assert(select(2, a:find("juliet", { total = true })) == 3);`)
	if got, want := strings.Join(opened, ", "), "example.org wrapped , example.org notes , example.org log archive"; got != want {
		t.Errorf("opened %s, want %s", got, want)
	}
	if commits != 7 {
		t.Errorf("%d commits were handed over, want 7", commits)
	}
}

// TestForget: after a change of the config, what modules hold is another
// driver's.
func TestForget(t *testing.T) {
	s := newServer(t, memory.New(), store.Options{})
	s.faulty(t, `
		k, a = open("notes"), open("log", "archive");
		message = require "util.stanza".message({}, "text");
		k:set("romeo", { 1 }); a:append("romeo", nil, message);`)
	s.do(t, false, func(*lua.LState) {
		s.driver = memory.New()
		s.stores.Forget()
	})
	s.run(t, false, "test", `
		is(k:get("romeo"), nil);
		is(select(2, a:find("romeo", { total = true })), 0);
		is(k:set("romeo", { 2 }), true);
		is(open("notes"):get("romeo"), { 2 });`)
}

// TestEndedSession: what is stored for a session that has ended is stored.
func TestEndedSession(t *testing.T) {
	for driver, open := range drivers {
		t.Run(driver, func(t *testing.T) {
			d := open(t)
			defer func() { must(t, d.Close()) }()
			s := newServer(t, d, store.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err := s.Do(ctx, &universe.Task{Name: "resource-unbind"}, func(l *lua.LState) {
				fn, err := s.Load(l, "ended", []byte(`assert(open("lastlog"):set("romeo", { 1 }))`), nil)
				if err != nil {
					l.RaiseError("%s", err.Error())
				}
				l.Push(fn)
				l.Call(0, 0)
			})
			must(t, err)
			s.run(t, false, "after", `assert(open("lastlog"):get("romeo")[1] == 1)`)
		})
	}
}

// slow is a driver of which one store waits.
type slow struct {
	storage.Driver
	begun, end chan struct{}
}

type slowStore struct {
	storage.KeyValue
	*slow
}

func (s *slow) KeyValue(host, name string) (storage.KeyValue, error) {
	kv, err := s.Driver.KeyValue(host, name)
	return slowStore{kv, s}, err
}

func (s slowStore) Get(ctx context.Context, owner string) ([]byte, error) {
	close(s.begun)
	select {
	case <-s.end:
	case <-ctx.Done():
		return nil, storage.Unavailable(ctx.Err())
	}
	return s.KeyValue.Get(ctx, owner)
}

// TestOthersRun: while a task that may wait does so for a disk, others run.
func TestOthersRun(t *testing.T) {
	d := &slow{memory.New(), make(chan struct{}), make(chan struct{})}
	s := newServer(t, d, store.Options{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		err := s.Do(t.Context(), &universe.Task{Name: "waits", Waits: true}, func(l *lua.LState) {
			fn, err := s.Load(l, "waits", []byte(`assert(open("slow"):get("romeo") == nil); done = true`), nil)
			if err != nil {
				l.RaiseError("%s", err.Error())
			}
			l.Push(fn)
			l.Call(0, 0)
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-d.begun
	s.run(t, false, "meanwhile", `assert(done == nil)`)
	close(d.end)
	waiting.Wait()
	s.run(t, false, "after", `assert(done == true)`)
}

// TestHammer has tasks change one table at once: no change is lost.
func TestHammer(t *testing.T) {
	const tasks, rounds = 8, 25
	for driver, open := range drivers {
		t.Run(driver, func(t *testing.T) {
			d := open(t)
			defer func() { must(t, d.Close()) }()
			s := newServer(t, d, store.Options{})
			s.run(t, false, "setup", `
				m, k, a = open("hits", "map"), open("hits"), open("log", "archive");
				message = require "util.stanza".message({}, "text");
				function hit(task, round)
					assert(m:set("romeo", task .. " " .. round, { round }));
					assert(a:append("romeo", "task " .. task, message));
					assert(a:append("romeo", nil, message));
				end`)
			var all sync.WaitGroup
			for n := range tasks {
				all.Go(func() {
					for i := range rounds {
						err := s.Do(t.Context(), &universe.Task{Name: "hammer", Waits: n%2 == 0}, func(l *lua.LState) {
							l.Push(l.GetGlobal("hit"))
							l.Push(lua.LNumber(n))
							l.Push(lua.LNumber(i))
							l.Call(2, 0)
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			s.run(t, false, "count", fmt.Sprintf(`
				local n = 0;
				for _ in pairs(k:get("romeo")) do n = n + 1 end
				assert(n == %d, n);
				assert(select(2, a:find("romeo", { total = true })) == %d);`, tasks*rounds, tasks*rounds+tasks))
		})
	}
}
