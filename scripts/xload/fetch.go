// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

const askRoster = "<iq type='get' id='ro'><query xmlns='jabber:iq:roster'/></iq>"

// rosterFetch fills one roster to -k contacts, then fetches it whole, again and
// again, from -c sessions of its account.
func rosterFetch() error {
	if err := fillRoster(); err != nil {
		return err
	}
	sessions := cfg.conc
	cs, err := crowdOf(sessions, func(k int) (*client, error) { return login(cfg.first, "f"+strconv.Itoa(k)) }, nil)
	defer func() { closeAll(cs) }()
	if err != nil {
		return err
	}
	m := &meter{}
	for _, c := range cs {
		if err := m.ask(c); err != nil {
			return err
		}
		go func() {
			a := answers{end: func(items int, at int64) {
				if m.hit(at); items != cfg.k {
					m.bounce.Add(1)
				}
				if !m.stop.Load() {
					_ = m.ask(c)
				}
			}}
			a.read(c)
		}()
	}
	return m.window("roster-fetch", fmt.Sprintf("items=%d c=%d", cfg.k, sessions), "fetch", 1).emit()
}

func (m *meter) ask(c *client) error {
	m.sent.Add(1)
	return c.send(askRoster)
}

// answers counts the items of each answer in a stream that has nothing else,
// without keeping it. The next is asked for when one has ended.
type answers struct {
	tags  tags
	items int
	tail  []byte
	end   func(items int, asked int64)
}

var itemMark = []byte("<item ")

// read reads until the connection ends. It tells end when the answer was asked
// for: at the end of the one before.
func (a *answers) read(c *client) {
	asked := nowNS()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.c.Read(buf)
		a.piece(buf[:n], func(items int) {
			at := asked
			asked = nowNS()
			a.end(items, at)
		})
		if err != nil {
			return
		}
	}
}

func (a *answers) piece(b []byte, end func(items int)) {
	a.tail = append(a.tail, b...)
	a.items += bytes.Count(a.tail, itemMark)
	a.tail = append(a.tail[:0], a.tail[max(0, len(a.tail)-len(itemMark)+1):]...)
	a.tags.read(b, func(top byte, _ []byte) {
		if top == 'i' {
			end(a.items)
			a.items = 0
		}
	})
}

// fillRoster adds contacts, -win at a time, until there are -k.
func fillRoster() error {
	c, err := login(cfg.first, "fill")
	if err != nil {
		return err
	}
	defer c.bye()
	_ = c.c.SetDeadline(time.Now().Add(4 * cfg.timeout))
	e, err := c.iq("ro", askRoster)
	if err != nil {
		return err
	}
	for at := bytes.Count(e, itemMark); at < cfg.k; {
		n := min(cfg.win, cfg.k-at)
		for i := at; i < at+n; i++ {
			id := strconv.Itoa(i)
			if err := c.send("<iq type='set' id='rs'><query xmlns='jabber:iq:roster'><item jid='contact" + id + "@" + cfg.domain +
				"' name='Contact number " + id + "'><group>Friends</group></item></query></iq>"); err != nil {
				return err
			}
		}
		for left := n; left > 0; {
			e, err := c.next()
			if err != nil {
				return fmt.Errorf("fill the roster: %w after %d", err, at)
			}
			if attr(e, "id") != "rs" || !bytes.HasPrefix(e, []byte("<iq")) {
				continue // a roster push
			}
			if attr(e, "type") != "result" {
				return fmt.Errorf("fill the roster: %s", e)
			}
			left--
		}
		at += n
	}
	settle(5 * time.Second)
	return nil
}
