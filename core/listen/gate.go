// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"fmt"
	"sync/atomic"

	"tercet/core/metric"
)

// Gate bounds how much of one kind of costly work, such as TLS handshakes or
// PBKDF2, is done at the same time. A nil Gate lets everything pass.
type Gate struct {
	places  chan struct{}
	waiting atomic.Int64
	waits   *metric.Counter
}

// NewGate makes a gate for n at a time, at least one. The metrics, which may be
// nil, get what waits and works under the given name.
func NewGate(n int, name string, m *metric.Registry) *Gate {
	g := &Gate{places: make(chan struct{}, max(n, 1))}
	label := metric.Label{Name: "gate", Value: name}
	g.waits = m.Counter("gate_waits", "Work that had to wait for a place.", label)
	m.GaugeFunc("gate_waiting", "Work that waits for a place.", func() float64 { return float64(g.waiting.Load()) }, label)
	m.GaugeFunc("gate_busy", "Places that are taken.", func() float64 { return float64(len(g.places)) }, label)
	return g
}

// Enter waits for a place, in order of arrival; its error wraps the context's.
func (g *Gate) Enter(ctx context.Context) error {
	if g == nil || g.TryEnter() {
		return nil
	}
	g.waits.Inc()
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	select {
	case g.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for one of %d places: %w", cap(g.places), context.Cause(ctx))
	}
}

// TryEnter takes a place if there is one. It does not overtake who waits.
func (g *Gate) TryEnter() bool {
	if g == nil {
		return true
	}
	select {
	case g.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// Leave gives the place back.
func (g *Gate) Leave() {
	if g == nil {
		return
	}
	select {
	case <-g.places:
	default: // nobody was in
	}
}

// Waiting is how many wait for a place.
func (g *Gate) Waiting() int {
	if g == nil {
		return 0
	}
	return int(g.waiting.Load())
}
