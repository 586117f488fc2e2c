// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// The labels that are not peers.
const (
	ours      = "tercet"
	reference = "echo"
)

// measure is what a row is compared by: less is better.
type measure struct {
	unit string
	of   func(*record) float64
}

func extra(name string) func(*record) float64 {
	return func(r *record) float64 { return r.Extra[name] }
}

var (
	cpu = measure{"µs", func(r *record) float64 { return r.CPU }}
	p99 = measure{"ms p99", func(r *record) float64 { return r.P99 / 1e3 }}
	pss = measure{"MiB", func(r *record) float64 { return r.PSS }}
	// By scenario, if not the server's CPU.
	measures = map[string]measure{
		"start": {"ms", extra("start_ms")},
		"idle":  {"KiB", extra("pss_kib_per_session")},
		"slow":  p99,
	}
)

// of is the measure of a line.
func (k key) measure() measure {
	if m, ok := measures[k.scenario]; ok {
		return m
	}
	return cpu
}

// goal is what a line shall reach.
type goal struct {
	limit  float64 // in the unit of the line's measure
	ratio  float64 // best peer / ours
	more   measure // a second figure, with
	within float64 // its limit
}

// goalOf finds the goal of a line, if it has one.
func goalOf(k key) (goal, bool) {
	word, _, _ := strings.Cut(k.row, " ")
	switch {
	case word == "start":
		return goal{limit: 100, ratio: 1, more: pss, within: 30}, true
	case word == "login":
		return goal{limit: 500, ratio: 5}, true
	case k.row == "chat full 1" || k.row == "chat bare 1":
		return goal{limit: 13, ratio: 8}, true
	case strings.HasPrefix(k.row, "chat full ") || strings.HasPrefix(k.row, "chat bare "):
		return goal{limit: 5, ratio: 20}, true
	case k.row == "paced 500/s":
		return goal{limit: 90, ratio: 4, more: p99, within: 2}, true
	case word == "presence":
		return goal{limit: 5, ratio: 12}, true
	case word == "archive" && k.row != "archive sm":
		return goal{limit: 60, ratio: 35}, true
	case k.scenario == "mam-last" || k.scenario == "mam-walk":
		return goal{limit: 800, ratio: 7}, true
	case k.scenario == "offline-store":
		return goal{limit: 60, ratio: 40}, true
	case k.scenario == "offline-drain":
		return goal{limit: 20, ratio: 5}, true
	case k.row == "idle 1" && k.scenario == "idle":
		return goal{limit: 12, ratio: 4}, true
	}
	return goal{}, false
}

// best is the least of the peers' medians; 0 if no peer has a valid run. A
// figure that is not above 0 was too small to be measured.
func best(of map[string]runs, m measure) float64 {
	var least float64
	for server, rs := range of {
		if v := rs.valid(); server != ours && server != reference && len(v) > 0 {
			if x := v.median(m.of); x > 0 && (least == 0 || x < least) {
				least = x
			}
		}
	}
	return least
}

// over is how many times worse than its goal the worst of a line's figures
// is; up to 1 it is met. Without a valid run of ours, or of a peer, ok is false.
func (g goal) over(of map[string]runs, m measure) (worst float64, text string, ok bool) {
	valid := of[ours].valid()
	if len(valid) == 0 {
		return 0, "void", false
	}
	var parts []string
	judge := func(x float64, what string) {
		worst = max(worst, x)
		if x <= 1 {
			parts = append(parts, what+" met")
		} else {
			parts = append(parts, fmt.Sprintf("%s **missed**, %.2f times", what, x))
		}
	}
	cost := valid.median(m.of)
	if cost <= 0 {
		return 0, "too small to be measured", false
	}
	judge(cost/g.limit, number(g.limit)+" "+m.unit)
	if peer := best(of, m); peer > 0 {
		judge(g.ratio*cost/peer, number(g.ratio)+" × less")
		ok = true
	} else {
		parts = append(parts, number(g.ratio)+" × less: no peer")
	}
	if g.within > 0 {
		judge(valid.median(g.more.of)/g.within, number(g.within)+" "+g.more.unit)
	}
	return worst, strings.Join(parts, "; "), ok
}
