// SPDX-License-Identifier: Apache-2.0

package private_test

import (
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestSizeIsBounded(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "private" } private_max_size = 2048`, modules.All...)
	c := s.Login("romeo", "orchard")
	for size, want := range map[int]string{1000: "result", 3000: "error"} {
		c.Send("<iq type='set' id='p'><query xmlns='jabber:iq:private'><a xmlns='urn:a'>" + strings.Repeat("x", size) + "</a></query></iq>")
		if e := c.Next(); e.Attr("type") != want {
			t.Errorf("%d bytes: got %s, want %s", size, e, want)
		}
	}
}
