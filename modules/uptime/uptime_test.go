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
