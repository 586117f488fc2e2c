// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// login gives a bound session, no presence sent yet.
func login(i int, resource string) (*client, error) {
	c, err := connect(i)
	if err != nil {
		return nil, err
	}
	if err := c.bind(resource); err != nil {
		_ = c.c.Close()
		return nil, err
	}
	_ = c.c.SetDeadline(time.Time{})
	return c, nil
}

// bind authenticates and binds.
func (c *client) bind(resource string) error {
	if err := c.auth(); err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	e, err := c.iq("b1", "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>"+resource+"</resource></bind></iq>")
	if err != nil {
		return err
	}
	if c.jid = text(e, "jid"); c.jid == "" {
		return fmt.Errorf("bind: %s", e)
	}
	const nsSession = "urn:ietf:params:xml:ns:xmpp-session" // RFC 3921 3
	if i := bytes.Index(c.feat, []byte(nsSession)); i >= 0 && (cfg.session || !bytes.Contains(c.feat[i:], []byte("<optional"))) {
		if err := c.set("s1", "session", "<session xmlns='"+nsSession+"'/>"); err != nil {
			return err
		}
	}
	if cfg.sm > 0 {
		return c.enable()
	}
	return nil
}

// prefs applies -mam and -carbons.
func (c *client) prefs() error {
	if cfg.mam != "keep" {
		def := "never"
		if cfg.mam == "on" {
			def = "always"
		}
		err := c.set("mp", "archive preferences (use -mam keep)", "<prefs xmlns='urn:xmpp:mam:2' default='"+def+"'><always/><never/></prefs>")
		if err != nil {
			return err
		}
	}
	if cfg.carbons {
		return c.set("cc", "carbons", "<enable xmlns='urn:xmpp:carbons:2'/>")
	}
	return nil
}

// online is prefs and the initial presence.
func online(c *client) error {
	if cfg.echo {
		return nil
	}
	if err := c.prefs(); err != nil {
		return err
	}
	return c.send("<presence/>")
}

// bye acknowledges what came, so that nothing is stored again, and closes.
func (c *client) bye() {
	if cfg.echo {
		_ = c.c.Close()
		return
	}
	end := "</stream:stream>"
	if c.sm != nil {
		end = c.sm.answer() + end
	}
	_ = c.send(end)
	_ = c.c.Close()
}

// crowd logs in users first..first+n-1 with limited concurrency.
func crowd(first, n int, resource string, each func(*client) error) ([]*client, error) {
	return crowdOf(n, func(k int) (*client, error) { return login(first+k, resource) }, each)
}

// crowdOf is what enter gives for 0..n-1, each of them then gone through each.
func crowdOf(n int, enter func(k int) (*client, error), each func(*client) error) ([]*client, error) {
	cs := make([]*client, n)
	err := atOnce(n, func(k int) error {
		c, err := enter(k)
		if err == nil {
			cs[k] = c
			if each != nil {
				err = each(c)
			}
		}
		if err != nil {
			return fmt.Errorf("session %d: %w", k, err)
		}
		return nil
	})
	return cs, err
}

// atOnce calls fn for 0..n-1, -c at a time, until one fails.
func atOnce(n int, fn func(k int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	var first atomic.Pointer[error]
	for range cfg.conc {
		wg.Go(func() {
			for first.Load() == nil {
				k := int(next.Add(1) - 1)
				if k >= n {
					return
				}
				if err := fn(k); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

func closeAll(cs []*client) {
	var wg sync.WaitGroup
	turn := make(chan struct{}, 32)
	for _, c := range cs {
		if c == nil {
			continue
		}
		turn <- struct{}{}
		wg.Go(func() { c.bye(); <-turn })
	}
	wg.Wait()
}
