// SPDX-License-Identifier: Apache-2.0

package mam_test

import (
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

// BenchmarkPage is a page of 50 short messages, from the query to its end, the
// client's part of the work included; the archive is in memory.
func BenchmarkPage(b *testing.B) {
	s := coretest.New(b, config, modules.All...)
	romeo := s.Login("romeo", "orchard")
	a := shelf(b, s)
	for range 1000 {
		put(b, a, "juliet@example.org/balcony", "m", time.Now())
	}
	for name, set := range map[string]string{"first": "<max>50</max>", "last": "<max>50</max><before/>"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := ask(b, romeo, rsm(set)); len(got.ids) != 50 {
					b.Fatalf("%d messages", len(got.ids))
				}
			}
		})
	}
}
