// SPDX-License-Identifier: Apache-2.0

package universe_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/coretest"
	"tercet/modules/guest/lua/universe"
)

// A task that may not wait and does, for a command or a pipe, is stopped; what
// it has started is killed.
func TestAwaitStopped(t *testing.T) {
	u, _ := start(t, universe.Options{})
	pid := filepath.Join(t.TempDir(), "pid")
	tell := "echo $$ > " + pid + "; exec sleep 60"
	for name, source := range map[string]string{
		"execute": fmt.Sprintf("os.execute(%q)", tell),
		"caught":  fmt.Sprintf("pcall(os.execute, %q) caught = true", tell),
		"read":    fmt.Sprintf("io.popen(%q):read('*a')", tell),
		"lines":   fmt.Sprintf("for line in io.popen(%q):lines() do end", tell),
		"close":   fmt.Sprintf("io.popen(%q):close()", tell),
		"write":   fmt.Sprintf("local f = io.popen(%q, 'w') for i = 1, 100 do f:write(('x'):rep(1e5)) end", tell),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := do(u, limited(50*time.Millisecond), source)
			took := time.Since(began)
			if !errors.Is(err, universe.ErrDeadline) || !strings.Contains(err.Error(), "limited: ") || !strings.Contains(err.Error(), "held up all of Lua for 1s") || took > 30*time.Second {
				t.Fatalf("got %v after %v", err, took)
			}
			b, err := os.ReadFile(pid)
			n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
			if err != nil || n == 0 {
				t.Fatalf("no process: %q, %v", b, err)
			}
			coretest.Eventually(t, "the process is gone", func() bool {
				state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n))
				return err != nil || strings.Contains(string(state), ") Z ")
			})
		})
	}
	if v := mustDo(t, u, "return tostring(caught)"); v[0] != lua.LString("nil") {
		t.Error("it goes on behind pcall")
	}
}

// One that may wait lets others in meanwhile, and is not stopped.
func TestAwaitOthers(t *testing.T) {
	u, _ := start(t, universe.Options{Limit: 50 * time.Millisecond})
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{
		"execute": "os.execute('read x < " + fifo + "') return 1",
		"read":    "return #io.popen('cat " + fifo + "'):read('*a') > 0 and 1",
		"open":    "return #io.open('" + fifo + "'):read('*a') > 0 and 1",
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan error)
			var got lua.LValue
			go func() {
				done <- u.Do(t.Context(), &universe.Task{Name: "waits", Waits: true}, func(l *lua.LState) { got = run(u, l, source) })
			}()
			for began := time.Now(); time.Since(began) < 1200*time.Millisecond; { // more than one that may not wait has
				mustDo(t, u, "return 1")
				<-time.After(20 * time.Millisecond)
			}
			f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(f, "done")
			f.Close()
			if err := <-done; err != nil || got != lua.LNumber(1) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// The end of the universe ends who waits for what never comes; the log has
// named who held everybody up.
func TestAwaitClosed(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, waits := range []bool{true, false} {
		for _, source := range []string{"os.execute('sleep 60')", "io.popen('sleep 60'):read('*a')", "io.open('" + fifo + "')"} {
			t.Run(fmt.Sprint(source, waits), func(t *testing.T) {
				u, w := start(t, universe.Options{Limit: time.Minute})
				done := make(chan error)
				go func() {
					done <- u.Do(t.Context(), &universe.Task{Name: "patient", Waits: waits}, func(l *lua.LState) { run(u, l, source) })
				}()
				if waits {
					<-time.After(50 * time.Millisecond) // it is there, or not yet
				} else {
					coretest.Eventually(t, "it is named", func() bool {
						return strings.Contains(w.String(), "Lua is held up") && strings.Contains(w.String(), "patient")
					})
				}
				u.Close()
				select {
				case err := <-done:
					if err == nil || !strings.Contains(err.Error(), "closed") {
						t.Errorf("got %v", err)
					}
				case <-time.After(30 * time.Second):
					t.Fatal("it waits on")
				}
			})
		}
	}
}
