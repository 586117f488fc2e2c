// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const nsMUC = "http://jabber.org/protocol/muc" // XEP-0045

// rooms: -rooms rooms of -occ occupants, of whom -senders speak in turn.
func rooms() error {
	cs, err := crowd(cfg.first, cfg.rooms*cfg.occ, "c", online)
	defer func() { closeAll(cs) }() // which leaves the rooms; they are not persistent
	if err != nil {
		return err
	}
	domain := cfg.muc
	if domain == "" {
		domain = "conference." + cfg.domain
	}
	a := take()
	stamp := time.Now().UnixMilli() % 1e9
	errs := make([]error, cfg.rooms)
	turn := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for rm := range cfg.rooms {
		turn <- struct{}{}
		wg.Go(func() {
			room := fmt.Sprintf("r%d-%d@%s", stamp, rm, domain)
			for k, c := range cs[rm*cfg.occ:][:cfg.occ] {
				if err := c.join(room, k); err != nil {
					errs[rm] = fmt.Errorf("room %d occupant %d: %w", rm, k, err)
					break
				}
			}
			<-turn
		})
	}
	wg.Wait()
	settle(10 * time.Second)
	b := take()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := between("muc-join", fmt.Sprintf("rooms=%d occupants=%d", cfg.rooms, cfg.occ), "join", a, b, int64(len(cs)), nil).emit(); err != nil {
		return err
	}
	return talk(cs)
}

// join enters the room as its k-th occupant; the first makes it.
func (c *client) join(room string, k int) error {
	_ = c.c.SetDeadline(time.Now().Add(cfg.timeout))
	err := c.send(fmt.Sprintf("<presence to='%s/n%d'><x xmlns='%s'><history maxstanzas='0'/></x></presence>", room, k, nsMUC))
	if err != nil {
		return err
	}
	for joined := false; !joined; {
		e, err := c.next()
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(e, []byte("<presence")) {
			continue
		}
		if attr(e, "type") == "error" {
			return fmt.Errorf("join: %s", e)
		}
		joined = has(e, "code", "110")
	}
	if k == 0 {
		e, err := c.iq("mc", "<iq type='set' id='mc' to='"+room+"'><query xmlns='"+nsMUC+"#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>")
		if err != nil {
			return err
		}
		if attr(e, "type") != "result" {
			return fmt.Errorf("room config: %s", e)
		}
	}
	_ = c.c.SetDeadline(time.Time{})
	c.template("<message to='" + room + "' type='groupchat' id='g" + user(c.idx) + "'><body>%T" + pad() + "</body></message>")
	return nil
}

// talk measures the fan-out: when all have a message, the next one speaks.
func talk(cs []*client) error {
	m := &meter{}
	got := make([]atomic.Int64, cfg.rooms)
	turn := make([]atomic.Int64, cfg.rooms)
	locks := make([]sync.Mutex, len(cs)) // each guards a client's template
	speakers := min(cfg.occ, cfg.senders)
	kick := func(rm int) {
		k := rm*cfg.occ + int(turn[rm].Add(1))%speakers
		m.sent.Add(1)
		locks[k].Lock()
		_ = cs[k].fire(nowNS())
		locks[k].Unlock()
	}
	for k, c := range cs {
		rm := k / cfg.occ
		go func() {
			_ = c.pump(func(_ int, ns int64) {
				m.hit(ns)
				if got[rm].Add(1)%int64(cfg.occ) == 0 && !m.stop.Load() {
					kick(rm)
				}
			})
		}()
	}
	for rm := range cfg.rooms {
		for range cfg.win {
			kick(rm)
		}
	}
	params := fmt.Sprintf("rooms=%d occupants=%d win=%d senders=%d%s", cfg.rooms, cfg.occ, cfg.win, speakers, smParam())
	r := m.window("muc", params, "copy", int64(cfg.occ))
	r.acknowledged(cs)
	return r.emit()
}
