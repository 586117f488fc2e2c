// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// record is a line of the results: the first tells where they were measured,
// the others are what xload writes.
type record struct {
	Meta     *meta              `json:"meta,omitempty"`
	Row      string             `json:"row,omitempty"`
	Label    string             `json:"label,omitempty"` // the server
	Scenario string             `json:"scenario,omitempty"`
	Unit     string             `json:"unit,omitempty"`
	Rate     float64            `json:"rate_per_s,omitempty"`
	CPU      float64            `json:"server_cpu_us_per_unit,omitempty"`
	Load     float64            `json:"loadgen_cpu_us_per_unit,omitempty"`
	Other    float64            `json:"other_cores_busy,omitempty"`
	P50      float64            `json:"p50_us,omitempty"`
	P99      float64            `json:"p99_us,omitempty"`
	PSS      float64            `json:"pss_mib,omitempty"`
	Lost     int64              `json:"lost,omitempty"`
	Errors   int64              `json:"errors,omitempty"`
	Failed   bool               `json:"failed,omitempty"`
	Extra    map[string]float64 `json:"extra,omitempty"`
}

type meta struct {
	Date     string            `json:"date"`
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Memory   string            `json:"memory"`
	Kernel   string            `json:"kernel"`
	System   string            `json:"system"`
	Versions map[string]string `json:"versions"`
	Settings []string          `json:"settings,omitempty"`
}

// void: what was sent did not arrive, or more did, or nothing was measured.
func (r *record) void() bool { return r.Failed || r.Lost != 0 || r.Errors != 0 }

// runs are the repetitions of one row on one server.
type runs []*record

// valid are those that count.
func (rs runs) valid() runs {
	return slices.DeleteFunc(slices.Clone(rs), (*record).void)
}

func (rs runs) values(of func(*record) float64) []float64 {
	v := make([]float64, len(rs))
	for i, r := range rs {
		v[i] = of(r)
	}
	slices.Sort(v)
	return v
}

func (rs runs) median(of func(*record) float64) float64 { return median(rs.values(of)) }

// median is the middle of a sorted list, 0 of none.
func median(v []float64) float64 {
	n := len(v)
	switch {
	case n == 0:
		return 0
	case n%2 == 0:
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[n/2]
}

// key names a line of the table.
type key struct{ row, scenario string }

// results are all runs, with rows and servers in the order of the file.
type results struct {
	meta    *meta
	keys    []key
	servers []string
	runs    map[key]map[string]runs
}

func (rs *results) add(r *record) {
	if r.Meta != nil {
		rs.meta = r.Meta
		return
	}
	k := key{r.Row, r.Scenario}
	if rs.runs[k] == nil {
		rs.keys = append(rs.keys, k)
		rs.runs[k] = map[string]runs{}
	}
	if !slices.Contains(rs.servers, r.Label) {
		rs.servers = append(rs.servers, r.Label)
	}
	rs.runs[k][r.Label] = append(rs.runs[k][r.Label], r)
}

func read(file string) (*results, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	defer func() { _ = f.Close() }()
	rs := &results{runs: map[key]map[string]runs{}}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		r := &record{}
		if err := json.Unmarshal(lines.Bytes(), r); err != nil {
			return nil, fmt.Errorf("read results, line %d: %w", n, err)
		}
		rs.add(r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	return rs, nil
}
