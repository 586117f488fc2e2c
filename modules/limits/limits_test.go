// SPDX-License-Identifier: Apache-2.0

package limits_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tercet/config"
	"tercet/config/luacfg"
	"tercet/core"
	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

// elapsed is how long a client needs for n bytes of messages and an answer.
func elapsed(t *testing.T, lua string) time.Duration {
	t.Helper()
	s := coretest.New(t, "modules_enabled = { \"limits\", \"ping\" }\n"+lua, modules.All...)
	c := s.Login("romeo", "orchard")
	c.Quiet()
	began := time.Now()
	for range 4 {
		c.Send("<message to='romeo@example.org/nowhere' type='headline'><body>" + strings.Repeat("x", 1000) + "</body></message>")
	}
	c.Quiet()
	return time.Since(began)
}

func TestRateHoldsTheReaderBack(t *testing.T) {
	// About 4,300 bytes at 4,000 a second with little saved up: half a second
	// is far less than they need, and far more than an unlimited stream takes.
	const limited = `limits = { c2s = { rate = "4kb/s", burst = "250ms" } }`
	if d := elapsed(t, limited); d < 500*time.Millisecond {
		t.Errorf("limited: %v", d)
	}
	if d := elapsed(t, limited+` unlimited_jids = { "romeo@example.org" }`); d > 500*time.Millisecond {
		t.Errorf("an unlimited account: %v", d)
	}
	if d := elapsed(t, `limits = { c2s = { rate = "4kb/s", burst = "10s" } }`); d > 500*time.Millisecond {
		t.Errorf("with a burst: %v", d)
	}
	if d := elapsed(t, `limits = { s2sin = { rate = "1kb/s" } }`); d > 500*time.Millisecond {
		t.Errorf("limits of another kind of stream: %v", d)
	}
}

func TestBadLimitsAreErrors(t *testing.T) {
	for lua, want := range map[string]string{
		`limits = { c2s = { rate = "10kb" } }`:               "want a rate",
		`limits = { c2s = {} }`:                              "rate is missing",
		`limits = { c2s = { rate = "1kb/s", burst = "x" } }`: "want a time",
		`limits = "10kb/s"`:                                  "want a table",
	} {
		file := filepath.Join(t.TempDir(), "tercet.cfg.lua")
		if err := os.WriteFile(file, []byte("modules_enabled = { \"limits\" }\n"+lua+"\nVirtualHost \"example.org\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := luacfg.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		problems := core.Check(core.Build{Modules: modules.All, Load: luacfg.Load}, c)
		if !config.Failed(problems) || !strings.Contains(problems[0].String(), want) {
			t.Errorf("%s: got %v, want %q", lua, problems, want)
		}
	}
}

func TestReloadLimitsStreamsThatAreThere(t *testing.T) {
	const head = "modules_enabled = { \"limits\", \"ping\" }\n"
	s := coretest.New(t, head, modules.All...)
	c := s.Login("romeo", "orchard")
	send := func() time.Duration {
		began := time.Now()
		for range 4 {
			c.Send("<message to='romeo@example.org/nowhere' type='headline'><body>" + strings.Repeat("x", 1000) + "</body></message>")
		}
		c.Quiet()
		return time.Since(began)
	}
	s.Reconfigure(head + `limits = { c2s = { rate = "4kb/s", burst = 0.25 } }`)
	c.Quiet()
	if d := send() + send(); d < 500*time.Millisecond { // the first may meet what was saved up
		t.Errorf("limited by a reload: %v", d)
	}
	s.Reconfigure(head)
	c.Quiet()
	if d := send(); d > 500*time.Millisecond {
		t.Errorf("freed by a reload: %v", d)
	}
}
