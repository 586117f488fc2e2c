// SPDX-License-Identifier: Apache-2.0

package metric

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
)

// ContentType is the media type of what Write writes.
const ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Sample is one value of one metric at one moment.
type Sample struct {
	Name   string // with its suffix: "_total", "_bucket", ...
	Labels string // a="x",b="y", as in OpenMetrics, without braces
	Value  float64
}

// Write writes all metrics as OpenMetrics text, ordered by name and labels.
func (r *Registry) Write(w io.Writer) error {
	b := bufio.NewWriterSize(w, 16<<10)
	for _, f := range r.snapshot() {
		fmt.Fprintf(b, "# TYPE %s %s\n", f.name, f.kind)
		if f.help != "" {
			fmt.Fprintf(b, "# HELP %s %s\n", f.name, escape(f.help))
		}
		f.each(func(s Sample) bool { return writeSample(b, s) == nil })
	}
	_, _ = b.WriteString("# EOF\n") // Flush gives the error
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// All yields each sample, ordered by name and labels.
func (r *Registry) All() iter.Seq[Sample] {
	return func(yield func(Sample) bool) {
		for _, f := range r.snapshot() {
			if !f.each(yield) {
				return
			}
		}
	}
}

// orderedFamily is a family as it was at one moment, so that no function of a
// GaugeFunc runs under the registry's mutex.
type orderedFamily struct {
	name, help string
	kind       kind
	labels     []string
	members    []member
}

func (r *Registry) snapshot() []orderedFamily {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]orderedFamily, 0, len(r.families))
	for _, f := range r.families {
		o := orderedFamily{name: f.name, help: f.help, kind: f.kind, labels: slices.Sorted(maps.Keys(f.members))}
		for _, l := range o.labels {
			o.members = append(o.members, f.members[l])
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b orderedFamily) int { return cmp.Compare(a.name, b.name) })
	return out
}

// each yields the samples of the family until yield says no.
func (f orderedFamily) each(yield func(Sample) bool) bool {
	more := true
	for i, m := range f.members {
		m.each(func(suffix, le string, value float64) {
			if !more {
				return
			}
			labels := f.labels[i]
			if le != "" {
				if labels != "" {
					labels += ","
				}
				labels += `le="` + le + `"`
			}
			more = yield(Sample{Name: f.name + suffix, Labels: labels, Value: value})
		})
	}
	return more
}

func writeSample(b *bufio.Writer, s Sample) error {
	line := append(make([]byte, 0, 128), s.Name...)
	if s.Labels != "" {
		line = append(line, '{')
		line = append(line, s.Labels...)
		line = append(line, '}')
	}
	line = append(line, ' ')
	line = append(appendNumber(line, s.Value), '\n')
	_, err := b.Write(line)
	return err
}

// appendNumber writes whole numbers without a point.
func appendNumber(dst []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.AppendInt(dst, int64(v), 10)
	}
	return appendFloat(dst, v)
}

// appendFloat writes the canonical form of OpenMetrics: "1.0", "0.005", "+Inf".
func appendFloat(dst []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-Inf"...)
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.AppendFloat(dst, v, 'f', 1, 64)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
