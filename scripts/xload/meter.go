// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// meter counts one scenario: sent stanzas and received copies.
type meter struct {
	sent, got, bounce, self atomic.Int64
	lat                     hist
	stop                    atomic.Bool
}

func (m *meter) hit(ns int64) {
	m.got.Add(1)
	m.lat.add((nowNS() - ns) / 1000)
}

// result is one line of the output.
type result struct {
	Row      string             `json:"row,omitempty"`
	Label    string             `json:"label"`
	Scenario string             `json:"scenario"`
	Params   string             `json:"params"`
	TLS      string             `json:"tls,omitempty"`
	Unit     string             `json:"unit"`
	Count    int64              `json:"count"`
	WallS    float64            `json:"wall_s"`
	Rate     float64            `json:"rate_per_s"`
	SrvUS    float64            `json:"server_cpu_us_per_unit"`
	SelfUS   float64            `json:"loadgen_cpu_us_per_unit"`
	SrvCores float64            `json:"server_cores_busy"`
	OthCores float64            `json:"other_cores_busy"`
	P50      int64              `json:"p50_us,omitempty"`
	P99      int64              `json:"p99_us,omitempty"`
	P999     int64              `json:"p999_us,omitempty"`
	Lost     int64              `json:"lost"`
	Errors   int64              `json:"errors"`
	PSS      float64            `json:"pss_mib,omitempty"` // of the server, at the end
	Extra    map[string]float64 `json:"extra,omitempty"`
}

// between fills the cost fields from two snapshots.
func between(scenario, params, unit string, a, b snap, count int64, lat *hist) *result {
	w := b.t.Sub(a.t).Seconds()
	n := float64(max(1, count))
	us := float64(max(1, b.taken.Sub(a.taken).Microseconds()))
	r := &result{
		Row: cfg.row, Label: cfg.label, Scenario: scenario, Params: params, Unit: unit, Count: count, WallS: w,
		Rate:     float64(count) / w,
		SrvUS:    float64(b.server-a.server) / n,
		SelfUS:   float64(b.self-a.self) / n,
		SrvCores: float64(b.server-a.server) / us,
		OthCores: float64((b.busy-a.busy)-(b.server-a.server)-(b.self-a.self)) / us,
		Extra:    map[string]float64{},
	}
	if s := suite.Load(); s != nil {
		r.TLS = *s
	}
	if lat != nil {
		r.P50, r.P99, r.P999 = lat.quantile(.5), lat.quantile(.99), lat.quantile(.999)
	}
	return r
}

// failures counts what was lost or failed in all results.
var failures int64

// emit prints the result, and appends it to the -json file.
func (r *result) emit() error {
	pss, _ := serverMemory()
	r.PSS = float64(pss) / (1 << 20)
	fmt.Printf("%-10s %-14s %-34s %8d %ss in %6.2fs = %9.1f/s  server %8.1f us  loadgen %6.1f us  (cores: server %.2f other %.2f)",
		r.Label, r.Scenario, r.Params, r.Count, r.Unit, r.WallS, r.Rate, r.SrvUS, r.SelfUS, r.SrvCores, r.OthCores)
	if r.P50 > 0 {
		fmt.Printf("  p50 %.2f p99 %.2f p999 %.2f ms", float64(r.P50)/1e3, float64(r.P99)/1e3, float64(r.P999)/1e3)
	}
	if r.Lost != 0 || r.Errors != 0 {
		failures += max(r.Lost, 0) + r.Errors
		fmt.Printf("  LOST %d ERRORS %d", r.Lost, r.Errors)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Extra)) {
		fmt.Printf("  %s=%.1f", k, r.Extra[k])
	}
	fmt.Println()
	if cfg.json == "" {
		return nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	f, err := os.OpenFile(cfg.json, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		_ = f.Close()
		return fmt.Errorf("write result: %w", err)
	}
	return f.Close()
}

// window measures a running closed or open loop: warm up, snapshot, run,
// snapshot, stop, drain, and check that sent*fan copies arrived.
func (m *meter) window(scenario, params, unit string, fan int64) *result {
	time.Sleep(cfg.warm)
	m.lat.reset()
	a, before := take(), m.got.Load()
	time.Sleep(cfg.dur)
	after, b := m.got.Load(), take()
	m.stop.Store(true)
	r := between(scenario, params, unit, a, b, after-before, &m.lat)
	m.drain(fan, 10*time.Second)
	r.Lost = m.sent.Load()*fan - m.got.Load()
	r.Errors = m.bounce.Load()
	return r
}

// drain waits for what is still on its way.
func (m *meter) drain(fan int64, limit time.Duration) {
	end := time.Now().Add(limit)
	for time.Now().Before(end) && m.got.Load() < m.sent.Load()*fan {
		time.Sleep(20 * time.Millisecond)
	}
}

// await waits until v has reached n, at most -timeout, and returns it.
func await(v *atomic.Int64, n int64) int64 {
	end := time.Now().Add(cfg.timeout)
	for v.Load() < n && time.Now().Before(end) {
		time.Sleep(5 * time.Millisecond)
	}
	return v.Load()
}

// smParam is the part of a result's parameters that tells of -sm.
func smParam() string {
	if cfg.sm == 0 {
		return ""
	}
	return " sm=" + strconv.Itoa(cfg.sm)
}

// numbers reads "5000,10000".
func numbers(list string) ([]int, error) {
	var ns []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("number in %q: %w", list, err)
		}
		ns = append(ns, n)
	}
	return ns, nil
}
