// SPDX-License-Identifier: Apache-2.0

package lua_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

// What is left of a module that fails is what the config says.
func TestPolicy(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		stops        bool
	}{
		{"none", "", false},
		{"pass", `lua_on_failure = { bad = "pass", good = "stop" }`, false},
		{"stop", `lua_on_failure = { bad = "stop" }`, true},
		{"critical", `modules_critical = { "bad" }`, true},
		{"another is critical", `modules_critical = { "good" }`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := serve(t, tt.config, "good", "", "bad", `module:hook("pre-message/bare", function () error("always"); end, 10);`)
			romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
			exchange(t, juliet, "<presence/>", "<presence")
			for range 12 { // it is suspended after ten
				romeo.Send("<message type='chat' to='juliet@example.org'><body>x</body></message>")
				if !tt.stops {
					juliet.Next()
					continue
				}
				if got := romeo.Next().String(); !strings.Contains(got, "<internal-server-error") {
					t.Fatalf("got %s", got)
				}
			}
			juliet.Quiet()
			romeo.Quiet()
		})
	}
}

// A module that does not start keeps the server from it only where it guards a
// door.
func TestDoesNotStart(t *testing.T) {
	for _, tt := range []struct{ name, source, config, want string }{
		{"raises", `error("no")`, "", ""},
		{"raises, and is critical", `error("not today")`, `modules_critical = { "bad" }`, "not today"},
		{"raises, is critical, and may pass", `error("not today")`, `modules_critical = { "bad" } lua_on_failure = { bad = "pass" }`, "not today"},
		{"raises, and stops", `error("not today")`, `lua_on_failure = { bad = "stop" }`, "not today"},
		{"syntax, and is critical", `x = = 1`, `modules_critical = { "bad" }`, "mod_bad.lua:1:"},
		{"starts, and is critical", ``, `modules_critical = { "bad" }`, ""},
		{"a word that is none", ``, `lua_on_failure = { bad = "halt" }`, `lua_on_failure.bad: want "pass", "stop" or "unload", got "halt"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := plugins(t, map[string]string{"bad": tt.source})
			log := filepath.Join(t.TempDir(), "log")
			s := coretest.New(t, fmt.Sprintf("log = { error = %q }", log), modules.All...)
			s.Write(fmt.Sprintf("modules_enabled = { \"bad\" }\nplugin_paths = { %q }\nbundled_plugin_paths = { }\n%s", dir, tt.config))
			plan, err := s.Reload(t.Context())
			text := fmt.Sprint(err)
			for _, p := range plan.Problems {
				text += "\n" + p.String()
			}
			if (err == nil) != (tt.want == "") || !strings.Contains(text, tt.want) {
				t.Errorf("got %q, want %q", text, tt.want)
			}
			if told, _ := os.ReadFile(log); strings.Contains(string(told), "did not end in order") {
				t.Errorf("logged: %s", told)
			}
		})
	}
}

// What is suspended is not called by its timers either, until it is loaded anew.
func TestSuspendedTimers(t *testing.T) {
	s, _ := serve(t, "", "bad", `
local st = require "util.stanza";
module:hook("pre-message/bare", function () error("always"); end, 10);
module:add_timer(0.02, function ()
	module:send(st.message({ from = module.host, to = "romeo@example.org/orchard", id = "tick" }));
	return 0.02;
end);
`)
	romeo, juliet := s.Login("romeo", "orchard"), s.Login("juliet", "balcony")
	exchange(t, juliet, "<presence/>", "<presence")
	for range 3 {
		if got := romeo.Next(); got.Attr("id") != "tick" {
			t.Fatalf("got %s", got)
		}
	}
	for range 10 {
		romeo.Send("<message type='chat' to='juliet@example.org'><body>x</body></message>")
		juliet.Next()
	}
	ticks := func() (n int) { // until an answer comes
		romeo.Send(ping)
		for romeo.Next().Attr("id") == "tick" {
			n++
		}
		return n
	}
	ticks()
	<-time.After(200 * time.Millisecond)
	if n := ticks(); n > 1 { // one may have been on its way
		t.Errorf("%d ticks of what is suspended", n)
	}
	if err := s.Env.Manager.Reload(t.Context(), "example.org", "bad"); err != nil {
		t.Fatal(err)
	}
	if got := romeo.Next(); got.Attr("id") != "tick" {
		t.Errorf("loaded anew: got %s", got)
	}
}

// Who asks for an account is refused where a module fails that guards this
// door, and while it is suspended.
func TestPolicyOfRegistration(t *testing.T) {
	for policy, want := range map[string]string{"pass": "result", "stop": "error"} {
		t.Run(policy, func(t *testing.T) {
			s, _ := serve(t, `table.insert(modules_enabled, "register") allow_registration = true lua_on_failure = { bad = "`+policy+`" }`,
				"bad", `module:hook("user-registering", function () error("always"); end);`)
			for n := range 12 { // it is suspended after ten
				c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
				c.Open()
				c.Send(fmt.Sprintf("<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>nurse%d</username><password>calliope-7</password></query></iq>", n))
				if e := c.Next(); e.Attr("type") != want {
					t.Errorf("account %d: got %s, want the type %s", n, e, want)
				}
			}
		})
	}
}

// Nobody is kept from what is only told by a module that fails, whatever is to
// be left of it.
func TestTold(t *testing.T) {
	s, _ := serve(t, `table.insert(modules_enabled, "register") table.insert(modules_enabled, "watchregistrations")
		allow_registration = true admins = { "romeo@example.org" } lua_on_failure = { bad = "stop" }`,
		"bad", `for _, name in ipairs { "user-registered", "resource-bind", "resource-unbind" } do
	module:hook(name, function () error("always"); end, 100);
end`)
	romeo := s.Login("romeo", "orchard")
	exchange(t, romeo, "<presence/>", "<presence")
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	c.Open()
	c.Send("<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>nurse</username><password>calliope-7</password></query></iq>")
	if e := c.Next(); e.Attr("type") != "result" {
		t.Fatalf("got %s", e)
	}
	if e := romeo.Next(); !strings.Contains(e.String(), "nurse") {
		t.Errorf("got %s", e)
	}
}
