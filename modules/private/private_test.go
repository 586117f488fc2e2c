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

func TestNumberIsBounded(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "private" } private_max_elements = 2`, modules.All...)
	c := s.Login("romeo", "orchard")
	for _, step := range []struct{ inner, want string }{
		{"<a xmlns='urn:1'>x</a><a xmlns='urn:2'>x</a>", "result"},
		{"<a xmlns='urn:3'>x</a>", "error"},
		{"<a xmlns='urn:2'>changed</a>", "result"},
		{"<a xmlns='urn:1'/>", "result"}, // takes one away
		{"<a xmlns='urn:3'>x</a>", "result"},
		{"<a xmlns='urn:4'>x</a>", "error"},
	} {
		c.Send("<iq type='set' id='p'><query xmlns='jabber:iq:private'>" + step.inner + "</query></iq>")
		if e := c.Next(); e.Attr("type") != step.want {
			t.Errorf("%s: got %s, want %s", step.inner, e, step.want)
		}
	}
}
