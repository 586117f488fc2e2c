// SPDX-License-Identifier: Apache-2.0

package time_test

import (
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

func TestScripts(t *testing.T) { coretest.Scripts(t, modules.All...) }

func TestTimeIsNow(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "time" }`, modules.All...)
	c := s.Login("romeo", "orchard")
	c.Send("<iq type='get' id='t' to='example.org'><time xmlns='urn:xmpp:time'/></iq>")
	e := c.Next().First()
	utc, err := time.Parse("2006-01-02T15:04:05Z", e.ChildText("urn:xmpp:time", "utc"))
	if err != nil || time.Since(utc).Abs() > time.Minute {
		t.Errorf("utc is %v (%v), now is %v", utc, err, time.Now())
	}
	if _, err := time.Parse("-07:00", e.ChildText("urn:xmpp:time", "tzo")); err != nil {
		t.Error(err)
	}
}
