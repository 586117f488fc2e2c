// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"sync/atomic"
	"time"

	"tercet/core/ext"
	"tercet/core/guest"
	"tercet/core/metric"
	"tercet/core/module"
)

// A Policy is what a guest leaves behind that fails or is suspended.
type Policy string

// The policies: as if it were not there; what it guards is refused; the module
// is unloaded once it is suspended. Auto is Stop for the names in
// modules_critical, and Pass for all others.
const (
	Auto   Policy = ""
	Pass   Policy = "pass"
	Stop   Policy = "stop"
	Unload Policy = "unload"
)

// patience is how many calls in a row may fail.
const patience = 10

// A Guard is what stands between one guest and the server: it counts failures
// and suspends the guest after ten in a row.
type Guard struct {
	scope     *module.Scope
	policy    Policy
	meter     *ext.Meter
	row       atomic.Int32 // failures since the last success
	logged    atomic.Int64 // when a failure was logged last; 0: never
	suspended atomic.Bool
}

// NewGuard returns the guard of the module that s is the scope of.
func NewGuard(s *module.Scope, p Policy) *Guard {
	if p == Auto {
		p = Pass
		if Critical(s) {
			p = Stop
		}
	}
	g := &Guard{scope: s, policy: p, meter: ext.MeterOf(s)}
	labels := []metric.Label{{Name: "module", Value: s.Name()}, {Name: "host", Value: s.Host.Name}}
	remove := s.Env.Metrics.GaugeFunc("tercet_guest_suspended", "Whether a guest has failed so often that it is not called any more.",
		func() float64 {
			if g.Suspended() {
				return 1
			}
			return 0
		}, labels...)
	s.Defer(func() error {
		remove()
		return nil
	})
	return g
}

// Critical reports whether the config says that the server shall not run without
// the module.
func Critical(s *module.Scope) bool {
	v, _ := s.Config().Lookup("", "modules_critical")
	for _, name := range v.List() {
		if name.Str() == s.Name() {
			return true
		}
	}
	return v.Str() == s.Name()
}

// Closes reports whether the guest closes the door that it guards when it fails.
func (g *Guard) Closes() bool { return g.policy == Stop }

// Suspended reports whether the guest is not to be called any more.
func (g *Guard) Suspended() bool { return g.suspended.Load() }

// Succeeded notes a call that went well.
func (g *Guard) Succeeded() {
	if g.row.Load() != 0 {
		g.row.Store(0)
	}
}

// logEvery is how often failures of one guest are logged at most.
const logEvery = int64(10 * time.Second)

// note counts a failure, and logs it now and then: a guest cannot fill the log
// by failing.
func (g *Guard) note(ctx context.Context, point string, err error) {
	g.meter.Error()
	at, last := now(), g.logged.Load()
	if (last == 0 || at-last > logEvery) && g.logged.CompareAndSwap(last, at) {
		g.scope.Log.ErrorContext(ctx, "guest failed", "point", point, "err", err, "on_failure", string(g.policy))
	}
}

// Missed notes a call that was not answered by a guest that its runtime starts
// again: it is suspended for that only where it is then unloaded.
func (g *Guard) Missed(ctx context.Context, point string, err error) {
	if g.policy == Unload {
		g.Failed(ctx, point, err)
		return
	}
	g.note(ctx, point, err)
}

// Failed notes a call that failed.
func (g *Guard) Failed(ctx context.Context, point string, err error) {
	g.note(ctx, point, err)
	n := g.row.Add(1)
	if n < patience || !g.suspended.CompareAndSwap(false, true) {
		return
	}
	g.scope.Suspend()
	g.scope.Log.ErrorContext(ctx, "guest suspended after ten failures in a row",
		"point", point, "err", err, "on_failure", string(g.policy), "again", "tercet module reload "+g.scope.Name())
	if g.policy == Unload {
		m, host, name, log := g.scope.Env.Manager, g.scope.Host.Name, g.scope.Name(), g.scope.Log
		Detach(func() {
			if err := m.Unload(context.WithoutCancel(ctx), host, name); err != nil {
				log.ErrorContext(ctx, "guest not unloaded", "err", err)
			}
		})
	}
}

// Verdict answers an event for a guest that has failed, or is suspended.
func (g *Guard) Verdict(ctx context.Context, ev *guest.Event) ext.Verdict {
	return g.policy.verdict(ctx, ev)
}
