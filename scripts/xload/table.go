// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// runs are the repetitions of one scenario on one server.
type runs []*result

func (rs runs) median(fn func(*result) float64) float64 {
	v := make([]float64, len(rs))
	for i, r := range rs {
		v[i] = fn(r)
	}
	return median(v)
}

// table prints the medians of a results file as Markdown: a row per
// scenario, a column per server. One cell: server CPU µs per unit, units
// per second, p50/p99 in ms, loadgen µs; "!" marks lost or failed ones.
func table(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read results: %w", err)
	}
	defer func() { _ = f.Close() }()
	var rows, servers []string
	cells := map[[2]string]runs{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		r := &result{}
		if json.Unmarshal(lines.Bytes(), r) != nil {
			continue
		}
		row := r.Scenario + " | " + r.Params + " | " + r.Unit
		if !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
		if !slices.Contains(servers, r.Label) {
			servers = append(servers, r.Label)
		}
		key := [2]string{row, r.Label}
		cells[key] = append(cells[key], r)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read results: %w", err)
	}
	out := &strings.Builder{}
	fmt.Fprintf(out, "| scenario | parameters | unit | %s |\n|---|---|---|%s\n", strings.Join(servers, " | "), strings.Repeat("---|", len(servers)))
	for _, row := range rows {
		fmt.Fprintf(out, "| %s |", row)
		for _, s := range servers {
			fmt.Fprintf(out, " %s |", cells[[2]string{row, s}].cell())
		}
		out.WriteByte('\n')
	}
	_, err = io.WriteString(w, out.String())
	return err
}

func (rs runs) cell() string {
	if len(rs) == 0 {
		return "–"
	}
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if rs[0].WallS > 0 && rs[0].Scenario != "idle" {
		add("**%.1f µs**, %.0f/s", rs.median(func(r *result) float64 { return r.SrvUS }), rs.median(func(r *result) float64 { return r.Rate }))
		if rs[0].P50 > 0 {
			ms := func(fn func(*result) int64) float64 {
				return rs.median(func(r *result) float64 { return float64(fn(r)) }) / 1e3
			}
			add("p50 %.2f p99 %.2f p999 %.2f ms", ms(func(r *result) int64 { return r.P50 }),
				ms(func(r *result) int64 { return r.P99 }), ms(func(r *result) int64 { return r.P999 }))
		}
		add("lg %.0f", rs.median(func(r *result) float64 { return r.SelfUS }))
	}
	for _, k := range slices.Sorted(maps.Keys(rs[0].Extra)) {
		add("%s %.1f", k, rs.median(func(r *result) float64 { return r.Extra[k] }))
	}
	var bad int64
	for _, r := range rs {
		bad += r.Lost + r.Errors
	}
	if bad != 0 {
		add("! %d lost or failed", bad)
	}
	if len(rs) != 3 {
		add("n=%d", len(rs))
	}
	return strings.Join(parts, "; ")
}
