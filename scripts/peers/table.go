// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// parts are the names of those scenarios that share a row.
var parts = map[string]string{
	"presence-on": "arrival", "presence": "update", "mam-fill": "fill", "mam-last": "last 50", "mam-walk": "walk",
	"offline-store": "store", "offline-drain": "drain", "idle-login": "login", "idle": "rest",
}

func (k key) String() string {
	if p := parts[k.scenario]; p != "" {
		return k.row + ": " + p
	}
	return k.row
}

// noisy is how many cores others may use before a run proves nothing.
const noisy = 0.25

func printTable(w io.Writer, file string) error {
	rs, err := read(file)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, rs.table()+"\n"+rs.summary())
	return err
}

// columns are the servers: ours, the peers, the reference.
func (rs *results) columns() []string {
	var peers []string
	for _, s := range rs.servers {
		if s != ours && s != reference {
			peers = append(peers, s)
		}
	}
	slices.Sort(peers)
	return append(append([]string{ours}, peers...), reference)
}

func (rs *results) table() string {
	out := &strings.Builder{}
	columns := rs.columns()
	out.WriteString("| scenario | unit |")
	for _, s := range columns {
		name := s
		if s == reference {
			name = "TLS echo"
		}
		if rs.meta != nil && rs.meta.Versions[s] != "" {
			name += " " + rs.meta.Versions[s]
		}
		out.WriteString(" " + name + " |")
	}
	out.WriteString(" best peer / ours | ours / echo | goal |\n|" + strings.Repeat("---|", len(columns)+5) + "\n")
	for _, k := range rs.keys {
		of := rs.runs[k]
		fmt.Fprintf(out, "| %s | %s |", k, unit(of))
		for _, s := range columns {
			fmt.Fprintf(out, " %s |", of[s].cell(k.measure()))
		}
		fmt.Fprintf(out, " %s | %s | %s |\n", peerRatio(of, k.measure()), echoRatio(of, k.measure()), verdict(k, of))
	}
	return out.String()
}

func unit(of map[string]runs) string {
	for _, s := range slices.Sorted(maps.Keys(of)) {
		for _, r := range of[s] {
			if r.Unit != "" {
				return r.Unit
			}
		}
	}
	return ""
}

func peerRatio(of map[string]runs, m measure) string {
	return ratio(best(of, m), of[ours].valid().median(m.of))
}

func echoRatio(of map[string]runs, m measure) string {
	return ratio(of[ours].valid().median(m.of), of[reference].valid().median(m.of))
}

// ratio of two figures of which neither may be missing.
func ratio(a, b float64) string {
	if a <= 0 || b <= 0 {
		return "–"
	}
	return number(a/b) + " ×"
}

func verdict(k key, of map[string]runs) string {
	g, ok := goalOf(k)
	if !ok {
		return "–"
	}
	_, text, _ := g.over(of, k.measure())
	return text
}

// cell: the measure; rate; latency; memory; range if wide; void runs.
func (rs runs) cell(m measure) string {
	if len(rs) == 0 {
		return "–"
	}
	v := rs.valid()
	void := ""
	if n := len(rs) - len(v); n > 0 {
		void = fmt.Sprintf("**void: %d of %d**", n, len(rs))
	}
	if len(v) == 0 {
		return void
	}
	values := v.values(m.of)
	out := []string{"**" + number(median(values)) + " " + m.unit + "**"}
	if low, high := values[0], values[len(values)-1]; low > 0 && high > 1.2*low {
		out[0] += " (" + number(low) + "–" + number(high) + ")"
	}
	if x := v.median(cpu.of); m.unit != cpu.unit && x > 0 && rs[0].Scenario == "slow" {
		out = append(out, number(x)+" µs")
	}
	if x := v.median(func(r *record) float64 { return r.Rate }); x > 0 && rs[0].Scenario != "idle" {
		out = append(out, number(x)+"/s")
	}
	if x := v.median(p99.of); x > 0 {
		out = append(out, fmt.Sprintf("p50 %s p99 %s ms", number(v.median(func(r *record) float64 { return r.P50 / 1e3 })), number(x)))
	}
	if rs[0].Scenario == "slow" {
		out = append(out, "p99 "+number(v.median(extra("p99_ms_all_read")))+" ms if all read",
			number(v.median(extra("pss_mib_grown")))+" MiB grown")
	}
	if x := v.median(pss.of); x > 0 {
		out = append(out, number(x)+" MiB")
	}
	if void != "" {
		out = append(out, void)
	}
	return strings.Join(out, "; ")
}

// summary: where it was measured, how many goals are met, what was void and
// whether the machine was quiet.
func (rs *results) summary() string {
	out := &strings.Builder{}
	if m := rs.meta; m != nil {
		fmt.Fprintf(out, "%s; %d × %s, %s; %s, kernel %s.\n", m.Date, m.Cores, m.CPU, m.Memory, m.System, m.Kernel)
		if len(m.Settings) > 0 {
			fmt.Fprintf(out, "With %s.\n", strings.Join(m.Settings, ", "))
		}
	}
	var met, all int
	var worst float64
	var which key
	var others []float64
	var void []string
	for _, k := range rs.keys {
		for _, s := range rs.columns() {
			list := rs.runs[k][s]
			if n := len(list) - len(list.valid()); n > 0 {
				void = append(void, fmt.Sprintf("%s on %s (%d of %d)", k, s, n, len(list)))
			}
			for _, r := range list.valid() {
				others = append(others, r.Other)
			}
		}
		g, ok := goalOf(k)
		if !ok {
			continue
		}
		all++
		x, _, ok := g.over(rs.runs[k], k.measure())
		if ok && x <= 1 {
			met++
		}
		if x > worst {
			worst, which = x, k
		}
	}
	fmt.Fprintf(out, "Goals met: %d of %d lines", met, all)
	if worst > 1 {
		fmt.Fprintf(out, "; the worst misses by %.2f times (%s)", worst, which)
	}
	out.WriteString(".\n")
	if len(void) > 0 {
		fmt.Fprintf(out, "Void, since sent × fan-out was not received: %s.\n", strings.Join(void, ", "))
	}
	slices.Sort(others)
	if n := len(others); n > 0 {
		fmt.Fprintf(out, "Others used %s cores (median), %s at most.\n", number(median(others)), number(others[n-1]))
		if median(others) > noisy {
			out.WriteString("**The machine was not quiet: no claim can be made of this run.**\n")
		}
	}
	return out.String()
}

// number prints three digits that count.
func number(x float64) string {
	if x >= 100 || x <= -100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	s := strconv.FormatFloat(x, 'g', 3, 64)
	if strings.Contains(s, "e") {
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return s
}
