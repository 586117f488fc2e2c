// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// patience is how long a script may take in tests that do not mean it to fail.
const patience = 20 * time.Second

func asked(op, password string) *question {
	return &question{op: op, user: "romeo", host: "example.org", password: password, shown: true}
}

func wants(t *testing.T, p *pool, password string, want bool) {
	t.Helper()
	got, err := p.ask(t.Context(), asked(opAuth, password))
	if got != want || err != nil {
		t.Errorf("%.40q: %v, %v; want %v", password, got, err, want)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("not in time:", what)
		}
	}
}

func TestPool(t *testing.T) {
	p, log := newScripts(t, 2, patience)
	wants(t, p, right, true)
	wants(t, p, "wrong", false)
	wants(t, p, "slowly", true)
	wants(t, p, right+":", false)
	if yes, err := p.ask(t.Context(), &question{op: opExists, user: "romeo", host: "example.org"}); !yes || err != nil {
		t.Errorf("isuser: %v, %v", yes, err)
	}
	if _, err := p.ask(t.Context(), &question{op: opExists, user: "a:b", host: "example.org"}); !errors.Is(err, errUnfit) {
		t.Errorf("a name with a colon: %v", err)
	}
	if strings.Contains(log.String(), "replaced") {
		t.Errorf("log: %s", log)
	}
}

// After each fault nobody gets an answer that is not theirs: the next one is
// asked anew, of another process.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, password string
		timeout        time.Duration
		want           error
		text           string
	}{
		{"dies", "die", patience, errDied, "has ended"},
		{"hangs", "hang", 2 * time.Second, errLate, "in time"},
		{"answers late", "late 3s", 2 * time.Second, errLate, "in time"},
		{"half of an answer", "bytes \x00\x02\x00", 2 * time.Second, errLate, "3 bytes came"},
		{"a wrong length", "bytes \x00\x05\x00\x01", patience, errAstray, "announces an answer of 5 bytes"},
		{"a short length", "bytes \x00\x01\x01", patience, errAstray, "announces an answer of 1 bytes"},
		{"another value", "bytes \x00\x02\x00\x07", patience, errAstray, "neither 0 nor 1"},
		{"text", "bytes Traceback (most recent call last):\n", patience, errAstray, "text"},
		{"a line", "bytes 1\n", patience, errAstray, "text"},
		{"two answers", "bytes \x00\x02\x00\x01\x00\x02\x00\x01", patience, errAstray, "more than one"},
		{"ends its output", "mute", patience, errDied, "has ended"},
		{"gushes", "gush", patience, errAstray, "more than one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, log := newScripts(t, 1, c.timeout)
			for range 2 {
				wants(t, p, "wrong", false)
				got, err := p.ask(t.Context(), asked(opAuth, c.password))
				if got || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("got %v, %v; want %v", got, err, c.want)
				}
				wants(t, p, "wrong", false)
				wants(t, p, right, true)
			}
			if !strings.Contains(log.String(), "replaced") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// A second answer that comes when nobody asks costs the script its life, not
// somebody a login.
func TestUnasked(t *testing.T) {
	p, log := newScripts(t, 1, patience)
	wants(t, p, "twice", true)
	eventually(t, "the script is replaced", func() bool { return strings.Contains(log.String(), "nobody asked for") })
	wants(t, p, "wrong", false)
}

// A script that answers before it is asked is replaced.
func TestEarly(t *testing.T) {
	_, log := newScripts(t, 1, patience, "early")
	eventually(t, "the script is replaced", func() bool { return strings.Contains(log.String(), "nobody asked for") })
}

// Many ask at once, scripts answer late or die: each answer is the asker's.
func TestNotMixedUp(t *testing.T) {
	p, _ := newScripts(t, 4, time.Second)
	const callers, rounds = 8, 10
	var answers, faults atomic.Int32
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range rounds {
				password, want := "wrong", false
				switch rand.IntN(8) {
				case 0, 1, 2:
					password, want = right, true
				case 3:
					password, want = "late 1500ms", true // mostly too late
				case 4:
					password = "die"
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				got, err := p.ask(ctx, asked(opAuth, password))
				cancel()
				switch {
				case err != nil:
					faults.Add(1)
					if got {
						t.Errorf("%q: yes beside %v", password, err)
					}
				case got != want:
					t.Errorf("%q: %v", password, got)
				default:
					answers.Add(1)
				}
			}
		})
	}
	all.Wait()
	if answers.Load() == 0 || faults.Load() == 0 {
		t.Errorf("%d answers, %d faults: nothing was tried", answers.Load(), faults.Load())
	}
}

