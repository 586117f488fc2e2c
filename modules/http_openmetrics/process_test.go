// SPDX-License-Identifier: Apache-2.0

package http_openmetrics_test

import (
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"tercet/core/coretest"
	"tercet/modules"
)

// processMetrics are those of the program itself, with bounds within which a
// test's are.
var processMetrics = []struct {
	name        string
	least, most float64
}{
	{"go_gc_cycles_total", 1, 1e6},
	{"go_goroutines", 5, 10_000},
	{"go_heap_live_bytes", 100 << 10, 4 << 30},
	{"process_cpu_seconds_total", 0.001, 100_000},
	{"process_open_fds", 3, 1e6},
	{"process_resident_memory_bytes", 4 << 20, 16 << 30},
	{"process_start_time_seconds", 1.7e9, 1e11},
}

// shown are the values of the program's metrics, and how often each is there.
func shown(s *coretest.Server) (values map[string]float64, times map[string]int) {
	values, times = make(map[string]float64), make(map[string]int)
	for m := range s.Env.Metrics.All() {
		if strings.HasPrefix(m.Name, "process_") || strings.HasPrefix(m.Name, "go_") {
			values[m.Name] = m.Value
			times[m.Name]++
		}
	}
	return values, times
}

// What is told of the program is plausible, and follows what it does.
func TestProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory and files are told on Linux only")
	}
	begun := time.Now()
	s := coretest.New(t, config, modules.All...)
	debug.FreeOSMemory() // what the tests before have left
	_, text := scrape(t, s, "/metrics", "")
	before, times := shown(s)
	for _, m := range processMetrics {
		family, kind := m.name, "gauge"
		if short, counter := strings.CutSuffix(m.name, "_total"); counter {
			family, kind = short, "counter"
		}
		if v := before[m.name]; v < m.least || v > m.most || times[m.name] != 1 {
			t.Errorf("%s is %g, %d times; want %g to %g, once", m.name, v, times[m.name], m.least, m.most)
		}
		if !strings.Contains(text, "# TYPE "+family+" "+kind+"\n") || !strings.Contains(text, "\n"+m.name+" ") {
			t.Errorf("%s is not shown as a %s", m.name, kind)
		}
	}
	if at := before["process_start_time_seconds"]; at < float64(begun.Unix())-1 || at > float64(time.Now().Unix())+1 {
		t.Errorf("started at %f, that was not now", at)
	}
	wait := make(chan bool)
	defer close(wait)
	for range 100 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		go func() { <-wait }()
	}
	ballast := make([]byte, 64<<20)
	for i := range ballast {
		ballast[i] = byte(i) // that it is resident
	}
	runtime.GC()
	after, _ := shown(s)
	runtime.KeepAlive(ballast)
	for _, m := range []struct {
		name string
		more float64
	}{
		{"go_gc_cycles_total", 1},
		{"go_goroutines", 80},    // of 100, while others may have ended
		{"process_open_fds", 80}, // the same
		{"go_heap_live_bytes", 40e6},
		{"process_resident_memory_bytes", 30e6},
		{"process_cpu_seconds_total", 0.001},
	} {
		if grown := after[m.name] - before[m.name]; grown < m.more {
			t.Errorf("%s has grown by %g, want at least %g", m.name, grown, m.more)
		}
	}
}

// They come and go with the module, and are there once whatever is reloaded.
func TestProcessReload(t *testing.T) {
	s := coretest.New(t, config, modules.All...)
	want := []string{}
	for _, m := range processMetrics {
		want = append(want, m.name)
	}
	check := func(when string, want []string) {
		t.Helper()
		_, times := shown(s)
		var got []string
		for name, n := range times {
			if got = append(got, name); n != 1 {
				t.Errorf("%s: %s is there %d times", when, name, n)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
		if conflicts := s.Env.Metrics.Conflicts(); len(conflicts) > 0 {
			t.Errorf("%s: conflicts: %q", when, conflicts)
		}
	}
	check("at first", want)
	for _, path := range []string{"/a", "/b", "/c"} {
		s.Reconfigure(config + "http_paths = { openmetrics = \"" + path + "\" }\nopenmetrics_allow_cidr = \"192.0.2.0/24\"\n")
	}
	check("after reloads", want)
	for range 3 {
		if err := s.Env.Manager.Reload(t.Context(), "", "http_openmetrics"); err != nil {
			t.Fatal(err)
		}
	}
	check("loaded anew", want)
	s.Reconfigure(strings.Replace(config, "http_openmetrics", "httpd", 1))
	coretest.Eventually(t, "what was unloaded has closed", func() bool {
		_, times := shown(s)
		return len(times) == 0
	})
	check("unloaded", nil)
	s.Reconfigure(config)
	check("loaded again", want)
}
