// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// mqttConn is one MQTT 3.1.1 connection.
type mqttConn struct {
	c    net.Conn
	buf  []byte
	r, w int

	mu   sync.Mutex // guards writing, and what follows
	pub  []byte     // prebuilt PUBLISH
	off  int        // stamp offset
	idAt int        // packet id offset, 0 for QoS 0
	id   uint16
}

func mqttString(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s)&0xffff)), s...)
}

func mqttPacket(head byte, body []byte) []byte {
	b := binary.AppendUvarint([]byte{head}, uint64(len(body))) // the same coding as section 2.2.3
	return append(b, body...)
}

// frame returns the next packet's header byte and body.
func (c *mqttConn) frame() (byte, []byte, error) {
	for {
		if b := c.buf[c.r:c.w]; len(b) >= 2 {
			n, size := binary.Uvarint(b[1:min(len(b), 5)])
			if end := 1 + size + int(n&0xfffffff); size > 0 && len(b) >= end {
				c.r += end
				return b[0], b[1+size : end], nil
			}
		}
		copy(c.buf, c.buf[c.r:c.w])
		c.w -= c.r
		c.r = 0
		if c.w == len(c.buf) {
			return 0, nil, errors.New("frame larger than the buffer")
		}
		n, err := c.c.Read(c.buf[c.w:])
		if n == 0 && err != nil {
			return 0, nil, err
		}
		c.w += n
	}
}

func (c *mqttConn) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.c.Write(b)
	return err
}

// ask writes a packet and returns the body of the answer of that kind.
func (c *mqttConn) ask(packet []byte, want byte) ([]byte, error) {
	if err := c.write(packet); err != nil {
		return nil, err
	}
	_ = c.c.SetReadDeadline(time.Now().Add(cfg.timeout))
	h, p, err := c.frame()
	_ = c.c.SetReadDeadline(time.Time{})
	if err == nil && h != want {
		err = fmt.Errorf("packet %x %x, want %x", h, p, want)
	}
	return p, err
}

func mqttLogin(i int) (*mqttConn, error) {
	nc, err := dial()
	if err != nil {
		return nil, err
	}
	if cfg.tls != "none" {
		if nc, err = secure(nc); err != nil {
			return nil, err
		}
	}
	c := &mqttConn{c: nc, buf: make([]byte, cfg.rbuf)}
	name := strings.NewReplacer("%u", user(i), "%d", cfg.domain).Replace(cfg.mqttUser)
	body := append(mqttString("MQTT"), 4, 0xC2, 0, 0) // user, password, clean session, no keepalive
	body = append(body, mqttString(fmt.Sprintf("xl-%d-%d", i, time.Now().UnixNano()%1e6))...)
	body = append(body, mqttString(name)...)
	body = append(body, mqttString(password(i))...)
	p, err := c.ask(mqttPacket(0x10, body), 0x20)
	if err != nil {
		return nil, fmt.Errorf("CONNECT: %w", err)
	}
	if len(p) != 2 || p[1] != 0 {
		return nil, fmt.Errorf("CONNACK %x", p)
	}
	return c, nil
}

// topics is the mqtt scenario: groups of one publisher and -subs subscribers.
type topics struct {
	meter
	all  []*mqttConn
	pubs []*mqttConn    // by group
	seen []atomic.Int64 // by group
	acks atomic.Int64
	next int // user
}

func mqtt() error {
	m := &topics{seen: make([]atomic.Int64, cfg.groups), next: cfg.first}
	defer func() {
		for _, c := range m.all {
			_ = c.write([]byte{0xE0, 0})
			_ = c.c.Close()
		}
	}()
	stamp := time.Now().UnixMilli() % 1e9
	for g := range cfg.groups {
		topic := fmt.Sprintf("xl/%d/%d", stamp, g)
		for range cfg.subs {
			if err := m.subscribe(g, topic); err != nil {
				return err
			}
		}
		if err := m.publisher(topic); err != nil {
			return err
		}
	}
	settle(3 * time.Second)
	for g := range m.pubs {
		for range cfg.win {
			m.kick(g)
		}
	}
	r := m.window("mqtt", fmt.Sprintf("qos=%d groups=%d subs=%d win=%d", cfg.qos, cfg.groups, cfg.subs, cfg.win), "copy", int64(cfg.subs))
	if cfg.qos == 1 {
		time.Sleep(200 * time.Millisecond)
		r.Extra["pubacks_missing"] = float64(m.sent.Load() - m.acks.Load())
	}
	return r.emit()
}

func (m *topics) login() (*mqttConn, error) {
	c, err := mqttLogin(m.next)
	if err == nil {
		m.next++
		m.all = append(m.all, c)
	}
	return c, err
}

func (m *topics) subscribe(g int, topic string) error {
	c, err := m.login()
	if err != nil {
		return err
	}
	qos := byte(cfg.qos & 1)
	p, err := c.ask(mqttPacket(0x82, append(append([]byte{0, 1}, mqttString(topic)...), qos)), 0x90)
	if err != nil {
		return fmt.Errorf("SUBSCRIBE: %w", err)
	}
	if len(p) != 3 || p[2] != qos {
		return fmt.Errorf("SUBACK %x", p)
	}
	go func() {
		err := m.receive(c, g)
		if !errors.Is(err, io.EOF) && !m.stop.Load() {
			m.bounce.Add(1)
		}
	}()
	return nil
}

// receive takes the messages of one subscriber.
func (m *topics) receive(c *mqttConn, g int) error {
	ack := []byte{0x40, 2, 0, 0}
	for {
		h, p, err := c.frame()
		if err != nil {
			return err
		}
		if h>>4 != 3 {
			continue
		}
		at := 2 + int(binary.BigEndian.Uint16(p))
		if h&6 != 0 {
			copy(ack[2:], p[at:at+2])
			at += 2
			if err := c.write(ack); err != nil {
				return err
			}
		}
		m.hit(getHex(p[at+2 : at+18]))
		if m.seen[g].Add(1)%int64(cfg.subs) == 0 && !m.stop.Load() {
			m.kick(g)
		}
	}
}

// publisher logs in a publisher and prepares its message.
func (m *topics) publisher(topic string) error {
	c, err := m.login()
	if err != nil {
		return err
	}
	m.pubs = append(m.pubs, c)
	head, body, idAt := byte(0x30), mqttString(topic), 0
	if cfg.qos == 1 {
		head |= 2
		idAt = len(body)
		body = append(body, 0, 1)
	}
	at := len(body)
	body = append(body, "~T"+strings.Repeat("x", max(cfg.size, tokLen)-2)...)
	c.pub = mqttPacket(head, body)
	front := len(c.pub) - len(body)
	c.off = front + at + 2
	if idAt > 0 {
		c.idAt = front + idAt
	}
	go func() {
		for {
			h, _, err := c.frame()
			if err != nil {
				return
			}
			if h>>4 == 4 {
				m.acks.Add(1)
			}
		}
	}()
	return nil
}

// kick publishes the next message of a group.
func (m *topics) kick(g int) {
	c := m.pubs[g]
	c.mu.Lock()
	defer c.mu.Unlock()
	m.sent.Add(1)
	if c.idAt > 0 {
		if c.id++; c.id == 0 {
			c.id = 1
		}
		binary.BigEndian.PutUint16(c.pub[c.idAt:], c.id)
	}
	putHex(c.pub[c.off:c.off+16], nowNS())
	_, _ = c.c.Write(c.pub)
}