// Slow questions are worked on by all processes.
func TestParallel(t *testing.T) {
	p, _ := newScripts(t, 3, patience)
	var all sync.WaitGroup
	ask := func(n int, password string) time.Duration {
		began := time.Now()
		for range n {
			all.Go(func() { wants(t, p, password, true) })
		}
		all.Wait()
		return time.Since(began)
	}
	ask(9, right) // all have started
	if d := ask(9, "late 500ms"); d < 1500*time.Millisecond || d > 4200*time.Millisecond {
		t.Errorf("nine questions of 0.5 s took three processes %v", d)
	}
}

// A caller that goes away leaves its answer to nobody.
func TestCallerLeaves(t *testing.T) {
	p, log := newScripts(t, 1, patience)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if yes, err := p.ask(ctx, asked(opAuth, "late 100ms")); yes || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", yes, err)
		}
		cancel()
		wants(t, p, "wrong", false)
	}
	if strings.Contains(log.String(), "replaced") {
		t.Errorf("a script is replaced that only was slow: %s", log)
	}
}

// A script that dies over a question loses no login; an account is not made
// twice.
func TestAskedTwice(t *testing.T) {
	dir := t.TempDir()
	p, _ := newScripts(t, 1, patience)
	wants(t, p, right, true)
	wants(t, p, "once "+filepath.Join(dir, "a"), true)
	if yes, err := p.ask(t.Context(), asked(opRegister, "once "+filepath.Join(dir, "b"))); yes || !errors.Is(err, errDied) {
		t.Errorf("tryregister: %v, %v", yes, err)
	}
}

// While no script runs questions fail at once; when one does, all is well.
func TestDown(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "flag")
	p, log := newScripts(t, 2, patience, "unless="+flag)
	eventually(t, "the pool is down", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.up == 0
	})
	began := time.Now()
	if yes, err := p.ask(t.Context(), asked(opAuth, right)); yes || err == nil {
		t.Errorf("%v, %v", yes, err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %v to fail", d)
	}
	eventually(t, "the log says how it ended", func() bool { return strings.Contains(log.String(), "exit status 3") })
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a script runs", func() bool {
		yes, err := p.ask(t.Context(), asked(opAuth, right))
		return yes && err == nil
	})
}

func TestDeaf(t *testing.T) {
	p, _ := newScripts(t, 1, 200*time.Millisecond, "deaf")
	if yes, err := p.ask(t.Context(), asked(opAuth, right)); yes || !errors.Is(err, errLate) {
		t.Errorf("%v, %v", yes, err)
	}
	if yes, err := p.ask(t.Context(), asked(opAuth, strings.Repeat("x", 65_500))); yes || !errors.Is(err, errLate) && !errors.Is(err, errUnread) {
		t.Errorf("%v, %v", yes, err)
	}
}

func TestNoProgram(t *testing.T) {
	for _, argv := range [][]string{{"/nowhere/at/all"}, {"/"}, {t.TempDir()}} {
		p, err := newPool(argv, protocols["generic"], 3, patience, hclog.NewNullLogger())
		if err == nil {
			p.close()
			t.Errorf("%q starts", argv)
		}
	}
}

// The end of a pool is the end of all that its scripts have started, and of
// those who wait for an answer.
func TestClose(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	p, _ := newScripts(t, 1, time.Hour, "child="+file)
	wants(t, p, right, true)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil || syscall.Kill(pid, 0) != nil {
		t.Fatalf("child %s: %v", text, err)
	}
	result := make(chan error)
	go func() {
		_, err := p.ask(context.Background(), asked(opAuth, "hang"))
		result <- err
	}()
	other, _ := newScripts(t, 1, time.Hour)
	wants(t, other, right, true) // meanwhile the first is asked
	p.close()
	if err := <-result; err == nil {
		t.Error("an answer after the end")
	}
	eventually(t, "the child is killed", func() bool { s := stateOf(pid); return s == "" || s == "Z" })
	if _, err := p.ask(t.Context(), asked(opAuth, right)); !errors.Is(err, errClosed) {
		t.Errorf("asked after the end: %v", err)
	}
	wants(t, other, right, true)
}

// stateOf is the state of a process, or "".
func stateOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	state, _, _ := strings.Cut(rest, " ")
	return state
}
