// SPDX-License-Identifier: Apache-2.0

package metric_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"tercet/core/metric"
)

func written(t *testing.T, r *metric.Registry) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	tests := []struct {
		name string
		fill func(r *metric.Registry)
		want string
	}{
		{"empty", func(*metric.Registry) {}, "# EOF\n"},
		{
			"counter", func(r *metric.Registry) { r.Counter("stanzas", "Stanzas routed.").Add(3) },
			"# TYPE stanzas counter\n# HELP stanzas Stanzas routed.\nstanzas_total 3\n# EOF\n",
		},
		{
			"counter with the suffix in its name", func(r *metric.Registry) { r.Counter("stanzas_total", "").Inc() },
			"# TYPE stanzas counter\nstanzas_total 1\n# EOF\n",
		},
		{
			"sharded", func(r *metric.Registry) { s := r.Sharded("hot", ""); s.Inc(); s.Add(4) },
			"# TYPE hot counter\nhot_total 5\n# EOF\n",
		},
		{
			"gauge", func(r *metric.Registry) { g := r.Gauge("sessions", ""); g.Set(5); g.Inc(); g.Dec(); g.Add(-7) },
			"# TYPE sessions gauge\nsessions -2\n# EOF\n",
		},
		{"labels are sorted and escaped", func(r *metric.Registry) {
			r.Gauge("g", "", metric.Label{Name: "z", Value: "1"}, metric.Label{Name: "a", Value: "q\"\\\n\xff"}).Set(1)
		}, "# TYPE g gauge\ng{a=\"q\\\"\\\\\\n\uFFFD\",z=\"1\"} 1\n# EOF\n"},
		{"a label given twice", func(r *metric.Registry) {
			r.Gauge("g", "", metric.Label{Name: "a", Value: "1"}, metric.Label{Name: "a", Value: "2"}).Set(1)
		}, "# TYPE g gauge\ng{a=\"2\"} 1\n# EOF\n"},
		{"families are ordered and together", func(r *metric.Registry) {
			r.Gauge("b", "", metric.Label{Name: "x", Value: "2"})
			r.Gauge("a", "")
			r.Gauge("b", "", metric.Label{Name: "x", Value: "1"})
		}, "# TYPE a gauge\na 0\n# TYPE b gauge\nb{x=\"1\"} 0\nb{x=\"2\"} 0\n# EOF\n"},
		{
			"names are made valid", func(r *metric.Registry) { r.Gauge("9a.b-c:d", "", metric.Label{Name: "le:x", Value: ""}) },
			"# TYPE _a_b_c:d gauge\n_a_b_c:d{le_x=\"\"} 0\n# EOF\n",
		},
		{
			"help is escaped", func(r *metric.Registry) { r.Gauge("g", "a\nb\\c\"d") },
			"# TYPE g gauge\n# HELP g a\\nb\\\\c\\\"d\ng 0\n# EOF\n",
		},
		{"histogram", func(r *metric.Registry) {
			h := r.Histogram("took", "", []float64{1, 0.005, 1, math.Inf(1), math.NaN()}, metric.Label{Name: "k", Value: "v"})
			for _, v := range []float64{0.005, 0.006, 1, 1.5, math.NaN()} {
				h.Observe(v)
			}
		}, `# TYPE took histogram
took_bucket{k="v",le="0.005"} 1
took_bucket{k="v",le="1.0"} 3
took_bucket{k="v",le="+Inf"} 4
took_count{k="v"} 4
took_sum{k="v"} 2.511
# EOF
`},
		{"functions", func(r *metric.Registry) {
			r.GaugeFunc("g", "", func() float64 { return 1.5 })
			r.CounterFunc("c_total", "", func() float64 { return 2 })
			r.GaugeFunc("inf", "", func() float64 { return math.Inf(-1) })
		}, "# TYPE c counter\nc_total 2\n# TYPE g gauge\ng 1.5\n# TYPE inf gauge\ninf -Inf\n# EOF\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := metric.New()
			tt.fill(r)
			if got := written(t, r); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestSameMetricTwice(t *testing.T) {
	r := metric.New()
	a := r.Counter("c", "", metric.Label{Name: "x", Value: "1"}, metric.Label{Name: "y", Value: "2"})
	b := r.Counter("c_total", "", metric.Label{Name: "y", Value: "2"}, metric.Label{Name: "x", Value: "1"})
	if a != b {
		t.Error("the same name and labels gave two counters")
	}
	if c := r.Counter("c", ""); c == a {
		t.Error("other labels gave the same counter")
	}
}

func TestConflict(t *testing.T) {
	r := metric.New()
	r.Counter("x", "").Inc()
	r.Gauge("x", "").Set(9) // works, is not written
	r.Sharded("x", "").Inc()
	if got := r.Conflicts(); len(got) != 1 || got[0] != "x" {
		t.Errorf("conflicts: got %q, want x", got)
	}
	if got := written(t, r); !strings.Contains(got, "x_total 1\n") || strings.Contains(got, "x 9") {
		t.Errorf("got\n%s", got)
	}
}

func TestRemove(t *testing.T) {
	r := metric.New()
	host := metric.Label{Name: "host", Value: "a"}
	r.Counter("x_total", "", host)
	r.Counter("x", "")
	r.Remove("x_total", host)
	r.Remove("x", host)
	r.Remove("never")
	if got, want := written(t, r), "# TYPE x counter\nx_total 0\n# EOF\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.Remove("x")
	if got := written(t, r); got != "# EOF\n" {
		t.Errorf("got %q", got)
	}
}

// A reloaded module sets its function before the old one removes its own.
func TestFuncReplaced(t *testing.T) {
	r := metric.New()
	removeOld := r.GaugeFunc("g", "", func() float64 { return 1 })
	removeNew := r.GaugeFunc("g", "", func() float64 { return 2 })
	removeOld()
	if got := written(t, r); !strings.Contains(got, "g 2\n") {
		t.Errorf("after the old one's removal: %q", got)
	}
	removeNew()
	if got := written(t, r); strings.Contains(got, "\ng ") {
		t.Errorf("after removal: %q", got)
	}
}

// A function may use the registry: it is not called under its mutex.
func TestFuncUsesRegistry(t *testing.T) {
	r := metric.New()
	r.GaugeFunc("g", "", func() float64 { r.Counter("late", "").Inc(); return 1 })
	written(t, r)
	if got := written(t, r); !strings.Contains(got, "late_total 2") {
		t.Errorf("got %q", got)
	}
}

func TestNilRegistry(t *testing.T) {
	var r *metric.Registry
	r.Counter("c", "").Inc()
	r.Gauge("g", "").Inc()
	r.Histogram("h", "", metric.Seconds).Since(time.Now())
	r.GaugeFunc("f", "", func() float64 { return 0 })()
	r.Remove("c")
	if got := written(t, r); got != "# EOF\n" || r.Conflicts() != nil {
		t.Errorf("got %q, %q", got, r.Conflicts())
	}
}

func TestAll(t *testing.T) {
	r := metric.New()
	r.Counter("a", "").Inc()
	r.Histogram("b", "", []float64{1, 2})
	var got []string
	for s := range r.All() {
		got = append(got, fmt.Sprintf("%s{%s}=%g", s.Name, s.Labels, s.Value))
		if len(got) == 3 { // stops within a histogram
			break
		}
	}
	if want := `a_total{}=1 b_bucket{le="1.0"}=0 b_bucket{le="2.0"}=0`; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWriteError(t *testing.T) {
	if err := metric.New().Write(failing{}); err == nil || err.Error() != "write metrics: full" {
		t.Errorf("got %v", err)
	}
}

func TestHammer(t *testing.T) {
	const workers, each = 8, 5000
	r := metric.New()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			c, s, g := r.Counter("c", ""), r.Sharded("s", ""), r.Gauge("g", "")
			h := r.Histogram("h", "", []float64{0.5})
			for i := range each {
				c.Inc()
				s.Inc()
				g.Inc()
				h.Observe(float64(i % 2))
				if i%500 == 0 {
					var last float64
					for x := range r.All() {
						if x.Name == "h_bucket" && x.Value < last {
							t.Errorf("buckets shrink: %v", x)
						}
						if x.Name == "h_bucket" {
							last = x.Value
						}
					}
				}
				g.Dec()
			}
		})
	}
	wg.Wait()
	if c, s, g := r.Counter("c", "").Value(), r.Sharded("s", "").Value(), r.Gauge("g", "").Value(); c != workers*each || s != workers*each || g != 0 {
		t.Errorf("got %d %d %d", c, s, g)
	}
	h := r.Histogram("h", "", nil)
	if h.Count() != workers*each || h.Sum() != workers*each/2 {
		t.Errorf("histogram: got %d, %g", h.Count(), h.Sum())
	}
}

func TestNoAllocation(t *testing.T) {
	r := metric.New()
	c, s, g, h := r.Counter("c", ""), r.Sharded("s", ""), r.Gauge("g", ""), r.Histogram("h", "", metric.Seconds)
	if n := testing.AllocsPerRun(100, func() { c.Inc(); s.Inc(); g.Inc(); h.Observe(0.2) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkCounter(b *testing.B) {
	c := metric.New().Counter("c", "")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Inc()
		}
	})
}

func BenchmarkSharded(b *testing.B) {
	c := metric.New().Sharded("c", "")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Inc()
		}
	})
}

func BenchmarkHistogram(b *testing.B) {
	h := metric.New().Histogram("h", "", metric.Seconds)
	for b.Loop() {
		h.Observe(0.02)
	}
}
