// SPDX-License-Identifier: Apache-2.0

package mam

import (
	"bytes"
	"context"
	"slices"
	"time"

	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/stanza"
	"tercet/core/storage"
	"tercet/core/stream"
	"tercet/core/transport"
)

// pageBytes is after how many bytes a page ends, whatever the client asks for.
const pageBytes = 1 << 20

// A page is the answer to a query on its way to the client. It is read as the
// client takes it, so that neither the page nor the outbox gets large.
type page struct {
	*query
	req    *iq.Request
	stream *stream.Stream // whose goroutine this is, while there is a client to wait for; else nil
	head   []byte         // of each <result/>
	buf    []byte
}

// bounds are where a page begins and ends, in the order of reading.
type bounds struct {
	first, last string
	n           int
	complete    bool // nothing is behind the page
}

func newPage(r *iq.Request, q *query) *page {
	req, ev := *r, *r.Event
	req.Event = &ev // it outlives the handler
	p := &page{query: q, req: &req}
	p.head = append(p.head, "<result xmlns='"+ns+"'"...)
	if q.id != "" {
		p.head = append(element.AppendEscapedAttr(append(p.head, " queryid='"...), q.id), '\'')
	}
	p.head = append(p.head, " id='"...)
	return p
}

// answer sends the page and returns what ends it.
func (a *archive) answer(ctx context.Context, p *page) (element.Element, error) {
	var page bounds
	var err error
	if user := p.req.To.Local(); p.Backward == p.flip {
		page, err = a.read(ctx, user, p.Query, p.send)
	} else {
		page, err = a.turned(ctx, user, p)
	}
	if err != nil {
		return element.Element{}, err
	}
	reads.Of(p.req.Origin).Store(true)
	return a.fin(ctx, p.req.To.Local(), p.query, page)
}

// heldBytes is how much of a page is kept in memory to be turned.
const heldBytes = 128 << 10

// turned sends a page against the order in which it is found. A large one is
// read again once its ends are known.
func (a *archive) turned(ctx context.Context, user string, p *page) (bounds, error) {
	var held []storage.Entry
	size := 0
	page, err := a.read(ctx, user, p.Query, func(e storage.Entry) bool {
		if size += len(e.Body); size > heldBytes {
			held = nil
			return true
		}
		held = append(held, e)
		return true
	})
	if err != nil || page.n == 0 {
		return page, err
	}
	if size > heldBytes {
		q := p.Query
		q.After, q.Before = storage.Ahead(min(page.first, page.last)), storage.Behind(max(page.first, page.last))
		q.Limit, q.Backward, q.Known = page.n, !q.Backward, nil
		_, err = a.read(ctx, user, q, p.send)
		return page, err
	}
	for _, e := range slices.Backward(held) {
		if !p.send(e) {
			return page, errGone()
		}
	}
	return page, nil
}

// errGone ends a page that nobody takes any more.
func errGone() error { return stanza.Fail(stanza.ResourceConstraint, "") }

// read reads one page and gives it to send, entry by entry.
func (a *archive) read(ctx context.Context, user string, q storage.Query, send func(storage.Entry) bool) (page bounds, err error) {
	most, size := q.Limit, 0
	q.Limit++ // one more tells whether the page is the last
	for e, err := range a.store.Find(ctx, user, q) {
		switch {
		case err != nil:
			return page, notFound(err)
		case page.n == most, page.n > 0 && size+len(e.Body) > pageBytes:
			return page, nil
		case !send(e):
			return page, errGone()
		}
		if page.n == 0 {
			page.first = e.ID
		}
		page.last, page.n, size = e.ID, page.n+1, size+len(e.Body)
	}
	page.complete = true
	return page, nil
}

// send delivers an entry, and waits while much is on its way to the client. It
// returns false when there is no client any more.
func (p *page) send(e storage.Entry) bool {
	r := p.req
	if !r.Deliver(r.Origin, stanza.New(stanza.Message, "", r.To, r.From, "", p.result(e))) {
		return false
	}
	if p.stream == nil {
		return true
	}
	c := p.stream.Conn
	if c.Queued() < transport.CorkLimit {
		return true
	}
	r.Cork.Flush()
	if high := c.HighWater(); c.Queued() > high && c.WaitBelow(high/2, time.Time{}) != nil {
		p.stream = nil // if the session outlives its stream, it keeps the rest
	}
	return true
}

// result wraps an archived message, whose bytes are copied as they are.
func (p *page) result(e storage.Entry) element.Element {
	b := append(append(p.buf[:0], p.head...), e.ID...)
	b = append(b, "'><forwarded xmlns='"+nsForward+"'><delay xmlns='"+nsDelay+"' stamp='"...)
	b = append(e.When.UTC().AppendFormat(b, timeFormat), "'/>"...)
	b = append(appendForwarded(b, e.Body), "</forwarded></result>"...)
	p.buf = b
	if whole, err := element.Parse(b); err == nil && holdsOne(whole) {
		return whole
	}
	return p.wrapped(e)
}

// appendForwarded appends a stanza in normal form with the namespace that it has
// without saying so.
func appendForwarded(dst, body []byte) []byte {
	start, rest, _ := bytes.Cut(body, []byte("<message"))
	if len(start) > 0 {
		return append(dst, '<') // it is none: not well-formed
	}
	return append(append(dst, "<message xmlns='"+element.NSClient+"'"...), rest...)
}

// holdsOne reports whether a result has its time and one message in it.
func holdsOne(whole element.Element) bool {
	forwarded := whole.First()
	m := forwarded.First().Next()
	return m.Is(element.NSClient, "message") && m.Next().IsZero() && forwarded.Next().IsZero()
}

// wrapped is result for what is not in normal form: as it was imported, or
// broken. A message that cannot be read is left out.
func (p *page) wrapped(e storage.Entry) element.Element {
	b := element.New(ns, "result")
	if p.id != "" {
		b.Attr("queryid", p.id)
	}
	b.Attr("id", e.ID).Open(nsForward, "forwarded").
		Open(nsDelay, "delay").Attr("stamp", stamp(e.When)).Close()
	if st, err := stanza.Parse(e.Body); err == nil {
		b.Child(st.Forward())
	}
	return b.Element()
}
