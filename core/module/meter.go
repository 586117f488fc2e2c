// SPDX-License-Identifier: Apache-2.0

package module

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"tercet/core/ext"
	"tercet/core/metric"
)

// meters are what the modules cost, by name, as long as the server runs.
type meters struct {
	mu       sync.Mutex // guards what follows
	all      map[string]*ext.Meter
	watchers int
}

// meter is that of a module, on the server and all hosts together.
func (m *Manager) meter(name string) *ext.Meter {
	m.meters.mu.Lock()
	defer m.meters.mu.Unlock()
	if found := m.meters.all[name]; found != nil {
		return found
	}
	if m.meters.all == nil {
		m.meters.all = make(map[string]*ext.Meter)
	}
	fresh := new(ext.Meter)
	m.meters.all[name] = fresh
	for _, c := range [...]struct {
		name, help string
		value      func(ext.Usage) float64
	}{
		{"events", "Events that the module's handlers and timers have met: an estimate from samples.", func(u ext.Usage) float64 { return float64(u.Events) }},
		{"seconds", "Time that they took, by the clock: an estimate from samples.", func(u ext.Usage) float64 { return u.Time.Seconds() }},
		{"errors", "Requests and calls that failed for a fault of the module.", func(u ext.Usage) float64 { return float64(u.Errors) }},
		{"panics", "Panics that were recovered in the module's code.", func(u ext.Usage) float64 { return float64(u.Panics) }},
	} {
		m.env.Metrics.CounterFunc("tercet_module_"+c.name, c.help, func() float64 { return c.value(fresh.Total()) }, metric.Label{Name: "module", Value: name})
	}
	return fresh
}

// Meters are those of all modules that were loaded since the start, by name.
func (m *Manager) Meters() map[string]*ext.Meter {
	m.meters.mu.Lock()
	defer m.meters.mu.Unlock()
	return maps.Clone(m.meters.all)
}

// Watch has each event counted and timed, not a sample, until stop is called.
// It does not wait for a module that is being loaded or closed.
func (m *Manager) Watch() (stop func()) {
	m.watch(1)
	return sync.OnceFunc(func() { m.watch(-1) })
}

// watch is called with 0 when there are new tables.
func (m *Manager) watch(more int) {
	m.meters.mu.Lock()
	defer m.meters.mu.Unlock()
	m.meters.watchers += more
	on := m.meters.watchers > 0
	m.env.Router.Table.Watch(on)
	for _, h := range m.env.Router.Hosts() {
		h.Table.Watch(on)
	}
}

// Blame counts a panic at the module in whose code it was, as its stack says.
func (m *Manager) Blame(stack []byte) {
	all := m.Meters()
	names := slices.Sorted(maps.Keys(all))
	for line := range strings.Lines(string(stack)) { // innermost first
		for _, name := range names {
			if strings.HasPrefix(line, m.cat[name].pkg+".") {
				all[name].Panic()
				return
			}
		}
	}
}
