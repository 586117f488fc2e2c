// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// offline: -pairs senders store -total messages for each of -n offline users,
// who then log in and drain.
func offline() error {
	senders, err := crowd(cfg.first, cfg.pairs, "o", online)
	defer func() { closeAll(senders) }()
	if err != nil {
		return err
	}
	receivers := cfg.first + cfg.pairs
	if err := emptyStores(receivers); err != nil {
		return err
	}
	m := &meter{}
	params := fmt.Sprintf("users=%d each=%d mam=%s%s", cfg.n, cfg.total, cfg.mam, smParam())
	a := take()
	if err := m.store(senders, receivers); err != nil {
		return err
	}
	t := time.Now()
	settle(60 * time.Second)
	b := take()
	b.t = t
	if err := between("offline-store", params, "msg", a, b, m.sent.Load(), nil).emit(); err != nil {
		return err
	}
	settle(5 * time.Second)
	return m.drainStores(receivers, params)
}

// emptyStores has the receivers take what an earlier run left over.
func emptyStores(receivers int) error {
	if cfg.mam != "keep" {
		cs, err := crowd(receivers, cfg.n, "o", (*client).prefs)
		closeAll(cs)
		if err != nil {
			return err
		}
	}
	cs, err := crowd(receivers, cfg.n, "o", online)
	defer func() {
		closeAll(cs)
		settle(5 * time.Second)
	}()
	if err != nil {
		return err
	}
	for _, c := range cs {
		go func() { _ = c.pump(func(int, int64) {}) }()
	}
	time.Sleep(2 * time.Second)
	settle(10 * time.Second)
	return nil
}

// store sends to the receivers, each sender to its share of them.
func (m *meter) store(senders []*client, receivers int) error {
	var wg sync.WaitGroup
	errs := make([]error, len(senders))
	for s, c := range senders {
		wg.Go(func() {
			_ = c.c.SetDeadline(time.Now().Add(cfg.timeout))
			for u := s; u < cfg.n && errs[s] == nil; u += len(senders) {
				errs[s] = m.storeFor(c, receivers+u)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// storeFor sends -total messages, and after each window asks for a ping, so
// that the server has taken them.
func (m *meter) storeFor(c *client, to int) error {
	c.template("<message to='" + bare(to) + "' type='chat' id='f" + user(c.idx) + "'><body>%T" + pad() + "</body></message>")
	for k := range cfg.total {
		m.sent.Add(1)
		if err := c.fire(nowNS()); err != nil {
			return err
		}
		if k%cfg.win == cfg.win-1 || k == cfg.total-1 {
			_, err := c.iq("pi", "<iq type='get' id='pi' to='"+cfg.domain+"'><ping xmlns='urn:xmpp:ping'/></iq>")
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// drainStores logs in without presence outside of the measurement, then drains.
func (m *meter) drainStores(receivers int, params string) error {
	cs, err := crowd(receivers, cfg.n, "o", nil)
	defer func() { closeAll(cs) }()
	if err != nil {
		return err
	}
	for _, c := range cs {
		go func() { _ = c.pump(func(int, int64) { m.got.Add(1) }) }()
	}
	settle(5 * time.Second)
	a := take()
	for _, c := range cs {
		if err := c.send("<presence/>"); err != nil {
			return err
		}
	}
	m.drain(1, cfg.timeout)
	t := time.Now()
	settle(20 * time.Second)
	b := take()
	b.t = t
	r := between("offline-drain", params, "msg", a, b, m.got.Load(), nil)
	r.Lost = m.sent.Load() - m.got.Load()
	r.acknowledged(cs)
	return r.emit()
}
