// SPDX-License-Identifier: Apache-2.0

package uptime_test

import (
	"strconv"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestReloadDoesNotStartAnew(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "uptime" }`, modules.All...)
	s.Env.Started = time.Now().Add(-time.Hour)
	if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "uptime"); err != nil {
		t.Fatal(err)
	}
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='u' to='example.org'><query xmlns='jabber:iq:last'/></iq>")
	n, err := strconv.Atoi(c.Next().First().Attr("seconds"))
	if err != nil || n < 3600 || n > 3700 {
		t.Errorf("up for %d s (%v), want an hour", n, err)
	}
}

func TestCommand(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "uptime" }`, modules.All...)
	c := s.Login("romeo", "orchard")
	for up, want := range map[time.Duration]string{
		0:                             "0 days, 0 hours and 0 minutes",
		25*time.Hour + 61*time.Second: "1 day, 1 hour and 1 minute",
		49*time.Hour + 3*time.Minute:  "2 days, 1 hour and 3 minutes",
	} {
		s.Env.Started = time.Now().Add(-up)
		c.Send("<iq type='set' id='u' to='example.org'><command xmlns='http://jabber.org/protocol/commands' node='uptime'/></iq>")
		got := c.Next().First().ChildText("http://jabber.org/protocol/commands", "note")
		if want := "This server has been running for " + want + " (since " + s.Env.Started.Format("Mon Jan _2 15:04:05 2006") + ")"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
