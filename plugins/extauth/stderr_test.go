// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"slices"
	"strings"
	"testing"
)

// A script that writes without end is not held up by it, nor does it fill the
// log.
func TestFlood(t *testing.T) {
	p, log := newScripts(t, 1, patience)
	wants(t, p, "flood", true)
	wants(t, p, "endless", true)
	wants(t, p, right, true)
	p.close()
	text := log.String()
	if n := strings.Count(text, `"text":"nothing`); n == 0 || n > 2*burst {
		t.Errorf("%d lines are logged", n)
	}
	eventually(t, "the log tells that there was more", func() bool { return strings.Contains(log.String(), "omitted") })
	for line := range strings.Lines(text) {
		if len(line) > 2*maxLogged {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

func TestPasswordNotLogged(t *testing.T) {
	p, log := newScripts(t, 1, patience)
	wants(t, p, "tell my secret", true)
	if yes, err := p.ask(t.Context(), asked(opAuth, "die and tell nobody")); yes || err == nil {
		t.Errorf("%v, %v", yes, err)
	}
	p.close()
	eventually(t, "the log has it", func() bool { return strings.Contains(log.String(), "I was told") })
	if text := log.String(); !strings.Contains(text, "I was told ***, and that was that") || strings.Contains(text, "my secret") || strings.Contains(text, "tell nobody") {
		t.Errorf("log: %s", text)
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{
		"PATH=/bin", "PLUGIN_CLIENT_CERT=x", "TERCET_PLUGIN=account", "NOTIFY_SOCKET=/run/x", "LISTEN_FDS=2", "WATCHDOG_USEC=1", "DATABASE_URL=x", "EMPTY=",
	})
	if want := []string{"PATH=/bin", "DATABASE_URL=x", "EMPTY="}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
