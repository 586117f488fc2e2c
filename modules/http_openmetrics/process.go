// SPDX-License-Identifier: Apache-2.0

package http_openmetrics

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tercet/core/memory"
	"tercet/core/module"
)

// process adds what Prometheus' own clients show of a program, under the names
// that dashboards know. Where the system does not tell, a metric is 0.
func process(s *module.Scope) {
	for name, g := range map[string]struct {
		help string
		fn   func() float64
	}{
		"process_start_time_seconds":    {"When the server was started, in seconds since 1970.", func() float64 { return float64(s.Env.Started.UnixMilli()) / 1e3 }},
		"process_resident_memory_bytes": {"Memory that the server has in RAM.", resident},
		"process_open_fds":              {"Open files and sockets.", files},
		"go_goroutines":                 {"Goroutines.", func() float64 { return float64(runtime.NumGoroutine()) }},
		"go_heap_live_bytes":            {"What the last garbage collection found alive.", func() float64 { return float64(memory.Live()) }},
	} {
		s.Defer(nothing(s.Env.Metrics.GaugeFunc(name, g.help, g.fn)))
	}
	s.Defer(nothing(s.Env.Metrics.CounterFunc("process_cpu_seconds_total", "User and system time of the server.", cpu)))
	s.Defer(nothing(s.Env.Metrics.CounterFunc("go_gc_cycles_total", "Garbage collections.", func() float64 { return read("/gc/cycles/total:gc-cycles") })))
}

func nothing(fn func()) func() error {
	return func() error {
		fn()
		return nil
	}
}

func read(name string) float64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return float64(sample[0].Value.Uint64())
}

func cpu() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}

// resident reads Linux's /proc/self/statm: sizes in pages, the second is that
// of what is resident.
func resident() float64 {
	b, _ := os.ReadFile("/proc/self/statm") // nothing, elsewhere
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1]) // 0 if it is none
	return float64(pages * os.Getpagesize())
}

func files() float64 {
	all, _ := os.ReadDir("/proc/self/fd") // none, elsewhere
	return float64(max(0, len(all)-1))    // the folder's own
}
