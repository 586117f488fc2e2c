// SPDX-License-Identifier: Apache-2.0

package motd_test

import (
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
