// SPDX-License-Identifier: Apache-2.0

package announce_test

import (
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestAnnouncementIsKeptForThoseWhoAreAway(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "announce", "ping", "offline" } admins = { "nurse@example.org" }`, modules.All...)
	s.AddUser(coretest.Domain, "juliet", coretest.Password("juliet"))
	nurse := s.Login("nurse", "hall")
	nurse.Send("<message to='example.org/announce/all' id='a'><body>The feast is over.</body></message>")
	juliet := s.Login("juliet", "balcony")
	for {
		juliet.Send("<presence type='unavailable'/><presence/>")
		for e := juliet.Next(); e.Local() == "presence"; e = juliet.Next() {
			if e.Attr("type") == "" {
				break
			}
		}
		if e, err := juliet.Try(100 * time.Millisecond); err == nil && e.Local() == "message" {
			if e.ChildText("jabber:client", "body") != "The feast is over." {
				t.Errorf("got %s", e)
			}
			return
		}
	}
}
