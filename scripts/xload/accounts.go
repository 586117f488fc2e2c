// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// register makes accounts by XEP-0077, one stream each.
func register() error {
	var made, had atomic.Int64
	a := take()
	err := atOnce(cfg.n, func(k int) error {
		i := cfg.first + k
		c, err := connect(i)
		if err != nil {
			return err
		}
		defer c.bye()
		e, err := c.iq("r1", "<iq type='set' id='r1'><query xmlns='jabber:iq:register'><username>"+user(i)+
			"</username><password>"+password(i)+"</password></query></iq>")
		switch {
		case err != nil:
			return err
		case attr(e, "type") == "result":
			made.Add(1)
		case bytes.Contains(e, []byte("<conflict")):
			had.Add(1)
		default:
			return fmt.Errorf("register %s: %s", user(i), e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r := between("register", fmt.Sprintf("n=%d c=%d", cfg.n, cfg.conc), "account", a, take(), made.Load()+had.Load(), nil)
	r.Extra["already_there"] = float64(had.Load())
	return r.emit()
}

// logins logs in and out for a while, -c at a time over -n accounts.
func logins() error {
	var next, done, bad atomic.Int64
	var stop atomic.Bool
	var lat hist
	var last atomic.Pointer[error]
	var wg sync.WaitGroup
	for range cfg.conc {
		wg.Go(func() {
			for !stop.Load() {
				i := cfg.first + int(next.Add(1)-1)%cfg.n
				t := time.Now()
				c, err := login(i, "l")
				if err != nil {
					bad.Add(1)
					last.Store(&err)
					time.Sleep(20 * time.Millisecond)
					continue
				}
				lat.add(time.Since(t).Microseconds())
				done.Add(1)
				c.bye()
			}
		})
	}
	// One full round first, so that the salted passwords are cached here.
	await(&done, int64(cfg.n))
	time.Sleep(cfg.warm / 2)
	lat.reset()
	a, before := take(), done.Load()
	time.Sleep(cfg.dur)
	b, after := take(), done.Load()
	stop.Store(true)
	wg.Wait()
	r := between("login", fmt.Sprintf("%s c=%d users=%d", cfg.mech, cfg.conc, cfg.n), "login", a, b, after-before, &lat)
	r.Errors = bad.Load()
	if err := last.Load(); err != nil {
		fmt.Println("last error:", *err)
	}
	return r.emit()
}

// idle opens sessions in steps and reads the server's memory after a rest.
func idle() error {
	settle(5 * time.Second)
	if cfg.sm > 0 {
		cfg.rbuf = 512 // each session is read, to answer the server's <r/>
	}
	p0, r0 := serverMemory()
	var all []*client
	defer func() { closeAll(all) }()
	steps, err := numbers(cfg.steps)
	if err != nil {
		return err
	}
	for _, want := range steps {
		a := take()
		n, at := want-len(all), len(all)
		cs, err := crowdOf(n, func(k int) (*client, error) {
			k += at
			return login(cfg.first+k/cfg.resources, "i"+strconv.Itoa(k%cfg.resources))
		}, online)
		all = append(all, cs...)
		if err != nil {
			return err
		}
		if cfg.sm > 0 {
			for _, c := range cs {
				go func() { _ = c.pump(func(int, int64) {}) }()
			}
		}
		settle(20 * time.Second)
		if err := between("idle-login", fmt.Sprintf("to %d sessions c=%d", want, cfg.conc), "login", a, take(), int64(n), nil).emit(); err != nil {
			return err
		}
		a = take()
		time.Sleep(cfg.settle)
		b := take()
		p1, r1 := serverMemory()
		r := between("idle", fmt.Sprintf("sessions=%d%s%s", want, resourcesParam(), smParam()), "session", a, b, int64(want), nil)
		r.Extra["pss_kib_per_session"] = float64(p1-p0) / 1024 / float64(want)
		r.Extra["rss_kib_per_session"] = float64(r1-r0) / 1024 / float64(want)
		r.Extra["pss_mib_before"] = float64(p0) / (1 << 20)
		r.Extra["pss_mib_now"] = float64(p1) / (1 << 20)
		r.acknowledged(all)
		if err := r.emit(); err != nil {
			return err
		}
	}
	return nil
}

// resourcesParam is the part of a result's parameters that tells of -resources.
func resourcesParam() string {
	if cfg.resources == 1 {
		return ""
	}
	return " resources=" + strconv.Itoa(cfg.resources)
}
