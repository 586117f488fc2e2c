// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"time"
)

// mutual counts the contacts with the subscription "both".
func (c *client) mutual() (int, error) {
	e, err := c.iq("ro", "<iq type='get' id='ro'><query xmlns='jabber:iq:roster'/></iq>")
	if err != nil {
		return 0, err
	}
	return count(e, "subscription", "both"), nil
}

// rosterSetup makes -groups groups of -k+1 users, everybody in a group
// mutually subscribed, by the RFC 6121 handshake itself.
func rosterSetup() error {
	for g := range cfg.groups {
		if err := befriend(cfg.first + g*(cfg.k+1)); err != nil {
			return fmt.Errorf("group %d: %w", g, err)
		}
	}
	fmt.Printf("%-10s roster-setup   groups=%d contacts=%d: every roster complete\n", cfg.label, cfg.groups, cfg.k)
	return nil
}

// befriend subscribes users base..base+k to each other, unless they are.
func befriend(base int) error {
	var lacking atomic.Bool
	cs, err := crowd(base, cfg.k+1, "r", func(c *client) error {
		n, err := c.mutual()
		if err != nil {
			return err
		}
		if n != cfg.k {
			lacking.Store(true)
		}
		return c.send("<presence/>")
	})
	defer func() { closeAll(cs) }()
	if err != nil || !lacking.Load() {
		return err
	}
	if err := handshakes(cs); err != nil {
		return err
	}
	settle(5 * time.Second)
	c, err := login(base, "check")
	if err != nil {
		return err
	}
	defer c.bye()
	n, err := c.mutual()
	if err == nil && n != cfg.k {
		err = fmt.Errorf("%d mutual contacts of %d", n, cfg.k)
	}
	return err
}

// handshakes subscribes all of cs to each other: requests one way, approvals
// with requests back, approvals.
func handshakes(cs []*client) error {
	var requests, approvals atomic.Int64
	for _, c := range cs {
		go func() {
			for {
				e, err := c.next()
				if err != nil {
					return
				}
				switch {
				case !bytes.HasPrefix(e, []byte("<presence")):
				case attr(e, "type") == "subscribe":
					requests.Add(1)
				case attr(e, "type") == "subscribed":
					approvals.Add(1)
				}
			}
		}()
	}
	send := func(from, to *client, typ string) {
		_ = from.send("<presence type='" + typ + "' to='" + bare(to.idx) + "'/>")
	}
	pairs := int64(len(cs) * (len(cs) - 1) / 2)
	for _, step := range []struct {
		each func(low, high *client)
		of   *atomic.Int64
		want int64
		what string
	}{
		{func(low, high *client) { send(low, high, "subscribe") }, &requests, pairs, "requests"},
		{func(low, high *client) { send(high, low, "subscribed"); send(high, low, "subscribe") }, &requests, 2 * pairs, "requests back"},
		{func(low, high *client) { send(low, high, "subscribed") }, &approvals, 2 * pairs, "approvals"},
	} {
		for i, low := range cs {
			for _, high := range cs[i+1:] {
				step.each(low, high)
			}
		}
		if got := await(step.of, step.want); got < step.want {
			return fmt.Errorf("%d of %d %s", got, step.want, step.what)
		}
	}
	return nil
}
