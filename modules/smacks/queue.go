// SPDX-License-Identifier: Apache-2.0

package smacks

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tercet/core/element"
	"tercet/core/route"
	"tercet/core/session"
	"tercet/core/slot"
	"tercet/core/stanza"
	"tercet/core/stream"
)

// queues are the sessions' stanzas that are not acknowledged; they outlive a
// reload of the module.
var queues = slot.New[queue]("smacks")

// A queue stands in the way out to a client: it counts and keeps what goes by.
// The session's lock guards what is not atomic.
type queue struct {
	on      atomic.Bool
	ns      string
	id      string        // names the session for resumption; empty without
	keep    time.Duration // how long it may wait for that
	session *session.Session
	host    *route.Host
	sum     *atomic.Int64 // bytes that the host's queues hold, beside freeBytes each
	options options
	moving  sync.Mutex // held while a stream takes the session over

	acked   uint32        // the client's last h
	list    []kept        // sent and not acknowledged
	bytes   int           // that they hold
	counted int           // of these, in the host's sum
	asked   time.Time     // when the <r/> went out that is not answered; zero: none
	delayed bool          // that was told
	debt    atomic.Uint64 // 1<<32 | count that is owed in an <a/>; 0: none
	over    bool
	idle    bool             // the client is inactive (XEP-0352)
	fresh   []*stanza.Stanza // kept during hibernation and not told yet

	since time.Time // of hibernation; zero while there is a stream
	until time.Time // how long that lasts
}

// kept is a stanza on its way.
type kept struct {
	st   *stanza.Stanza
	at   time.Time
	size int // in bytes
}

const (
	// maxBytes is how much may be kept for a client, however few stanzas that are.
	maxBytes = 4 << 20
	// freeBytes is how much is kept for each, whatever the others hold.
	freeBytes = 64 << 10
)

// Deliver counts the stanza, keeps it, and asks for an acknowledgement.
func (q *queue) Deliver(d session.Delivery, st *stanza.Stanza) bool {
	if len(q.list) >= q.room(d) || q.bytes > q.bound() {
		if !q.over {
			q.over = true
			q.tell((*smacks).overflow)
		}
		return false
	}
	size := st.Size()
	q.list = append(q.list, kept{st, time.Now(), size})
	q.hold(size)
	if !d.Attached() {
		if q.fresh = append(q.fresh, st); len(q.fresh) == 1 {
			q.tell((*smacks).queued)
		}
		return true
	}
	if !d.Next(st) {
		return true // the stream is at its end: the stanza is kept for the next
	}
	q.ask(d)
	return true
}

// room is how many stanzas may be kept: a client that reads is only behind with
// its acknowledgements, and may have much on its way.
func (q *queue) room(d session.Delivery) int {
	if d.Attached() {
		return max(q.options.MaxQueue, q.options.MaxAck)
	}
	return q.options.MaxQueue
}

// bound is how many bytes may be kept at this moment: what the others leave.
func (q *queue) bound() int {
	left := int64(q.options.MaxQueues) - q.sum.Load() + int64(q.counted)
	return min(maxBytes, freeBytes+int(max(0, left)))
}

// hold counts n bytes more, in the host's sum as well.
func (q *queue) hold(n int) {
	q.bytes += n
	c := q.bytes
	if c <= freeBytes {
		c = 0
	}
	if c != q.counted {
		q.sum.Add(int64(c - q.counted))
		q.counted = c
	}
}

// tell has the module's present instance do what cannot be done under the
// session's lock.
func (q *queue) tell(fn func(*smacks, context.Context, *session.Session)) {
	p := q.host.Table.Enter()
	defer p.Leave()
	if m, ok := current.In(p); ok {
		s := q.session
		m.scope.After(0, func(ctx context.Context) { fn(m, ctx, s) })
	}
}

// ask sends <r/> unless one is on its way already.
func (q *queue) ask(d session.Delivery) {
	limit := q.options.MaxUnacked
	if q.idle {
		limit = max(limit, q.options.MaxInactive)
	}
	if q.asked.IsZero() && len(q.list) > limit && d.Attached() {
		q.asked, q.delayed = time.Now(), false
		d.Write(q.r())
	}
}

func (q *queue) r() []byte { return []byte("<r xmlns='" + q.ns + "'/>") }

// acknowledge drops what the client has, up to its h.
func (q *queue) acknowledge(h uint32) *stream.Error {
	if cause := q.check(h); cause != nil {
		return cause
	}
	n := h - q.acked // counts wrap (XEP-0198 section 4)
	freed := 0
	for _, k := range q.list[:n] {
		freed += k.size
	}
	q.hold(-freed)
	clear(q.list[:n])
	q.list = q.list[n:]
	if len(q.list) == 0 {
		q.list = nil
	}
	q.acked = h
	return nil
}

// check finds out whether the client may have that many.
func (q *queue) check(h uint32) *stream.Error {
	if int64(h-q.acked) <= int64(len(q.list)) {
		return nil
	}
	return &stream.Error{
		Condition: stream.UndefinedCondition, Text: "more was acknowledged than was sent",
		App: element.New(q.ns, "handled-count-too-high").Attr("h", count(h)).
			Attr("send-count", count(q.acked+uint32(len(q.list)))).Element(), //nolint:gosec // bounded by room
	}
}

// owe promises an <a/> once the count has reached n; 0 takes it back.
func (q *queue) owe(n uint32) {
	if n == 0 {
		q.debt.Store(0)
		return
	}
	q.debt.Store(1<<32 | uint64(n))
}

// grown pays what is owed: all that had come when the client asked is done.
func (q *queue) grown(done uint32) {
	debt := q.debt.Load()
	if debt == 0 || int32(done-uint32(debt)) < 0 { //nolint:gosec // counts wrap (XEP-0198 section 4)
		return
	}
	if !q.debt.CompareAndSwap(debt, 0) {
		return
	}
	q.session.Locked(session.FilterCount, nil, q.report)
}

// report writes an <a/>. The count is read under the session's lock, so that
// no later report says less.
func (q *queue) report(d session.Delivery) {
	_, done := q.session.Progress().Counts()
	d.Write([]byte("<a xmlns='" + q.ns + "' h='" + count(done) + "'/>"))
}

// unacknowledged takes out what the client has not acknowledged.
func (q *queue) unacknowledged() []kept {
	list := q.list
	q.list = nil
	q.hold(-q.bytes)
	return list
}

// stamped is the stanza with the time at which it should have arrived
// (XEP-0203), if it carries none yet.
func (k kept) stamped(host string) *stanza.Stanza {
	if k.st.Kind == stanza.IQ || !k.st.Child(nsDelay, "delay").IsZero() {
		return k.st
	}
	return k.st.With(element.New(nsDelay, "delay").Attr("from", host).
		Attr("stamp", k.at.UTC().Format("2006-01-02T15:04:05Z")).Element())
}

func count(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func parseCount(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
