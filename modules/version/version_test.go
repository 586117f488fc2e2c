// SPDX-License-Identifier: Apache-2.0

package version_test

import (
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestCommandThatFailsIsNoFailure(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "version" } os_version_command = "exit 3"`, modules.All...)
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='v' to='example.org'><query xmlns='jabber:iq:version'/></iq>")
	if got := c.Next().String(); !strings.Contains(got, "<os>Linux</os>") {
		t.Errorf("got %s, want the system's name", got)
	}
}

func TestCommandWhoseOutputIsHeldIsGivenUp(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "version" } os_version_command = "sleep 60 & printf %01000d 7"`, modules.All...)
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='v' to='example.org'><query xmlns='jabber:iq:version'/></iq>")
	if got := c.Next().First().ChildText("jabber:iq:version", "os"); len(got) > 200 {
		t.Errorf("%d bytes are told, want 200 at most", len(got))
	}
}
