// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// of makes runs of the given CPU each.
func of(values ...float64) runs {
	var rs runs
	for _, v := range values {
		rs = append(rs, &record{CPU: v})
	}
	return rs
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		name string
		runs runs
		want float64
	}{
		{"none", nil, 0},
		{"one", of(3), 3},
		{"odd, not sorted", of(9, 1, 4), 4},
		{"even", of(4, 1, 2, 9), 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.runs.median(cpu.of); got != tt.want {
				t.Errorf("got %g, want %g", got, tt.want)
			}
		})
	}
}

func TestVoid(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  record
		want bool
	}{
		{"all came", record{CPU: 1}, false},
		{"some were lost", record{CPU: 1, Lost: 2}, true},
		{"some came twice", record{CPU: 1, Lost: -1}, true},
		{"some came back", record{CPU: 1, Errors: 1}, true},
		{"no result", record{Failed: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.run.void(); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestBest(t *testing.T) {
	for _, tt := range []struct {
		name string
		runs map[string]runs
		want float64
	}{
		{"the lesser peer", map[string]runs{"a": of(30, 20, 40), "b": of(25)}, 25},
		{"neither ours nor the reference", map[string]runs{ours: of(1), reference: of(1), "a": of(9)}, 9},
		{"void runs do not count", map[string]runs{"a": {{CPU: 2, Lost: 1}, {CPU: 8}}, "b": {{CPU: 1, Failed: true}}}, 8},
		{"nor what was too small", map[string]runs{"a": of(0), "b": of(7)}, 7},
		{"no peer", map[string]runs{ours: of(1)}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := best(tt.runs, cpu); got != tt.want {
				t.Errorf("got %g, want %g", got, tt.want)
			}
		})
	}
}

func TestGoal(t *testing.T) {
	g := goal{limit: 10, ratio: 8}
	slow := goal{limit: 90, ratio: 4, more: p99, within: 2}
	for _, tt := range []struct {
		name  string
		goal  goal
		runs  map[string]runs
		worst float64
		text  string
		ok    bool
	}{
		{"both met", g, map[string]runs{ours: of(5), "a": of(50)}, 0.8, "10 µs met; 8 × less met", true},
		{"just met", g, map[string]runs{ours: of(10), "a": of(80)}, 1, "10 µs met; 8 × less met", true},
		{"ratio missed", g, map[string]runs{ours: of(10), "a": of(40), "b": of(90)}, 2, "10 µs met; 8 × less **missed**, 2.00 times", true},
		{"limit missed", g, map[string]runs{ours: of(15), "a": of(200)}, 1.5, "10 µs **missed**, 1.50 times; 8 × less met", true},
		{"no peer", g, map[string]runs{ours: of(5)}, 0.5, "10 µs met; 8 × less: no peer", false},
		{"ours is void", g, map[string]runs{ours: {{CPU: 1, Lost: 1}}, "a": of(50)}, 0, "void", false},
		{"ours is too small", g, map[string]runs{ours: of(0), "a": of(50)}, 0, "too small to be measured", false},
		{
			"second figure missed", slow,
			map[string]runs{ours: {{CPU: 45, P99: 3000}}, "a": of(360)},
			1.5, "90 µs met; 4 × less met; 2 ms p99 **missed**, 1.50 times", true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			worst, text, ok := tt.goal.over(tt.runs, cpu)
			if worst != tt.worst || text != tt.text || ok != tt.ok {
				t.Errorf("got %g, %q, %t; want %g, %q, %t", worst, text, ok, tt.worst, tt.text, tt.ok)
			}
		})
	}
}

// TestGoals has a line of each row of the goals, and some that have none.
func TestGoals(t *testing.T) {
	for _, tt := range []struct {
		key  key
		want goal
	}{
		{key{"start", "start"}, goal{limit: 100, ratio: 1, within: 30}},
		{key{"login", "login"}, goal{limit: 500, ratio: 5}},
		{key{"chat full 1", "msg"}, goal{limit: 13, ratio: 8}},
		{key{"chat bare 1", "msg"}, goal{limit: 13, ratio: 8}},
		{key{"chat full 16", "msg"}, goal{limit: 5, ratio: 20}},
		{key{"chat bare 8", "msg"}, goal{limit: 5, ratio: 20}},
		{key{"chat sm 16", "msg"}, goal{}},
		{key{"paced 500/s", "msg-open"}, goal{limit: 90, ratio: 4, within: 2}},
		{key{"paced 4000/s", "msg-open"}, goal{}},
		{key{"presence", "presence-on"}, goal{limit: 5, ratio: 12}},
		{key{"presence", "presence"}, goal{limit: 5, ratio: 12}},
		{key{"archive 1", "msg-archive"}, goal{limit: 60, ratio: 35}},
		{key{"archive sm", "msg-archive"}, goal{}},
		{key{"pages 10000", "mam-fill"}, goal{}},
		{key{"pages 10000", "mam-last"}, goal{limit: 800, ratio: 7}},
		{key{"pages 1000000", "mam-walk"}, goal{limit: 800, ratio: 7}},
		{key{"offline", "offline-store"}, goal{limit: 60, ratio: 40}},
		{key{"offline", "offline-drain"}, goal{limit: 20, ratio: 5}},
		{key{"idle 1", "idle-login"}, goal{}},
		{key{"idle 1", "idle"}, goal{limit: 12, ratio: 4}},
		{key{"idle 2", "idle"}, goal{}},
	} {
		t.Run(tt.key.String(), func(t *testing.T) {
			got, ok := goalOf(tt.key)
			if ok != (tt.want.limit > 0) || got.limit != tt.want.limit || got.ratio != tt.want.ratio || got.within != tt.want.within {
				t.Errorf("got %+v, %t; want %+v", got, ok, tt.want)
			}
		})
	}
}

func TestRatio(t *testing.T) {
	for _, tt := range []struct {
		a, b float64
		want string
	}{{100, 8, "12.5 ×"}, {1, 3, "0.333 ×"}, {0, 3, "–"}, {3, 0, "–"}, {1234, 1, "1234 ×"}} {
		if got := ratio(tt.a, tt.b); got != tt.want {
			t.Errorf("ratio(%g, %g) = %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	const lines = `{"meta":{"date":"today","cpu":"CPU","cores":2,"memory":"1 kB","kernel":"6","system":"Debian","settings":["PEERS_REPS=2"],"versions":{"prosody":"0.12"}}}
{"row":"chat full 1","label":"tercet","scenario":"msg","unit":"msg","rate_per_s":90000,"server_cpu_us_per_unit":10,"other_cores_busy":0.1,"p50_us":500,"p99_us":1500,"lost":0,"pss_mib":20}
{"row":"chat full 1","label":"prosody","scenario":"msg","unit":"msg","rate_per_s":900,"server_cpu_us_per_unit":100,"other_cores_busy":0.1,"lost":0}
{"row":"chat full 1","label":"ejabberd","scenario":"msg","unit":"msg","server_cpu_us_per_unit":50,"lost":3}
{"row":"chat full 1","label":"ejabberd","scenario":"msg","unit":"msg","server_cpu_us_per_unit":90,"other_cores_busy":0.5,"lost":0}
{"row":"chat full 1","label":"echo","scenario":"msg","unit":"msg","server_cpu_us_per_unit":5,"lost":0}
{"row":"idle 1","label":"prosody","scenario":"idle","unit":"session","server_cpu_us_per_unit":3,"rate_per_s":3,"extra":{"pss_kib_per_session":49}}
{"row":"idle 1","label":"tercet","scenario":"idle","unit":"session","extra":{"pss_kib_per_session":7}}
`
	const want = `| scenario | unit | tercet | ejabberd | prosody 0.12 | TLS echo | best peer / ours | ours / echo | goal |
|---|---|---|---|---|---|---|---|---|
| chat full 1 | msg | **10 µs**; 90000/s; p50 0.5 p99 1.5 ms; 20 MiB | **90 µs**; **void: 1 of 2** | **100 µs**; 900/s | **5 µs** | 9 × | 2 × | 13 µs met; 8 × less met |
| idle 1: rest | session | **7 KiB** | – | **49 KiB** | – | 7 × | – | 12 KiB met; 4 × less met |

today; 2 × CPU, 1 kB; Debian, kernel 6.
With PEERS_REPS=2.
Goals met: 2 of 2 lines.
Void, since sent × fan-out was not received: chat full 1 on ejabberd (1 of 2).
Others used 0.05 cores (median), 0.5 at most.
`
	file := filepath.Join(t.TempDir(), "results.jsonl")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run([]string{"table", file}, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if err := os.WriteFile(file, []byte("{}\nnoise\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"table", file}, &out); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v, want an error that names line 2", err)
	}
}

// TestNoise: a run beside which others used the machine says so.
func TestNoise(t *testing.T) {
	rs := &results{runs: map[key]map[string]runs{}}
	rs.add(&record{Row: "login", Scenario: "login", Label: ours, CPU: 1, Other: 1.1})
	if s := rs.summary(); !strings.Contains(s, "no claim") {
		t.Errorf("got %q", s)
	}
}

func TestSettings(t *testing.T) {
	got := settings([]string{"PEERS_REPS=1", "HOME=/", "PEERS_DIR=/x", "PEERS=chat login", "PEERS_LONG="})
	if want := []string{"PEERS=chat login", "PEERS_REPS=1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		x    float64
		want string
	}{{0, "0"}, {0.0004, "0.0004"}, {0.00001, "0.00"}, {1.234, "1.23"}, {12.5, "12.5"}, {99.96, "100"}, {1234567, "1234567"}, {-3, "-3"}} {
		if got := number(tt.x); got != tt.want {
			t.Errorf("number(%g) = %s, want %s", tt.x, got, tt.want)
		}
	}
}
