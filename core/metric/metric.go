// SPDX-License-Identifier: Apache-2.0

// Package metric counts what the server does and writes it as OpenMetrics 1.0
// text. Counters, gauges and histograms are atomics: using one never locks and
// never allocates. Their labels are fixed when they are made.
package metric

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Label is one fixed dimension of a metric, such as {"service", "c2s"}.
type Label struct{ Name, Value string }

// Registry holds metrics by name and labels. Asking twice for one name and
// labels gives the same metric, so a module that is reloaded goes on counting.
// A nil Registry gives metrics that work and that nobody writes.
type Registry struct {
	mu        sync.Mutex // guards families, conflicts
	families  map[string]*family
	conflicts []string
}

// New makes an empty Registry.
func New() *Registry { return &Registry{families: make(map[string]*family)} }

// family is all metrics of one name; OpenMetrics wants them together.
type family struct {
	name, help string
	kind       kind
	members    map[string]member // by rendered labels
}

type kind string

const (
	counterKind   kind = "counter"
	gaugeKind     kind = "gauge"
	histogramKind kind = "histogram"
)

// member is one metric of a family.
type member interface {
	// each yields the samples: suffix, extra label (le), value.
	each(yield func(suffix, le string, value float64))
}

// Counter returns the counter of that name; the name goes without "_total".
func (r *Registry) Counter(name, help string, labels ...Label) *Counter {
	return register(r, counterKind, strings.TrimSuffix(name, "_total"), help, labels, func() *Counter { return &Counter{} })
}

// Sharded returns a counter for places that all cores pass at once.
func (r *Registry) Sharded(name, help string, labels ...Label) *Sharded {
	return register(r, counterKind, strings.TrimSuffix(name, "_total"), help, labels, newSharded)
}

// Gauge returns the gauge of that name.
func (r *Registry) Gauge(name, help string, labels ...Label) *Gauge {
	return register(r, gaugeKind, name, help, labels, func() *Gauge { return &Gauge{} })
}

// GaugeFunc adds a gauge whose value fn gives at each scrape. The newest fn of
// a name and labels counts; remove takes it away again, unless it was replaced.
func (r *Registry) GaugeFunc(name, help string, fn func() float64, labels ...Label) (remove func()) {
	f := register(r, gaugeKind, name, help, labels, func() *funcs { return &funcs{} })
	return f.set(fn)
}

// CounterFunc is GaugeFunc for a value that only grows.
func (r *Registry) CounterFunc(name, help string, fn func() float64, labels ...Label) (remove func()) {
	f := register(r, counterKind, strings.TrimSuffix(name, "_total"), help, labels, func() *funcs { return &funcs{suffix: "_total"} })
	return f.set(fn)
}

// Histogram returns the histogram of that name. The bounds are the upper ends
// of its buckets; the last one, +Inf, is added. The first caller's bounds hold.
func (r *Registry) Histogram(name, help string, bounds []float64, labels ...Label) *Histogram {
	return register(r, histogramKind, name, help, labels, func() *Histogram { return newHistogram(bounds) })
}

// Remove forgets the metric of that name and labels, as when a host goes.
func (r *Registry) Remove(name string, labels ...Label) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	name = cleanName(strings.TrimSuffix(name, "_total"))
	f := r.families[name]
	if f == nil {
		return
	}
	delete(f.members, renderLabels(labels))
	if len(f.members) == 0 {
		delete(r.families, name)
	}
}

// Conflicts lists the names that were asked for as two different kinds; the
// second asker has a metric that works and that is not written.
func (r *Registry) Conflicts() []string {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.conflicts)
}

// register finds or makes the metric.
func register[M member](r *Registry, k kind, name, help string, labels []Label, fresh func() M) M {
	if r == nil {
		return fresh()
	}
	name = cleanName(name)
	key := renderLabels(labels)
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.families[name]
	if f == nil {
		f = &family{name: name, help: help, kind: k, members: make(map[string]member)}
		r.families[name] = f
	}
	old, taken := f.members[key]
	if m, ok := old.(M); ok && f.kind == k {
		return m
	}
	m := fresh()
	if taken || f.kind != k {
		if !slices.Contains(r.conflicts, name) {
			r.conflicts = append(r.conflicts, name)
		}
		return m
	}
	f.members[key] = m
	return m
}

// cleanName makes a name OpenMetrics accepts: [a-zA-Z_:][a-zA-Z0-9_:]*.
func cleanName(name string) string {
	return clean(name, func(c byte) bool { return c == ':' })
}

func clean(name string, also func(byte) bool) string {
	ok := func(i int, c byte) bool {
		return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || i > 0 && '0' <= c && c <= '9' || also(c)
	}
	var b []byte
	for i := range len(name) {
		if !ok(i, name[i]) && b == nil {
			b = []byte(name)
		}
		if b != nil && !ok(i, name[i]) {
			b[i] = '_'
		}
	}
	switch {
	case name == "":
		return "_"
	case b != nil:
		return string(b)
	}
	return name
}

// renderLabels writes a="x",b="y", sorted by name; of a name given twice the
// last value holds.
func renderLabels(labels []Label) string {
	if len(labels) == 0 {
		return ""
	}
	sorted := slices.Clone(labels)
	for i := range sorted {
		sorted[i].Name = clean(sorted[i].Name, func(byte) bool { return false })
	}
	slices.SortStableFunc(sorted, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	var b strings.Builder
	for i, l := range sorted {
		if i+1 < len(sorted) && sorted[i+1].Name == l.Name {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(l.Name)
		b.WriteString(`="`)
		b.WriteString(escape(l.Value))
		b.WriteByte('"')
	}
	return b.String()
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// escape is for label values and help texts, which must be UTF-8.
func escape(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return escaper.Replace(s)
}
