// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// answers is a module in Lua that answers pings, as that of Prosody does.
const answers = `local st = require "util.stanza";
module:hook("iq-get/host/urn:xmpp:ping:ping", function (event)
	event.origin.send(st.reply(event.stanza));
	return true;
end);
`

// BenchmarkPing is what a ping costs the server, one at a time over TLS: the
// system calls of a session that nothing else goes on in, and who answers it.
func BenchmarkPing(b *testing.B) {
	for _, who := range []string{"native", "lua"} {
		b.Run(who, func(b *testing.B) {
			s := stoppedServer(b, everyday)
			if who == "lua" {
				if err := os.WriteFile(filepath.Join(s.dir, "mod_ping.lua"), []byte(answers), 0o600); err != nil {
					b.Fatal(err)
				}
				s.write(everyday + "plugin_paths = { \".\" }\nforce_lua_modules = { \"ping\" }\n")
			}
			s.start()
			s.says("all commands")
			romeo := s.login(b, "romeo", "orchard")
			ping := func(n int) {
				id := fmt.Sprintf("p%d", n)
				romeo.Send("<iq type='get' id='" + id + "' to='" + s.domain + "'><ping xmlns='urn:xmpp:ping'/></iq>")
				if answer := romeo.Next(); answer.Attr("id") != id || answer.Attr("type") != "result" {
					b.Fatalf("the answer is %s", answer)
				}
			}
			for n := range 2000 {
				ping(n)
			}
			before, n := s.cpu(b), 0
			for b.Loop() {
				ping(n)
				n++
			}
			b.ReportMetric(float64((s.cpu(b)-before).Nanoseconds())/1e3/float64(n), "server-us/op")
		})
	}
}

// cpu is how long the process has had a processor.
func (s *server) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var t unix.Timespec
	// The clock of a process is made of its number (CPUCLOCK_SCHED).
	if err := unix.ClockGettime(int32(^s.cmd.Process.Pid<<3|2), &t); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(t.Nano())
}
