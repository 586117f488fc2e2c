// SPDX-License-Identifier: Apache-2.0

package motd_test

import (
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestNoTextNoMessage(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "motd", "ping" }`, modules.All...)
	c := s.Login("romeo", "orchard")
	c.Send("<presence/>")
	c.Next() // its own presence
	c.Quiet()
}

// What an admin has set and deleted leaves nothing, and has a bound.
func TestCommandsWithoutAText(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "motd", "adhoc", "ping" } admins = { "nurse@example.org" }`, modules.All...)
	nurse := s.Login("nurse", "hall")
	run := func(what, text string) string {
		nurse.Send("<iq type='set' id='m' to='example.org'><command xmlns='http://jabber.org/protocol/commands' node='http://jabber.org/protocol/admin#" + what +
			"-motd'><x xmlns='jabber:x:data' type='submit'><field var='motd'><value>" + text + "</value></field></x></command></iq>")
		return nurse.Next().String()
	}
	if got := run("set", strings.Repeat("x", 16<<10+1)); !strings.Contains(got, "bad-payload") {
		t.Errorf("got %s", got)
	}
	if got := run("set", "&lt;b&gt;"); !strings.Contains(got, "is set") {
		t.Errorf("got %s", got)
	}
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<presence/>")
	for range 2 {
		if e := romeo.Next(); e.Local() == "message" && e.ChildText("jabber:client", "body") != "<b>" {
			t.Errorf("got %s", e)
		}
	}
	if got := run("delete", ""); !strings.Contains(got, "is deleted") {
		t.Errorf("got %s", got)
	}
	juliet := s.Login("juliet", "balcony")
	juliet.Send("<presence/>")
	juliet.Next() // its own presence
	juliet.Quiet()
}
