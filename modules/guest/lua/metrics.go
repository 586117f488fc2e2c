// SPDX-License-Identifier: Apache-2.0

package lua

import (
	"math"
	"strings"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/core/metric"
)

// maxMetrics bounds what modules measure: a label for each user would fill the
// memory.
const maxMetrics = 10_000

// number is a gauge of any number.
type number struct{ bits atomic.Uint64 }

func (n *number) set(v float64)  { n.bits.Store(math.Float64bits(v)) }
func (n *number) value() float64 { return math.Float64frombits(n.bits.Load()) }

// bucketsFor are the ends of buckets by what is measured.
func bucketsFor(unit string) []float64 {
	if unit == "seconds" {
		return metric.Seconds
	}
	return []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000, 1_000_000}
}

// metricNatives make metrics of the server of what modules measure.
func (srv *Server) metricNatives() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		// metric is (kind, name, help, unit, {label = value}) -> a table of set,
		// add and sample, which are functions of a number. The kinds are
		// OpenMetrics': gauge, counter, histogram.
		"metric": func(l *lua.LState) int {
			kind, unit := l.CheckString(1), l.OptString(4, "")
			name := strings.ReplaceAll(l.CheckString(2), "/", "__")
			if unit != "" && !strings.HasSuffix(name, "_"+unit) {
				name += "_" + unit
			}
			l.Push(srv.newMetric(l, kind, name, l.OptString(3, ""), unit, labelsOf(l, 5)))
			return 1
		},
	}
}

func labelsOf(l *lua.LState, n int) (labels []metric.Label) {
	t, ok := l.Get(n).(*lua.LTable)
	if !ok {
		return nil
	}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		labels = append(labels, metric.Label{Name: k.String(), Value: v.String()})
	}
	return labels
}

func (srv *Server) newMetric(l *lua.LState, kind, name, help, unit string, labels []metric.Label) *lua.LTable {
	r := srv.env.Metrics
	if srv.metrics++; srv.metrics > maxMetrics {
		r = nil // it works, and nobody writes it
	}
	t := l.CreateTable(0, 3)
	with := func(fn func(v float64)) lua.LGFunction {
		return func(l *lua.LState) int {
			fn(float64(l.OptNumber(1, 1)))
			return 0
		}
	}
	switch kind {
	case "histogram", "summary":
		h := r.Histogram(name, help, bucketsFor(unit), labels...)
		lua51.Set(l, t, map[string]lua.LGFunction{"sample": with(h.Observe)})
	default:
		key := name + labelKey(labels)
		n := srv.numbers[key]
		if n == nil {
			n = &number{}
			srv.numbers[key] = n
			if kind == "counter" {
				srv.forget = append(srv.forget, r.CounterFunc(name, help, n.value, labels...))
			} else {
				srv.forget = append(srv.forget, r.GaugeFunc(name, help, n.value, labels...))
			}
		}
		lua51.Set(l, t, map[string]lua.LGFunction{
			"set": with(n.set), "add": with(func(v float64) { n.set(n.value() + v) }),
		})
	}
	return t
}

func labelKey(labels []metric.Label) string {
	var b strings.Builder
	for _, x := range labels {
		b.WriteString("\x00" + x.Name + "\x00" + x.Value)
	}
	return b.String()
}
