// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"fmt"
	"syscall"
	"testing"

	"tercet/core/coretest"
	"tercet/modules/guest/guesttest"
)

// Whatever a process does, or is done to it, it is named in the log, and
// others get their messages meanwhile.
func TestNamed(t *testing.T) {
	for _, tt := range []struct {
		name, limit, want string
		hurt              func(t *testing.T, pid string)
	}{
		{"killed", "5s", "it has ended: signal: killed", func(t *testing.T, pid string) { t.Helper(); signal(t, pid, syscall.SIGKILL) }},
		{"stopped", "100ms", "no answer within the limit", func(t *testing.T, pid string) { t.Helper(); signal(t, pid, syscall.SIGSTOP) }},
		{"nothing", "100ms", "no answer within the limit", nil},
		{"dies", "5s", "it has ended: exit status 4", nil},
		{"garbage", "5s", "reply: malformed", nil},
		{"large", "5s", "too large", nil},
		{"huge", "5s", "larger than max", nil},
		{"verdict", "5s", "verdict 7", nil},
		{"failed", "5s", "it failed: on", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := guesttest.NewLog(t)
			w := newWorld(t, tt.name, "limit = '"+tt.limit+"'", log.Option("warn"))
			nurse, peter := w.Login("nurse", "hall"), w.Login("peter", "street")
			if tt.hurt != nil {
				tt.hurt(t, w.asks(t))
			}
			w.romeo.Send("<message type='chat' to='juliet@example.org' id='m'><body>hello</body></message>")
			for i := range 5 { // to a session: the guest has no part in it
				nurse.Send(fmt.Sprintf("<message type='chat' id='o%d' to='%s'><body>calm</body></message>", i, peter.JID))
				if e := peter.Next(); e.Attr("id") != fmt.Sprint("o", i) {
					t.Errorf("another stream got %s", e)
				}
			}
			if e := w.juliet.Next(); e.Attr("id") != "m" {
				t.Errorf("got %s", e)
			}
			coretest.Eventually(t, "it is named", func() bool { return len(log.Lines("example.org:probe", tt.want)) > 0 })
			if n := len(log.Lines("guest failed", "example.org:probe")); n != 1 {
				t.Errorf("%d lines say so", n)
			}
		})
	}
}
