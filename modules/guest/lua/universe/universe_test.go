// SPDX-License-Identifier: Apache-2.0

package universe_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// logged is what a universe has logged.
type logged struct {
	sync.Mutex
	bytes.Buffer
}

func (w *logged) Write(p []byte) (int, error) {
	w.Lock()
	defer w.Unlock()
	return w.Buffer.Write(p)
}

func (w *logged) String() string {
	w.Lock()
	defer w.Unlock()
	return w.Buffer.String()
}

// start makes a universe for one test.
func start(t testing.TB, o universe.Options) (*universe.Universe, *logged) {
	t.Helper()
	var w logged
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(&w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	u := universe.New(o)
	t.Cleanup(u.Close)
	return u, &w
}

// do runs a source and returns what it returned.
func do(u *universe.Universe, task *universe.Task, source string) (values []lua.LValue, err error) {
	err = u.Do(context.Background(), task, func(l *lua.LState) {
		fn, err := u.Load(l, "test.lua", []byte(source), nil)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(fn)
		l.Call(0, lua.MultRet)
		for i := 1; i <= l.GetTop(); i++ {
			values = append(values, l.Get(i))
		}
	})
	return values, err
}

var task = &universe.Task{Name: "test"}

func mustDo(t testing.TB, u *universe.Universe, source string) []lua.LValue {
	t.Helper()
	values, err := do(u, task, source)
	if err != nil {
		t.Fatalf("%s\n%+v", err, err)
	}
	return values
}
