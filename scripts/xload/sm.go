// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	nsSM   = "urn:xmpp:sm:3" // XEP-0198
	askNow = "<r xmlns='" + nsSM + "'/>"
)

// management is the stream management (XEP-0198) of one stream. One goroutine
// sends stanzas, one reads.
type management struct {
	sent     atomic.Uint32 // stanzas since <enable/>
	acked    atomic.Uint32 // the server's last h
	received atomic.Uint32 // stanzas since <enabled/>
	asked    atomic.Int64  // our <r/>
	acks     atomic.Int64  // the server's <a/>
	answered atomic.Int64  // our <a/>
	tags     tags
}

// isStanza tells a message, presence or iq by its first letter.
func isStanza(ch byte) bool { return ch == 'm' || ch == 'p' || ch == 'i' }

// count counts a stanza that is being sent; ask: <r/> is due behind it.
func (m *management) count() (ask bool) {
	if ask = m.sent.Add(1)%uint32(max(1, cfg.sm)) == 0; ask { //nolint:gosec // G115: a flag of a few digits
		m.asked.Add(1)
	}
	return ask
}

func (m *management) answer() string {
	m.answered.Add(1)
	return "<a xmlns='" + nsSM + "' h='" + strconv.FormatUint(uint64(m.received.Load()), 10) + "'/>"
}

// ack takes the server's <a/>.
func (m *management) ack(h string) {
	n, err := strconv.ParseUint(h, 10, 32)
	if err != nil {
		return // shows as unacknowledged
	}
	m.acks.Add(1)
	m.acked.Store(uint32(n))
}

// enable switches stream management on, at the end of the login.
func (c *client) enable() error {
	if !bytes.Contains(c.feat, []byte(nsSM)) {
		return fmt.Errorf("server does not offer stream management: %s", c.feat)
	}
	if err := c.send("<enable xmlns='" + nsSM + "' resume='true'/>"); err != nil {
		return err
	}
	for {
		e, err := c.next()
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(e, []byte("<enabled")):
			c.sm = &management{}
			return nil
		case bytes.HasPrefix(e, []byte("<failed")):
			return fmt.Errorf("stream management: %s", e)
		}
	}
}

// managed takes an <r/> or <a/> that next met.
func (c *client) managed(e []byte) error {
	if bytes.HasPrefix(e, []byte("<a")) {
		c.sm.ack(attr(e, "h"))
		return nil
	}
	return c.send(c.sm.answer())
}

// scan counts the stanzas in a piece of the stream, and answers each <r/>.
func (c *client) scan(piece []byte) error {
	var out strings.Builder
	c.sm.tags.read(piece, func(top byte, tag []byte) {
		switch {
		case isStanza(top):
			c.sm.received.Add(1)
		case top == 'r':
			out.WriteString(c.sm.answer())
		case top == 'a':
			c.sm.ack(attr(tag, "h"))
		}
	})
	if out.Len() == 0 {
		return nil
	}
	return c.send(out.String())
}

// tags follows the tags of a stream that comes in pieces, to see where its
// top-level elements end.
type tags struct {
	depth int
	inTag bool
	quote byte
	last  byte   // of the tag so far
	top   byte   // first letter of the top-level element
	tag   []byte // the head of the tag so far
}

const tagHead = 128 // enough of a tag for its name and an <a/>'s h

// read calls end at the end of each top-level element, with its first letter
// and, if it has no content, its tag.
func (t *tags) read(b []byte, end func(top byte, tag []byte)) {
	for i := 0; i < len(b); i++ {
		if !t.inTag {
			k := bytes.IndexByte(b[i:], '<')
			if k < 0 {
				return
			}
			i += k
			t.inTag, t.quote, t.last, t.tag = true, 0, '<', append(t.tag[:0], '<')
			continue
		}
		ch := b[i]
		if len(t.tag) < tagHead {
			t.tag = append(t.tag, ch)
		}
		switch {
		case t.quote != 0:
			if ch == t.quote {
				t.quote = 0
			}
		case ch == '\'' || ch == '"':
			t.quote = ch
		case ch == '>':
			t.inTag = false
			t.close(end)
		}
		t.last = ch
	}
}

func (t *tags) close(end func(top byte, tag []byte)) {
	open := t.tag[1] != '/'
	if open && t.depth == 0 {
		t.top = t.tag[1]
	}
	switch {
	case !open:
		t.depth--
	case t.last != '/':
		t.depth++
	}
	if t.depth == 0 {
		end(t.top, t.tag)
	}
}

// acknowledged asks for a last acknowledgement on each stream that is being
// pumped, waits for it, and adds up what stream management did.
func (r *result) acknowledged(cs []*client) {
	if cfg.sm == 0 {
		return
	}
	var open, over, asked, acks, answered int64
	for _, c := range cs {
		if c.sm.acked.Load() != c.sm.sent.Load() {
			c.sm.asked.Add(1)
			_ = c.send(askNow)
		}
	}
	until := time.Now().Add(min(cfg.timeout, 10*time.Second))
	for _, c := range cs {
		for c.sm.acked.Load() != c.sm.sent.Load() && time.Now().Before(until) {
			time.Sleep(5 * time.Millisecond)
		}
		switch d := int32(c.sm.sent.Load() - c.sm.acked.Load()); { //nolint:gosec // G115: h wraps at 2^32 (XEP-0198 4)
		case d > 0:
			open += int64(d)
		case d < 0:
			over -= int64(d)
		}
		asked += c.sm.asked.Load()
		acks += c.sm.acks.Load()
		answered += c.sm.answered.Load()
	}
	r.Errors += open + over
	r.Extra["sm_asked"], r.Extra["sm_acks"], r.Extra["sm_answered"] = float64(asked), float64(acks), float64(answered)
	r.Extra["sm_unacked"], r.Extra["sm_acked_unsent"] = float64(open), float64(over)
}
