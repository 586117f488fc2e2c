// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// crowds is the presence scenario: groups of mutual contacts.
type crowds struct {
	meter
	cs         []*client
	size       int // of a group
	updating   atomic.Bool
	seen, turn []atomic.Int64 // by group: copies received, whose turn it is
}

// presence: first everybody comes online in turn (initial presence, probes
// answered), then a closed loop of presence updates.
func presence() error {
	m := &crowds{size: cfg.k + 1, seen: make([]atomic.Int64, cfg.groups), turn: make([]atomic.Int64, cfg.groups)}
	cs, err := crowd(cfg.first, m.size*cfg.groups, "p", func(c *client) error {
		n, err := c.mutual()
		if err == nil && n != cfg.k {
			err = fmt.Errorf("roster has %d mutual contacts, not %d: run roster-setup", n, cfg.k)
		}
		return err
	})
	defer func() { closeAll(cs) }()
	if err != nil {
		return err
	}
	m.cs = cs
	m.read()
	if err := m.arrive(); err != nil {
		return err
	}
	m.got.Store(0)
	m.self.Store(0)
	m.updating.Store(true)
	for g := range cfg.groups {
		m.kick(g)
	}
	r := m.window("presence", fmt.Sprintf("updates groups=%d contacts=%d%s", cfg.groups, cfg.k, smParam()), "presence", int64(cfg.k))
	r.Extra["self_copies_per_update"] = float64(m.self.Load()) / float64(max(1, m.sent.Load()))
	r.acknowledged(cs)
	return r.emit()
}

// kick has the next of the group send an update.
func (m *crowds) kick(g int) {
	k := int(m.turn[g].Add(1)) % m.size
	m.sent.Add(1)
	_ = m.cs[g*m.size+k].fire(nowNS())
}

func (m *crowds) read() {
	for k, c := range m.cs {
		c.template("<presence><status>%T</status></presence>")
		g := k / m.size
		go func() {
			_ = c.pump(func(from int, ns int64) {
				if from == c.idx {
					m.self.Add(1)
					return
				}
				m.hit(ns)
				if m.updating.Load() && m.seen[g].Add(1)%int64(cfg.k) == 0 && !m.stop.Load() {
					m.kick(g)
				}
			})
		}()
	}
}

// arrive measures the initial presences.
func (m *crowds) arrive() error {
	settle(3 * time.Second)
	a := take()
	for _, c := range m.cs {
		if err := c.fire(nowNS()); err != nil {
			return err
		}
	}
	want := int64(len(m.cs) * cfg.k)
	await(&m.got, want)
	t := time.Now()
	settle(5 * time.Second)
	b := take()
	b.t = t
	got := m.got.Load()
	r := between("presence-on", fmt.Sprintf("groups=%d contacts=%d%s", cfg.groups, cfg.k, smParam()), "presence", a, b, min(got, want), nil)
	// Two users who come online at the same moment may each be told twice
	// (broadcast and probe answer), so more than want is possible; what a
	// server sends twice is not counted as two.
	r.Lost = max(0, want-got)
	r.Extra["copies_per_contact"] = float64(got) / float64(want)
	return r.emit()
}
