// SPDX-License-Identifier: Apache-2.0

package admin_adhoc_test

import (
	"context"
	"strings"
	"testing"

	"tercet/core/auth"
	"tercet/core/coretest"
	"tercet/core/element"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/modules"
	"tercet/modules/adhoc"
)

const (
	config   = `modules_enabled = { "admin_adhoc", "disco", "ping" } admins = { "nurse@example.org" }` + "\n"
	shutdown = "http://jabber.org/protocol/admin#shutdown"
	reload   = "http://prosody.im/protocol/config#reload"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

// run submits a form at once, with pairs of names and values.
func run(c *coretest.Client, node string, fields ...string) element.Element {
	x := element.New("jabber:x:data", "x").Attr("type", "submit")
	for i := 0; i+1 < len(fields); i += 2 {
		x.Open("jabber:x:data", "field").Attr("var", fields[i]).TextChild("jabber:x:data", "value", fields[i+1]).Close()
	}
	c.Send("<iq type='set' id='r' to='example.org'><command xmlns='" + adhoc.NS + "' node='" + node + "'>" + x.Element().String() + "</command></iq>")
	for {
		if e := c.Next(); e.Attr("id") == "r" {
			return e
		}
	}
}

// notes are the notes of an answer, by their kinds.
func notes(iq element.Element) map[string]string {
	all := make(map[string]string)
	for e := range iq.First().Children() {
		if e.Local() == "note" {
			all[e.Attr("type")] += e.Text()
		}
	}
	return all
}

func TestShutdown(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	nurse, romeo := s.Login("nurse", "hall"), s.Login("romeo", "orchard")
	romeo.Send("<presence/>")
	romeo.Next()
	if got := run(nurse, shutdown, "delay", "1"); got.Attr("type") != "error" {
		t.Errorf("a delay that was not offered: got %s", got)
	}
	if got := notes(run(nurse, shutdown, "delay", "5", "announcement", "Good night.")); got["info"] != "Server is about to shut down" {
		t.Errorf("got %q", got)
	}
	if e := romeo.Next(); e.ChildText(element.NSClient, "body") != "Good night." || e.ChildText(element.NSClient, "subject") != "Server is shutting down" {
		t.Errorf("got %s", e)
	}
	if cause := romeo.Ended(); !strings.Contains(cause.String(), "system-shutdown") {
		t.Errorf("ended by %s", cause)
	}
}

func TestReloadTellsWhatIsWrong(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	nurse := s.Login("nurse", "hall")
	s.Write(config + "adhoc_max_sessions = \"many\"\n")
	got := notes(run(nurse, reload))
	if !strings.Contains(got["error"], "Failed to reload config") || !strings.Contains(got["warn"], "adhoc_max_sessions") || got["info"] != "" {
		t.Errorf("got %q", got)
	}
	s.Write(strings.Replace(config, `"ping"`, `"ping", "version"`, 1))
	if got := notes(run(nurse, reload)); got["info"] != "Configuration reloaded" || got["error"] != "" {
		t.Errorf("got %q", got)
	}
	nurse.Send("<iq type='get' id='v' to='example.org'><query xmlns='jabber:iq:version'/></iq>")
	if e := nurse.Next(); e.Attr("type") != "result" {
		t.Errorf("the config that was reloaded is not in force: %s", e)
	}
}

// The modules hear of what an admin does to accounts, and from where.
func TestModulesAreTold(t *testing.T) {
	var told []string
	watch := module.Define("watch", module.OnHost, struct{}{}, func(s *module.Scope, _ struct{}) error {
		for name, hook := range map[string]ext.Hook[auth.AccountEvent]{"made": auth.Registered, "changed": auth.PasswordChanged, "gone": auth.Deleted} {
			hook.Handle(s, 0, func(_ context.Context, ev *auth.AccountEvent) ext.Verdict {
				told = append(told, name+" "+ev.User+" "+ev.Source+" "+ev.Remote.String())
				return ext.Next
			})
		}
		return nil
	})
	s := coretest.New(t, strings.Replace(config, `"ping"`, `"ping", "watch"`, 1), append(modules.All, watch)...)
	nurse := s.Login("nurse", "hall")
	const admin = "http://jabber.org/protocol/admin#"
	run(nurse, admin+"add-user", "accountjid", "peter@example.org", "password", coretest.Password("peter"), "password-verify", coretest.Password("peter"))
	peter := s.Login("peter", "r")
	run(nurse, admin+"change-user-password", "accountjid", "peter@example.org", "password", "b")
	peter.Ended()
	run(nurse, admin+"delete-user", "accountjids", "peter@example.org")
	const want = "made peter adhoc 127.0.0.1, changed peter adhoc 127.0.0.1, gone peter adhoc 127.0.0.1"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An admin who changes the own password keeps the session.
func TestOwnPassword(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	nurse, other := s.Login("nurse", "hall"), s.Login("nurse", "home")
	got := notes(run(nurse, "http://jabber.org/protocol/admin#change-user-password", "accountjid", "nurse@example.org", "password", "b"))
	if got["info"] != "Password successfully changed" {
		t.Errorf("got %q", got)
	}
	other.Ended()
	nurse.Quiet()
}

func TestPasswordsThatCannotBe(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	nurse := s.Login("nurse", "hall")
	long := strings.Repeat("p", 2000)
	got := notes(run(nurse, "http://jabber.org/protocol/admin#add-user", "accountjid", "peter@example.org", "password", long, "password-verify", long))
	if got["error"] != "This password cannot be used" {
		t.Errorf("got %q", got)
	}
}

// Lists end somewhere, and say so.
func TestListsAreCut(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	nurse := s.Login("nurse", "hall")
	for i := range 26 {
		s.AddUser(coretest.Domain, "user"+string(rune('a'+i%26))+string(rune('a'+i/26)), "p")
	}
	e := run(nurse, "http://jabber.org/protocol/admin#get-registered-users-list")
	n := 0
	for f := range e.First().First().Children() {
		if f.Attr("var") == "registereduserjids" {
			for range f.Children() {
				n++
			}
		}
	}
	if n != 25 || notes(e)["info"] != "There are more." {
		t.Errorf("%d accounts are listed, %q", n, notes(e))
	}
	if got := notes(run(nurse, "http://jabber.org/protocol/admin#get-registered-users-list", "max_items", "50")); got["info"] != "" {
		t.Errorf("got %q", got)
	}
}

// A module may be unloaded by the command that it has: that is answered.
func TestUnloadItself(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	nurse := s.Login("nurse", "hall")
	got := notes(run(nurse, "http://prosody.im/protocol/modules#unload", "modules", "admin_adhoc"))
	if !strings.Contains(got["info"], "admin_adhoc on example.org") {
		t.Errorf("got %q", got)
	}
	if e := run(nurse, reload); e.Attr("type") != "error" {
		t.Errorf("it is still there: %s", e)
	}
}
