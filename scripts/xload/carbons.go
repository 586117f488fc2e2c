// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// copied is the carbons scenario: of each group the first client writes to the
// first resource of an account whose others get carbon copies (XEP-0280).
type copied struct {
	meter
	cs   []*client
	size int            // of a group: the sender and -resources
	seen []atomic.Int64 // by group
}

func copies() error {
	cfg.carbons = true
	m := &copied{size: 1 + cfg.resources, seen: make([]atomic.Int64, cfg.pairs)}
	cs, err := crowdOf(cfg.pairs*m.size, func(k int) (*client, error) {
		i := cfg.first + k/m.size*2
		if k%m.size > 0 {
			i++
		}
		return login(i, "c"+strconv.Itoa(k%m.size))
	}, online)
	defer func() { closeAll(cs) }()
	if err != nil {
		return err
	}
	m.cs = cs
	for g := range cfg.pairs {
		c, to := cs[g*m.size], cs[g*m.size+1]
		c.template("<message to='" + to.jid + "' type='chat' id='k" + user(c.idx) + "'><body>%T" + pad() + "</body></message>")
	}
	settle(5 * time.Second) // a server may still be telling itself who wants carbons
	m.read()
	for g := range cfg.pairs {
		for range cfg.win {
			m.kick(g)
		}
	}
	r := m.window("carbons", fmt.Sprintf("pairs=%d resources=%d win=%d%s", cfg.pairs, cfg.resources, cfg.win, smParam()), "copy", int64(cfg.resources))
	r.acknowledged(cs)
	return r.emit()
}

func (m *copied) kick(g int) {
	m.sent.Add(1)
	_ = m.cs[g*m.size].fire(nowNS())
}

// read has a sender go on when all resources have had as many as it sent.
func (m *copied) read() {
	for k, c := range m.cs {
		g := k / m.size
		go func() {
			_ = c.pump(func(from int, ns int64) {
				if from == c.idx {
					m.bounce.Add(1)
					return
				}
				m.hit(ns)
				if m.seen[g].Add(1)%int64(cfg.resources) == 0 && !m.stop.Load() {
					m.kick(g)
				}
			})
		}()
	}
}
