// SPDX-License-Identifier: Apache-2.0

package vcard_test

import (
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestSizeIsBounded(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "vcard" } vcard_max_size = 4096`, modules.All...)
	c := s.Login("romeo", "orchard")
	for size, want := range map[int]string{3000: "result", 5000: "error"} {
		c.Send("<iq type='set' id='v'><vCard xmlns='vcard-temp'><DESC>" + strings.Repeat("x", size) + "</DESC></vCard></iq>")
		if e := c.Next(); e.Attr("type") != want {
			t.Errorf("%d bytes: got %s, want %s", size, e, want)
		}
	}
}

func TestStoreHasTheNameThatTheConfigSays(t *testing.T) {
	const two = `modules_enabled = { "vcard" } vcard_store_name = "cards"`
	s := coretest.New(t, two, modules.All...)
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>Romeo</FN></vCard></iq>")
	c.Next()
	s.Reconfigure(`modules_enabled = { "vcard" }`)
	c.Send("<iq type='get' id='v'><vCard xmlns='vcard-temp'/></iq>")
	if got := c.Next().String(); strings.Contains(got, "Romeo") {
		t.Errorf("another store has the card, too: %s", got)
	}
	s.Reconfigure(two)
	c.Send("<iq type='get' id='v'><vCard xmlns='vcard-temp'/></iq>")
	if got := c.Next().String(); !strings.Contains(got, "Romeo") {
		t.Errorf("the card is gone: %s", got)
	}
}
