// SPDX-License-Identifier: Apache-2.0

package external_test

import (
	"testing"

	"tercet/core/coretest"
	"tercet/modules"
)

// What a question costs: by the plugin to a script that does nothing but
// compare, beside the server's own accounts, with a password that is
// remembered and one that has to be hashed.
func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct {
		name, lua, password string
		want                bool
	}{
		{"external", external + scripted() + "external_auth_processes = 1\n", right, true},
		{"internal, remembered", "", right, true},
		{"internal, wrong", "", "wrong", false},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := coretest.New(b, c.lua, modules.All...)
			s.AddUser(coretest.Domain, "romeo", right)
			a := accountsOf(s)
			if _, err := a.Check(b.Context(), "romeo", c.password); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if yes, err := a.Check(b.Context(), "romeo", c.password); yes != c.want || err != nil {
					b.Fatal(yes, err)
				}
			}
		})
	}
}

// Many at once.
func BenchmarkCheckParallel(b *testing.B) {
	a := accountsOf(coretest.New(b, external+scripted(), modules.All...))
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if yes, err := a.Check(b.Context(), "romeo", right); !yes || err != nil {
				b.Error(yes, err)
				return
			}
		}
	})
}

// A login by PLAIN over TLS, with the connection.
func BenchmarkLogin(b *testing.B) {
	for _, c := range []struct{ name, lua string }{
		{"external", external + scripted()},
		{"internal", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, dial := secured(b, c.lua)
			s.AddUser(coretest.Domain, "romeo", right)
			for b.Loop() {
				c := dial()
				c.Open()
				if got := try(c, "romeo", right); got != "success" {
					b.Fatal(got)
				}
				_ = c.Conn.Close() // the stream ends
			}
		})
	}
}
