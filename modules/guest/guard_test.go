// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/core/ext"
	points "tercet/core/guest"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/stanza"
	"tercet/modules"
	"tercet/modules/guest"
)

// A ward is a module with a guard, whose guest fails at each message while it is
// ill.
type ward struct {
	*coretest.Server
	t     *testing.T
	guard atomic.Pointer[guest.Guard]
	ill   atomic.Bool
	log   string
}

var errIll = errors.New("ill")

func newWard(t *testing.T, p guest.Policy, lua string) *ward {
	t.Helper()
	w := &ward{t: t, log: filepath.Join(t.TempDir(), "log")}
	def := module.Define("ward", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		g := guest.NewGuard(s, p)
		w.guard.Store(g)
		route.Out[stanza.Message][route.Full].Handle(s, 10, func(ctx context.Context, ev *route.Event) ext.Verdict {
			if w.ill.Load() {
				return g.Verdict(ctx, &points.Event{Route: ev})
			}
			return ext.Next
		})
		return nil
	})
	lua += fmt.Sprintf("\nmodules_enabled = { \"ward\" }\nlog = { { levels = { \"error\" }, to = \"file\", filename = %q } }\n", w.log)
	w.Server = coretest.New(t, lua, append([]module.Definition{def}, modules.All...)...)
	return w
}

func (w *ward) fail(times int) {
	for range times {
		w.guard.Load().Failed(w.t.Context(), "message/full", errIll)
	}
}

// state is that of the module, or "" if it is not loaded.
func (w *ward) state() string {
	for _, s := range w.Env.Manager.List() {
		if s.Name == "ward" && s.State != "closing" { // an old one
			return s.State
		}
	}
	return ""
}

func (w *ward) metric(name string) float64 {
	w.t.Helper()
	for s := range w.Env.Metrics.All() {
		if s.Name == name && strings.Contains(s.Labels, `module="ward"`) {
			return s.Value
		}
	}
	return -1
}

// logged is how many lines of the log have a text.
func (w *ward) logged(text string) (n int) {
	w.t.Helper()
	b, err := os.ReadFile(w.log)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Count(string(b), text)
}

// What is left of a guest that fails.
func TestPolicies(t *testing.T) {
	for _, tt := range []struct {
		name, lua string
		policy    guest.Policy
		stops     bool
	}{
		{"pass", "", guest.Pass, false},
		{"stop", "", guest.Stop, true},
		{"unload", "", guest.Unload, false},
		{"none", "", guest.Auto, false},
		{"none, of one that is critical", `modules_critical = { "roster", "ward" }`, guest.Auto, true},
		{"none, of the only one that is critical", `modules_critical = "ward"`, guest.Auto, true},
		{"none, while another is critical", `modules_critical = { "roster" }`, guest.Auto, false},
		{"pass, of one that is critical", `modules_critical = { "ward" }`, guest.Pass, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWard(t, tt.policy, tt.lua)
			want := ext.Next
			if tt.stops {
				want = ext.Stop
			}
			g := w.guard.Load()
			if got := g.Verdict(t.Context(), &points.Event{}); got != want {
				t.Errorf("an event that is only told: got %v, want %v", got, want)
			}
			var changes []string
			change := func(b json.RawMessage) error {
				changes = append(changes, string(b))
				return errors.New("this cannot be refused")
			}
			if got := g.Verdict(t.Context(), &points.Event{Change: change}); got != want || len(changes) > 0 != tt.stops {
				t.Errorf("an event that may be refused: got %v and %q, want %v", got, changes, want)
			}
			for _, c := range changes {
				var said struct{ Refuse string }
				if err := json.Unmarshal([]byte(c), &said); err != nil || said.Refuse == "" {
					t.Errorf("it is refused by %s, %v", c, err)
				}
			}
			romeo, juliet := w.Login("romeo", "orchard"), w.Login("juliet", "balcony")
			message := "<message type='chat' id='m' to='" + juliet.JID + "'><body>x</body></message>"
			romeo.Send(message)
			if got := juliet.Next(); got.Attr("id") != "m" {
				t.Errorf("while all is well: got %s", got)
			}
			w.ill.Store(true)
			romeo.Send(message)
			if !tt.stops {
				if got := juliet.Next(); got.Attr("id") != "m" {
					t.Errorf("got %s", got)
				}
				return
			}
			got := romeo.Next()
			if got.Attr("type") != "error" || got.Child("jabber:client", "error").Child("urn:ietf:params:xml:ns:xmpp-stanzas", "internal-server-error").IsZero() {
				t.Errorf("got %s, want internal-server-error", got)
			}
			juliet.Quiet()
		})
	}
}

