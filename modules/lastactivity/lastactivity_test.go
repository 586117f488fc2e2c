// SPDX-License-Identifier: Apache-2.0

package lastactivity_test

import (
	"strings"
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestLastWordsAreStoredAndSurviveAReload(t *testing.T) {
	const config = `modules_enabled = { "lastactivity", "roster", "ping" }`
	s := coretest.New(t, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	romeo.Send("<presence/>")
	romeo.Next()
	romeo.Send("<presence type='unavailable'><status>Good night</status></presence>")
	ask := func() string {
		romeo.Send("<iq type='get' id='l'><query xmlns='jabber:iq:last'/></iq>")
		for {
			if e := romeo.Next(); e.Local() == "iq" {
				return e.String()
			}
		}
	}
	coretest.Eventually(t, "the last words are told", func() bool { return strings.Contains(ask(), "Good night") })
	if err := s.Env.Manager.Reload(t.Context(), coretest.Domain, "lastactivity"); err != nil {
		t.Fatal(err)
	}
	if got := ask(); !strings.Contains(got, "Good night") {
		t.Errorf("after a reload: %s", got)
	}
}
