// SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"slices"
	"testing"

	"tercet/core/coretest"
	"tercet/core/ext"
	"tercet/modules"
)

// TestPriorities compares where our handlers stand with where Prosody's do:
// modules written for it choose their places by them.
func TestPriorities(t *testing.T) {
	s := coretest.New(t, `modules_enabled = { "disco", "roster", "blocklist", "carbons", "mam", "offline", "smacks", "csi_simple", "caps", "motd", "lastactivity" }
motd_text = "x"
`, modules.All...)
	all := s.Host(coretest.Domain).Table.Describe()
	at := func(point, module string) (prios []float64) {
		for _, a := range all {
			if a.Point == point && a.Owner == module {
				prios = append(prios, a.Prio)
			}
		}
		return prios
	}
	for _, c := range []struct {
		point, module string
		want          []float64
	}{
		{"message/full", "blocklist", []float64{100}},
		{"message/full", "mam", []float64{0}},
		{"message/full", "carbons", []float64{-0.5}},
		{"message/full", "message", []float64{-1}},
		{"message/bare", "blocklist", []float64{100}},
		{"message/bare", "mam", []float64{0}},
		{"message/bare", "carbons", []float64{-0.5}},
		{"message/bare", "message", []float64{-1}},
		{"pre-message/full", "blocklist", []float64{100}},
		{"pre-message/full", "mam", []float64{0, -1}},
		{"pre-message/full", "carbons", []float64{-0.5}},
		{"pre-message/bare", "blocklist", []float64{100}},
		{"pre-message/bare", "mam", []float64{0, -1}},
		{"pre-message/bare", "carbons", []float64{-0.5}},
		{"pre-message/host", "blocklist", []float64{100}},
		{"pre-message/host", "carbons", []float64{-0.5}},
		{"presence/full", "blocklist", []float64{100}},
		{"presence/full", "presence", []float64{0}},
		{"presence/bare", "blocklist", []float64{100}},
		{"presence/bare", "presence", []float64{0}},
		{"presence/host", "presence", []float64{0}},
		{"pre-presence/full", "blocklist", []float64{100}},
		{"pre-presence/full", "presence", []float64{0}},
		{"pre-presence/bare", "blocklist", []float64{100, -1}}, // 100 is for requests to subscribe
		{"pre-presence/bare", "presence", []float64{0}},
		{"pre-presence/bare", "lastactivity", []float64{10}},
		{"pre-presence/host", "blocklist", []float64{-1}},
		{"pre-presence/host", "presence", []float64{0}},
		{"iq/full", "blocklist", []float64{100}},
		{"iq/full", "iq", []float64{-1}},
		{"iq/bare", "blocklist", []float64{100}},
		{"iq/bare", "iq", []float64{0}},
		{"iq/host", "iq", []float64{0}},
		{"pre-iq/full", "blocklist", []float64{100}},
		{"pre-iq/bare", "blocklist", []float64{100}},
		{"pre-iq/host", "blocklist", []float64{100}},
		{"message/offline/handle", "offline", []float64{-1}},
		{"message/offline/handle", "mam", []float64{-2}},
		{"message/offline/broadcast", "mam", []float64{0}},
		{"message/offline/broadcast", "offline", []float64{-1}},
		{"presence/initial", "motd", []float64{1}},
	} {
		if got := at(c.point, c.module); !slices.Equal(got, c.want) {
			t.Errorf("%s of %s: got %v, want %v", c.point, c.module, got, c.want)
		}
	}
	checkOrder(t, all)
}

// checkOrder finds handlers that would not run in the order of priorities.
func checkOrder(t *testing.T, all []ext.Attachment) {
	t.Helper()
	last := make(map[[2]string]float64)
	for _, a := range all {
		k := [2]string{a.Point, a.Key}
		if before, ok := last[k]; ok && a.Prio > before {
			t.Errorf("%s %s: %v runs behind %v", a.Point, a.Key, a.Prio, before)
		}
		last[k] = a.Prio
	}
}
