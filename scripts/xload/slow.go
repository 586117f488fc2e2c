// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// slowReaders: pairs chat at -rate, and -slow sessions are sent -flood large
// messages a second, which they first read, then do not.
func slowReaders() error {
	healthy := 2 * cfg.pairs
	cs, err := crowd(cfg.first, healthy+cfg.slow+1, "m", online)
	defer func() { closeAll(cs) }()
	if err != nil {
		return err
	}
	m := &chat{cs: cs[:healthy]}
	for k, c := range m.cs {
		c.template("<message to='" + cs[k^1].jid + "' type='chat' id='m" + user(c.idx) + "'><body>%T" + pad() + "</body></message>")
	}
	slow, flooder := cs[healthy:healthy+cfg.slow], cs[healthy+cfg.slow]
	var asleep, over atomic.Bool
	for _, c := range slow {
		c.shrink()
		go c.readUntil(&asleep)
	}
	go flooder.readUntil(&over)
	settle(5 * time.Second)
	var flooded, peak atomic.Int64
	before, _ := serverMemory()
	go watchMemory(&peak, &over)
	go flooder.flood(slow, &over, &flooded)
	m.read(func(int) {})
	ended := m.pace()
	time.Sleep(cfg.warm)
	m.lat.reset()
	time.Sleep(cfg.dur)
	reading := float64(m.lat.quantile(.99)) / 1e3
	at := flooded.Load()
	asleep.Store(true)
	r := m.window("slow", fmt.Sprintf("pairs=%d rate=%.0f slow=%d flood=%.0fx%d", cfg.pairs, cfg.rate, cfg.slow, cfg.flood, cfg.floodSize), "msg", 1)
	<-ended
	over.Store(true)
	r.Extra["p99_ms_all_read"] = reading
	r.Extra["pss_mib_grown"] = float64(peak.Load()-before) / (1 << 20)
	r.Extra["flooded_mib"] = float64(flooded.Load()-at) * float64(cfg.floodSize) / (1 << 20)
	return r.emit()
}

// watchMemory keeps the most memory that the server has, until stop.
func watchMemory(peak *atomic.Int64, stop *atomic.Bool) {
	for !stop.Load() {
		pss, _ := serverMemory()
		peak.Store(max(peak.Load(), pss))
		time.Sleep(250 * time.Millisecond)
	}
}

// flood sends headlines, which no server stores or sends back.
func (c *client) flood(to []*client, over *atomic.Bool, count *atomic.Int64) {
	body := strings.Repeat("y", cfg.floodSize)
	step := time.Duration(float64(time.Second) / cfg.flood)
	due := time.Now()
	for k := 0; !over.Load(); k++ {
		due = due.Add(step)
		time.Sleep(time.Until(due))
		if c.send("<message to='"+to[k%len(to)].jid+"' type='headline'><body>"+body+"</body></message>") != nil {
			return
		}
		count.Add(1)
	}
}

// readUntil throws away what comes, until stop.
func (c *client) readUntil(stop *atomic.Bool) {
	buf := make([]byte, 16<<10)
	for !stop.Load() {
		if _, err := c.c.Read(buf); err != nil {
			return
		}
	}
}

// shrink makes the kernel's receive buffer small, so that what is not read
// stays with the server.
func (c *client) shrink() {
	nc := c.c
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetReadBuffer(4096)
	}
}
