// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
)

// pings is the ping scenario: 2*-pairs sessions ask the server, -win requests
// of each in flight. The token is the id, which comes back with the answer.
func pings() error {
	cs, err := crowd(cfg.first, 2*cfg.pairs, "p", pongs)
	defer func() { closeAll(cs) }()
	if err != nil {
		return err
	}
	m := &chat{cs: cs}
	for _, c := range cs {
		c.template(pingOf("%T"))
	}
	for k := range cs {
		for range cfg.win {
			if err := m.fire(k); err != nil {
				return err
			}
		}
	}
	for k, c := range cs {
		go func() {
			_ = c.pump(func(_ int, ns int64) {
				m.hit(ns)
				if !m.stop.Load() {
					_ = m.fire(k)
				}
			})
		}()
	}
	return m.window("ping", fmt.Sprintf("sessions=%d win=%d", 2*cfg.pairs, cfg.win), "ping", 1).emit()
}

func pingOf(id string) string {
	return "<iq type='get' id='" + id + "' to='" + cfg.domain + "'><ping xmlns='urn:xmpp:ping'/></iq>"
}

// pongs makes sure that the server answers pings, for afterwards errors look as
// results do.
func pongs(c *client) error {
	e, err := c.iq("p0", pingOf("p0"))
	if err == nil && attr(e, "type") != "result" {
		err = errors.New("the server answers no pings")
	}
	return err
}
