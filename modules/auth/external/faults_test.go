// SPDX-License-Identifier: Apache-2.0

package external_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

// While no script runs nobody gets in, and nobody hears that the password is
// wrong.
func TestUnavailable(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "flag")
	s := coretest.New(t, external+scripted("unless="+flag)+"external_auth_processes = 1\n", modules.All...)
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Open()
	for _, password := range []string{right, "wrong"} {
		if got := try(c, "romeo", password); got != "temporary-auth-failure" {
			t.Errorf("%q: %s", password, got)
		}
	}
	if yes, err := accountsOf(s).Exists(t.Context(), "romeo"); yes || err == nil {
		t.Errorf("exists: %v, %v", yes, err)
	}
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	coretest.Eventually(t, "a login succeeds", func() bool {
		yes, err := accountsOf(s).Check(t.Context(), "romeo", right)
		return yes && err == nil
	})
	c = coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Open()
	if got := try(c, "romeo", "wrong"); got != "not-authorized" {
		t.Errorf("a wrong password: %s", got)
	}
	if got := try(c, "romeo", right); got != "success" {
		t.Errorf("the right one: %s", got)
	}
}

// A script that is late costs the one who asked, and nobody else.
func TestLate(t *testing.T) {
	s := coretest.New(t, external+scripted()+"external_auth_processes = 1\nexternal_auth_timeout = 1\n", modules.All...)
	a := accountsOf(s)
	for range 3 {
		if yes, err := a.Check(t.Context(), "romeo", "late 1500ms"); yes || err == nil || !strings.Contains(err.Error(), "in time") {
			t.Errorf("late: %v, %v", yes, err)
		}
		coretest.Eventually(t, "an answer", func() bool {
			yes, err := a.Check(t.Context(), "romeo", "wrong")
			if yes {
				t.Fatal("the late answer is taken for another's")
			}
			return err == nil
		})
	}
}

// The plugin is killed while many log in: no answer is a wrong one, its scripts
// end with it, and it comes back.
func TestPluginKilled(t *testing.T) {
	mark := "mark=" + t.TempDir()
	s := coretest.New(t, external+scripted(mark)+"external_auth_processes = 2\n", modules.All...)
	a := accountsOf(s)
	var answers, failures atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				password, want := right, true
				if n%2 == 0 {
					password, want = "wrong", false
				}
				switch yes, err := a.Check(context.Background(), "romeo", password); {
				case err != nil && yes:
					t.Errorf("yes beside %v", err)
				case err != nil:
					failures.Add(1)
				case yes != want:
					t.Errorf("%q: %v", password, yes)
				default:
					answers.Add(1)
				}
			}
		})
	}
	defer all.Wait()
	defer close(stop)
	for range 3 {
		before := answers.Load()
		coretest.Eventually(t, "logins", func() bool { return answers.Load() > before+20 })
		old := plugins()
		if len(old) != 1 {
			t.Fatalf("plugins: %v", old)
		}
		if err := syscall.Kill(old[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		coretest.Eventually(t, "another plugin", func() bool {
			now := plugins()
			return len(now) == 1 && now[0] != old[0]
		})
	}
	before := answers.Load()
	coretest.Eventually(t, "logins after all", func() bool { return answers.Load() > before+20 })
	coretest.Eventually(t, "two scripts are left", func() bool { return len(processes(mark)) == 2 })
	if failures.Load() == 0 {
		t.Log("no login was caught by it")
	}
}

// A plugin that is stopped is no reason to let anybody in, nor to hang for ever.
func TestPluginStopped(t *testing.T) {
	s := coretest.New(t, external+scripted()+"external_auth_timeout = 0.5\nextauth_cache = 0\n", modules.All...)
	a := accountsOf(s)
	coretest.Eventually(t, "a login succeeds", func() bool {
		yes, err := a.Check(t.Context(), "romeo", right)
		return yes && err == nil
	})
	pids := plugins()
	if len(pids) != 1 || syscall.Kill(pids[0], syscall.SIGSTOP) != nil {
		t.Fatal("plugins:", pids)
	}
	began := time.Now()
	for _, password := range []string{right, "wrong"} {
		if yes, err := a.Check(t.Context(), "romeo", password); yes || err == nil {
			t.Errorf("%q: %v, %v", password, yes, err)
		}
	}
	if d := time.Since(began); d > 8*time.Second {
		t.Errorf("it took %v", d)
	}
	s.Reconfigure("")
	coretest.Eventually(t, "the plugin is gone", func() bool { return len(plugins()) == 0 })
	if yes, err := a.Check(t.Context(), "romeo", right); yes || err == nil {
		t.Errorf("after its end: %v, %v", yes, err)
	}
}

// No more questions wait than the config allows.
func TestWaiting(t *testing.T) {
	s := coretest.New(t, external+scripted()+"external_auth_processes = 1\nexternal_auth_max_waiting = 2\n", modules.All...)
	a := accountsOf(s)
	var busy, done atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			yes, err := a.Check(t.Context(), "romeo", "late 1s")
			switch {
			case yes && err == nil:
				done.Add(1)
			case err != nil && strings.Contains(err.Error(), "too many questions"):
				busy.Add(1)
			default:
				t.Errorf("%v, %v", yes, err)
			}
		})
	}
	all.Wait()
	if done.Load() != 3 || busy.Load() != 5 {
		t.Errorf("%d were answered, %d refused; want 3, 5", done.Load(), busy.Load())
	}
}

// Whether somebody exists is asked by messages on their way: it has little
// time, and the next one does not wait as long again.
func TestSlowExists(t *testing.T) {
	s := coretest.New(t, external+scripted()+"external_auth_processes = 1\nexternal_auth_timeout = 60\nextauth_cache = 0.001\n", modules.All...)
	a := accountsOf(s)
	if yes, err := a.Check(t.Context(), "romeo", right); !yes || err != nil {
		t.Fatal(yes, err)
	}
	if yes, err := a.Exists(t.Context(), "slow"); yes || !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "DeadlineExceeded") {
		t.Errorf("%v, %v", yes, err)
	}
	began := time.Now()
	if yes, err := a.Exists(t.Context(), "juliet"); yes || err == nil {
		t.Errorf("%v, %v", yes, err)
	}
	if yes, err := a.Exists(t.Context(), "romeo"); !yes || err != nil {
		t.Errorf("who was there a moment ago: %v, %v", yes, err)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("it took %v", d)
	}
}