// A guest is suspended after ten failures in a row, once.
func TestSuspended(t *testing.T) {
	for _, policy := range []guest.Policy{guest.Pass, guest.Stop} {
		t.Run(string(policy), func(t *testing.T) {
			w := newWard(t, policy, "")
			g := w.guard.Load()
			check := func(when string, suspended bool) {
				t.Helper()
				state, value := "loaded", 0.0
				if suspended {
					state, value = "suspended", 1
				}
				if g.Suspended() != suspended || w.state() != state || w.metric("tercet_guest_suspended") != value {
					t.Errorf("%s: suspended is %v, the state %s, the metric %g; want %v", when, g.Suspended(), w.state(), w.metric("tercet_guest_suspended"), suspended)
				}
			}
			check("at first", false)
			for range 3 {
				w.fail(9)
				check("after nine", false)
				g.Succeeded()
			}
			for range 100 {
				g.Missed(t.Context(), "message/full", errIll)
			}
			check("unanswered a hundred times", false)
			w.fail(10)
			check("after ten", true)
			w.fail(20)
			g.Succeeded()
			check("whatever comes then", true)
			if n := w.logged("guest suspended"); n != 1 {
				t.Errorf("the suspension was logged %d times", n)
			}
			if n := w.logged("guest failed"); n != 1 {
				t.Errorf("failures were logged %d times within ten seconds, want 1", n)
			}
			if n := w.metric("tercet_module_errors_total"); n != 27+100+10+20 {
				t.Errorf("%g failures were counted", n)
			}
			if err := w.Env.Manager.Reload(t.Context(), coretest.Domain, "ward"); err != nil {
				t.Fatal(err)
			}
			g = w.guard.Load()
			check("loaded anew", false)
		})
	}
}

// Instances that fail at the same moment suspend their guest once.
func TestSuspendedAtOnce(t *testing.T) {
	w := newWard(t, guest.Pass, "")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { w.fail(100) })
	}
	wg.Wait()
	if !w.guard.Load().Suspended() || w.logged("guest suspended") != 1 {
		t.Errorf("suspended %d times", w.logged("guest suspended"))
	}
}

// With unload the module goes with its guest.
func TestUnloads(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail func(ctx context.Context, g *guest.Guard)
	}{
		{"failed", func(ctx context.Context, g *guest.Guard) { g.Failed(ctx, "timer", errIll) }},
		{"missed", func(ctx context.Context, g *guest.Guard) { g.Missed(ctx, "timer", errIll) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWard(t, guest.Unload, "")
			ctx, cancel := context.WithCancel(t.Context())
			for range 9 {
				tt.fail(ctx, w.guard.Load())
			}
			if state := w.state(); state != "loaded" {
				t.Errorf("%s after nine", state)
			}
			tt.fail(ctx, w.guard.Load())
			cancel() // the call's is over, which must not matter
			coretest.Eventually(t, "it is unloaded", func() bool { return w.state() == "" })
			coretest.Eventually(t, "its metric is gone", func() bool { return w.metric("tercet_guest_suspended") == -1 })
		})
	}
}

// At some extension points another limit, or another policy, may hold.
func TestPosts(t *testing.T) {
	w := newWard(t, guest.Pass, "")
	rules := guest.Rules{
		"pre-message/*":    {OnFailure: "stop"},
		"pre-message/host": {OnFailure: "pass", Limit: time.Second},
		"*":                {Limit: 2 * time.Second},
		"user-registering": {OnFailure: "stop", Limit: 3 * time.Second},
	}
	for _, tt := range []struct {
		point string
		rules guest.Rules
		limit time.Duration
		stops ext.Verdict
	}{
		{"pre-message/bare", nil, 50 * time.Millisecond, ext.Next},
		{"pre-message/bare", rules, 50 * time.Millisecond, ext.Stop},
		{"pre-message/host", rules, time.Second, ext.Next},
		{"user-registering", rules, 3 * time.Second, ext.Stop},
		{"iq-get/host/urn:x:y", rules, 2 * time.Second, ext.Next},
		{"every", guest.Rules{"ever": {OnFailure: "stop"}}, 50 * time.Millisecond, ext.Next},
	} {
		post := w.guard.Load().Post(tt.point, 50*time.Millisecond, tt.rules)
		if post.Limit != tt.limit {
			t.Errorf("%s: the limit is %v, want %v", tt.point, post.Limit, tt.limit)
		}
		if got := post.Verdict(t.Context(), &points.Event{}); got != tt.stops {
			t.Errorf("%s: got %v, want %v", tt.point, got, tt.stops)
		}
	}
	for range 10 {
		w.guard.Load().Post("pre-message/host", time.Second, rules).Failed(t.Context(), errIll)
	}
	if !w.guard.Load().Suspended() {
		t.Error("failures at one point are not the guest's")
	}
}
