// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// chat is the msg scenario: clients 2k and 2k+1 are a pair.
type chat struct {
	meter
	cs   []*client
	kind string // what the messages are sent to
}

func messages() error {
	m := &chat{kind: "full"}
	enter := login
	if cfg.echo {
		m.kind, enter = "echo", mirror
	} else if cfg.bare {
		m.kind = "bare"
	}
	cs, err := crowdOf(2*cfg.pairs, func(k int) (*client, error) { return enter(cfg.first+k, "m") }, online)
	defer func() { closeAll(cs) }()
	if err != nil {
		return err
	}
	m.cs = cs
	for k, c := range cs {
		to := cs[k^1].jid
		if cfg.bare {
			to = bare(cs[k^1].idx)
		}
		c.template("<message to='" + to + "' type='chat' id='m" + user(c.idx) + "'><body>%T" + pad() + "</body></message>")
	}
	settle(5 * time.Second)
	switch {
	case cfg.total > 0:
		return m.fixed()
	case cfg.rate > 0:
		return m.open()
	default:
		return m.closed()
	}
}

// mirror connects to a server that sends back what it gets: the same records
// as those of a chat, without the XMPP.
func mirror(i int, resource string) (*client, error) {
	nc, err := dial()
	if err != nil {
		return nil, err
	}
	t, err := secure(nc)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return &client{c: t, idx: i, name: user(i), jid: bare(i) + "/" + resource}, nil
}

// writer is who sends when k has received: the other one of the pair.
func (m *chat) writer(k int) int {
	if cfg.echo {
		return k
	}
	return k ^ 1
}

// read pumps all clients; arrived is called with the receiver's index.
func (m *chat) read(arrived func(k int)) {
	for k, c := range m.cs {
		go func() {
			_ = c.pump(func(from int, ns int64) {
				if from == c.idx && !cfg.echo {
					m.bounce.Add(1)
					return
				}
				m.hit(ns)
				arrived(k)
			})
		}()
	}
}

func (m *chat) fire(k int) error {
	m.sent.Add(1)
	return m.cs[k].fire(nowNS())
}

// fixed is -total messages per user, for stores that grow, in a window of
// -win; the last ones are waited for.
func (m *chat) fixed() error {
	left := make([]atomic.Int64, len(m.cs))
	for k := range left {
		left[k].Store(int64(cfg.total))
	}
	had, err := m.archived()
	if err != nil {
		return err
	}
	m.read(func(k int) {
		if w := m.writer(k); left[w].Add(-1) >= 0 {
			_ = m.fire(w)
		}
	})
	a := take()
	for k := range m.cs {
		for range cfg.win {
			if left[k].Add(-1) >= 0 {
				if err := m.fire(k); err != nil {
					return err
				}
			}
		}
	}
	want := int64(len(m.cs) * cfg.total)
	await(&m.got, want)
	t := time.Now()
	settle(20 * time.Second)
	b := take()
	b.t = t
	params := fmt.Sprintf("%s pairs=%d win=%d each=%d mam=%s%s", m.kind, cfg.pairs, cfg.win, cfg.total, cfg.mam, smParam())
	r := between("msg-"+cfg.tag, params, "msg", a, b, m.got.Load(), &m.lat)
	r.Lost = want - m.got.Load()
	r.Errors = m.bounce.Load()
	r.acknowledged(m.cs)
	has, err := m.archived()
	if err != nil {
		return err
	}
	if missing := had + 2*want - has; cfg.kept && missing != 0 {
		r.Lost += missing
		r.Extra["not_archived"] = float64(missing)
	}
	return r.emit()
}

// archived is how many messages all archives have, with -kept.
func (m *chat) archived() (int64, error) {
	if !cfg.kept {
		return 0, nil
	}
	var all atomic.Int64
	cs, err := crowd(cfg.first, len(m.cs), "count", func(c *client) error {
		n, err := c.archived()
		if err == nil && n < 0 {
			err = errors.New("the server does not count its archive: use -kept=false")
		}
		all.Add(int64(n))
		return err
	})
	closeAll(cs)
	return all.Load(), err
}

// open sends at -rate, whatever comes back; stamps are the scheduled times.
func (m *chat) open() error {
	m.read(func(int) {})
	ended := m.pace()
	r := m.window("msg-open", fmt.Sprintf("%s pairs=%d rate=%.0f%s", m.kind, cfg.pairs, cfg.rate, smParam()), "msg", 1)
	<-ended
	r.acknowledged(m.cs)
	return r.emit()
}

// pace sends at -rate until the meter stops.
func (m *chat) pace() (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		step := time.Duration(float64(time.Second) / cfg.rate)
		due := time.Duration(nowNS())
		for k := 0; !m.stop.Load(); k++ {
			due += step
			if d := due - time.Duration(nowNS()); d > 0 {
				time.Sleep(d)
			}
			m.sent.Add(1)
			_ = m.cs[k%len(m.cs)].fire(int64(due))
		}
	}()
	return ended
}

// closed keeps -win messages in flight from each.
func (m *chat) closed() error {
	for k := range m.cs {
		for range cfg.win {
			if err := m.fire(k); err != nil {
				return err
			}
		}
	}
	m.read(func(k int) {
		if !m.stop.Load() {
			_ = m.fire(m.writer(k))
		}
	})
	r := m.window("msg", fmt.Sprintf("%s pairs=%d win=%d size=%d%s", m.kind, cfg.pairs, cfg.win, cfg.size, smParam()), "msg", 1)
	r.acknowledged(m.cs)
	return r.emit()
}
