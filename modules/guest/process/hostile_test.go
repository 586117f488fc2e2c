// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
)

// A process that is killed is back at once, and nothing of the first is left;
// meanwhile messages go on.
func TestKilled(t *testing.T) {
	w := newWorld(t, "stop", "")
	first := w.asks(t)
	began := time.Now()
	signal(t, first, syscall.SIGKILL)
	second := ""
	coretest.Eventually(t, "another process answers", func() bool {
		second = w.asks(t)
		return second != "" && second != first
	})
	t.Logf("another after %v", time.Since(began))
	if state := w.state(); state != "loaded" {
		t.Errorf("state %q", state)
	}
	if alive(first) {
		t.Error("the first is still there")
	}
	if n := w.Env.Manager.Meters()["probe"].Total(); n.Memory < 1<<20 || n.Errors == 0 {
		t.Errorf("the meter has %+v", n)
	}
}

// While a process is stopped, its events are answered by policy in time, and
// the stream goes on; then it is ended, and another takes its place. The
// machine that tests may be busy: the best of several counts.
func TestStopped(t *testing.T) {
	const limit = 100 * time.Millisecond
	for policy, want := range map[string]string{"pass": "", "stop": "internal-server-error"} {
		t.Run(policy, func(t *testing.T) {
			w := newWorld(t, "stop", "limit = '100ms', on_failure = '"+policy+"'")
			first := w.asks(t)
			signal(t, first, syscall.SIGSTOP)
			best := time.Hour
			coretest.Eventually(t, "another process answers", func() bool {
				began := time.Now()
				switch got := w.asks(t); {
				case got == first:
					t.Fatal("it answers while it is stopped")
				case got != want:
					return true
				case time.Since(began) >= limit: // not answered at once, while no process is there
					best = min(best, time.Since(began))
				}
				return false
			})
			if best > limit+50*time.Millisecond {
				t.Errorf("answered by policy after %v at best, want %v to 50 ms more", best, limit)
			}
			if alive(first) {
				t.Error("the first is still there")
			}
		})
	}
}

// A process that is stopped for a moment only goes on as if nothing was; what
// it answers too late is not taken.
func TestLate(t *testing.T) {
	w := newWorld(t, "stop", "limit = '50ms'")
	pid := w.asks(t)
	signal(t, pid, syscall.SIGSTOP)
	for range 3 {
		if got := w.asks(t); got != "" {
			t.Errorf("got %q", got)
		}
	}
	signal(t, pid, syscall.SIGCONT)
	coretest.Eventually(t, "it answers", func() bool { return w.asks(t) == pid })
	w.romeo.Quiet()
	w.juliet.Quiet()
}

// Whatever a process answers, or not, the message comes through, or not, as the
// policy says; and nobody else is hurt.
func TestFailures(t *testing.T) {
	for _, name := range []string{"nothing", "dies", "garbage", "large", "huge", "verdict", "failed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := "'5s'"
			if name == "nothing" {
				limit = "'50ms'"
			}
			for policy, want := range map[string]string{"pass": "", "stop": "internal-server-error"} {
				w := newWorld(t, name, "on_failure = '"+policy+"', limit = "+limit)
				for range 4 {
					if got := w.asks(t); got != want {
						t.Errorf("%s: got %q, want %q", policy, got, want)
					}
				}
				w.romeo.Quiet()
				w.juliet.Quiet()
			}
		})
	}
}

// While no process is there, each extension point is answered by its own policy.
func TestPoints(t *testing.T) {
	for want, points := range map[string]string{
		"":                      `['pre-message/*'] = { on_failure = 'pass' }`,
		"internal-server-error": `['pre-message/*'] = { on_failure = 'pass' }, ['pre-message/bare'] = { on_failure = 'stop', limit = '5s' }`,
	} {
		w := newWorld(t, "lives "+filepath.Join(t.TempDir(), "lives"), "on_failure = 'stop', points = { "+points+" }")
		for range 3 {
			if got := w.asks(t); got != want {
				t.Errorf("%s: got %q, want %q", points, got, want)
			}
		}
	}
}

// Ten bad answers in a row suspend a guest; what it leaves behind is its
// policy.
func TestSuspended(t *testing.T) {
	for _, tt := range []struct{ policy, state, want string }{
		{"pass", "suspended", ""},
		{"stop", "suspended", "internal-server-error"},
		{"unload", "", ""},
	} {
		t.Run(tt.policy, func(t *testing.T) {
			w := newWorld(t, "failed", "on_failure = '"+tt.policy+"'")
			for range 12 {
				if got := w.asks(t); got != tt.want {
					t.Fatalf("got %q, want %q", got, tt.want)
				}
			}
			coretest.Eventually(t, "the state "+tt.state, func() bool { return w.state() == tt.state })
			if tt.state == "" {
				return
			}
			if err := w.Env.Manager.Reload(t.Context(), coretest.Domain, "probe"); err != nil {
				t.Error(err)
			}
			coretest.Eventually(t, "it is loaded", func() bool { return w.state() == "loaded" })
		})
	}
}

