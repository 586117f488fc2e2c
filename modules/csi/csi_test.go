// SPDX-License-Identifier: Apache-2.0

package csi_test

import (
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestFeatureIsOfferedAfterLogin(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "csi" }`, modules.All...)
	s.AddUser(coretest.Domain, "romeo", coretest.Password("romeo"))
	c := coretest.NewClient(t, s.Dial("c2s"), coretest.Domain)
	f := c.Plain("romeo", coretest.Password("romeo"))
	if f.Child("urn:xmpp:csi:0", "csi").IsZero() {
		t.Errorf("features are %s, want csi", f)
	}
}
