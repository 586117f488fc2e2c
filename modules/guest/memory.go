// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"sync/atomic"

	"tercet/core/ext"
	"tercet/core/metric"
	"tercet/core/module"
)

// A Memory is what one instance of a guest's module has of memory. The module's
// meter has the sum of all: those on other hosts, and the one that takes the
// place of another.
type Memory struct {
	meter *ext.Meter
	told  atomic.Int64
}

// NewMemory returns the memory of the module that s is the scope of, for as long
// as that lives.
func NewMemory(s *module.Scope) *Memory {
	m := &Memory{meter: ext.MeterOf(s)}
	s.Env.Metrics.GaugeFunc("tercet_module_memory_bytes", "Memory of a module that is not compiled in.",
		func() float64 { return float64(m.meter.Total().Memory) }, metric.Label{Name: "module", Value: s.Name()})
	s.Defer(func() error {
		m.Set(0)
		return nil
	})
	return m
}

// Set tells how many bytes there are now.
func (m *Memory) Set(bytes int64) { m.meter.AddMemory(bytes - m.told.Swap(bytes)) }