// A process that ends at once, for ever, is started seldom and seldom told of.
func TestExits(t *testing.T) {
	lives, log := filepath.Join(t.TempDir(), "lives"), filepath.Join(t.TempDir(), "log")
	w := newWorld(t, "lives "+lives, "", logging("warn", log))
	if got := w.asks(t); got != "" {
		t.Fatalf("got %q", got)
	}
	coretest.Eventually(t, "it is started again", func() bool { return size(lives) > 3 })
	began := time.Now()
	for time.Since(began) < 2*time.Second {
		if got := w.asks(t); got != "" {
			t.Fatalf("got %q", got)
		}
		if w.state() != "suspended" {
			t.Fatalf("state %q", w.state())
		}
	}
	if n := size(lives); n > 7 { // after 0.1, 0.3, 0.7, 1.5, 3.1 s
		t.Errorf("%d starts", n)
	}
	b, err := os.ReadFile(log)
	if n := strings.Count(string(b), "guest failed"); err != nil || n != 1 {
		t.Errorf("%d lines, want 1 (%v):\n%s", n, err, b)
	}
}

// Events that a process leaves when it goes, and those that come before the
// next, are no failures of a guest that is to be unloaded for ten in a row.
func TestGone(t *testing.T) {
	w := newWorld(t, "lives "+filepath.Join(t.TempDir(), "lives"), "on_failure = 'unload'")
	for range 20 {
		if got := w.asks(t); got != "" {
			t.Fatalf("got %q", got)
		}
	}
	coretest.Eventually(t, "it is seen", func() bool { return w.state() == "suspended" })
}

// A process that attaches other things than the one before is not taken.
func TestChanging(t *testing.T) {
	starts := filepath.Join(t.TempDir(), "starts")
	w := newWorld(t, "changing "+starts, "")
	first := w.asks(t)
	signal(t, first, syscall.SIGKILL)
	coretest.Eventually(t, "another process answers", func() bool {
		pid := w.asks(t)
		return pid != "" && pid != first
	})
	if n := size(starts); n != 3 {
		t.Errorf("%d starts, want 3", n)
	}
}

// A process that floods all that it can write to is answered as ever, takes
// little of our time, and has few lines in the log, each cut.
func TestFlood(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	w := newWorld(t, "flood", "", logging("debug", log))
	pid := w.asks(t)
	before, began := cpu(t), time.Now()
	<-time.After(time.Second)
	took, used := time.Since(began), cpu(t)-before
	t.Logf("in %v it has cost %v", took, used)
	if used > took/4 {
		t.Errorf("in %v it has cost %v", took, used)
	}
	if got := w.asks(t); got != pid {
		t.Errorf("got %q, want %q", got, pid)
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "guest says") {
			n++
		}
		if len(line) > 1200 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if n == 0 || n > 50+5*int(1+time.Since(began).Seconds()) {
		t.Errorf("%d lines", n)
	}
}

// logging has all from a level on in a file.
func logging(level, file string) string {
	return fmt.Sprintf("log = { { levels = { min = %q }, to = 'file', filename = %q } }\n", level, file)
}

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What does not start is not loaded, and the admin learns why.
func TestNotLoaded(t *testing.T) {
	for _, tt := range []struct{ name, more, want string }{
		{"version", "", "Plugin version: 2, Client versions: [1]"},
		{"exits", "", "it has ended: exit status 3; it said: I will not"},
		{"nonsense", "", `it is no plugin: it printed "hello"`},
		{"mute", "", "it was not ready within 10s"},
		{"silent", "", "it was not ready within 10s"},
		{"error no good options", "", "it does not load: no good options"},
		{"hook pre-iq/host", "allow = { 'hook:pre-message/*' }", "it asks for hook:pre-iq/host, and was not given that"},
		{"hook nothing", "", "no such extension point"},
		{"filter x=y", "", `"x" is none of kind, type, ns, child`},
		{"add feature", "", "it asks for add:feature, and was not given that"},
		{"add feature", "allow = { 'hook:*', 'add:*' }", ""},
		{"timer 10", "", "a timer of 10ms"},
		{"stop", "allow = { 'files' }", "none of hook"},
		{"stop", "env = { PLUGIN_X = 'y' }", "no name for a variable"},
		{"stop", "command = {}", "without a command"},
		{"stop", "command = { '/nowhere/plugin' }", "no such file"},
		{"stop", "command = { '/etc/passwd' }", "permission denied"},
		{"stop", "limit = '1h'", "limit"},
		{"stop", "points = { ['pre-message/*'] = { on_failure = 'unload' } }", "on_failure"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := coretest.New(t, "", modules.All...)
			s.Write(config(t, tt.name, tt.more))
			plan, err := s.Reload(t.Context())
			text := fmt.Sprint(err)
			for _, p := range plan.Problems {
				text += "\n" + p.String()
			}
			if (err == nil) != (tt.want == "") || !strings.Contains(text, tt.want) {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}

// A process that has events in its hands answers them before it is unloaded.
func TestUnloadBusy(t *testing.T) {
	w := newWorld(t, "slow 300ms", "")
	pid := w.asks(t)
	got := make(chan string)
	go func() { got <- w.asks(t) }()
	<-time.After(100 * time.Millisecond)
	if err := w.Env.Manager.Unload(t.Context(), coretest.Domain, "probe"); err != nil {
		t.Fatal(err)
	}
	if said := <-got; said != pid {
		t.Errorf("got %q, want %q", said, pid)
	}
	coretest.Eventually(t, "the process is gone", func() bool { return !alive(pid) })
	coretest.Eventually(t, "its memory is not counted any more", func() bool { return w.Env.Manager.Meters()["probe"].Total().Memory == 0 })
}

// One that hangs is unloaded, too.
func TestUnloadStopped(t *testing.T) {
	w := newWorld(t, "stop", "")
	pid := w.asks(t)
	signal(t, pid, syscall.SIGSTOP)
	if err := w.Env.Manager.Unload(t.Context(), coretest.Domain, "probe"); err != nil {
		t.Fatal(err)
	}
	coretest.Eventually(t, "the process is gone", func() bool { return !alive(pid) })
}

// What a process has started goes with it.
func TestOrphan(t *testing.T) {
	w := newWorld(t, "orphan", "")
	pid := w.asks(t)
	if !alive(pid) {
		t.Fatalf("got %q", pid)
	}
	if err := w.Env.Manager.Unload(t.Context(), coretest.Domain, "probe"); err != nil {
		t.Fatal(err)
	}
	coretest.Eventually(t, "its child is gone", func() bool {
		b, err := os.ReadFile("/proc/" + pid + "/stat") // where nobody waits for orphans it stays, as a zombie
		return err != nil || strings.Contains(string(b), ") Z ")
	})
}

// Under 200 messages a second a guest is loaded anew, again and again; each
// message is refused by one process or the next, and none by policy.
func TestReload(t *testing.T) {
	w := newWorld(t, "stop", "on_failure = 'stop'")
	h := w.Host(coretest.Domain)
	st, err := stanza.Parse([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	var stopped, all atomic.Int32
	var wg sync.WaitGroup
	done := make(chan bool)
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			all.Add(1)
			wg.Go(func() {
				pass := h.Table.Enter()
				defer pass.Leave()
				ev := route.Event{Stanza: st, Host: h, Pass: pass}
				if route.Out[stanza.Message][route.Bare].Fire(context.Background(), pass, &ev) == ext.Stop {
					stopped.Add(1)
				}
			})
		}
	})
	for range 5 {
		if err := w.Env.Manager.Reload(t.Context(), coretest.Domain, "probe"); err != nil {
			t.Error(err)
		}
		<-time.After(100 * time.Millisecond)
	}
	close(done)
	wg.Wait()
	t.Logf("%d messages", all.Load())
	if n := w.Env.Manager.Meters()["probe"].Total().Errors; n != 0 || stopped.Load() != all.Load() {
		t.Errorf("of %d, %d were refused, with %d errors", all.Load(), stopped.Load(), n)
	}
	if n := w.Env.Manager.Meters()["probe"].Total().Memory; n < 1<<20 {
		t.Errorf("the process at work has %d bytes of memory", n)
	}
}

// A process has no more events in its hands than the window has places; what
// comes beyond is answered by policy.
func TestWindow(t *testing.T) {
	tally := filepath.Join(t.TempDir(), "tally")
	w := newWorld(t, "tally "+tally, "limit = '200ms', window = 2")
	h := w.Host(coretest.Domain)
	st, err := stanza.Parse([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			pass := h.Table.Enter()
			defer pass.Leave()
			ev := route.Event{Stanza: st, Host: h, Pass: pass}
			if route.Out[stanza.Message][route.Bare].Fire(context.Background(), pass, &ev) == ext.Stop {
				t.Error("stopped")
			}
		})
	}
	wg.Wait()
	if n := size(tally); n != 2 {
		t.Errorf("it got %d events, want 2", n)
	}
}
