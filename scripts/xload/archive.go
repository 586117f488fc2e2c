// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

const pageSize = 50

// archive fills one archive to -n messages, then pages through it.
func archive() error {
	cs, err := crowd(cfg.first, 2, "q", online)
	defer func() { closeAll(cs) }()
	if err != nil {
		return err
	}
	q, from := cs[0], cs[1]
	for _, c := range cs {
		_ = c.c.SetDeadline(time.Now().Add(cfg.timeout * 4))
	}
	have, err := q.archived()
	if err != nil {
		return err
	}
	if have < 0 {
		have = 0
		fmt.Println("server gives no count; filling anyway unless -nofill")
		if cfg.nofill {
			have = cfg.n
		}
	}
	if have < cfg.n {
		if err := fill(q, from, have); err != nil {
			return err
		}
		if have, err = q.archived(); err != nil {
			return err
		}
	}
	last := func([]byte) string { return "<max>50</max><before/>" }
	if err := q.pages("mam-last", have, last); err != nil {
		return err
	}
	return q.pages("mam-walk", have, func(fin []byte) string {
		if at := text(fin, "last"); at != "" && !has(fin, "complete", "true") {
			return "<max>50</max><after>" + at + "</after>"
		}
		return "<max>50</max>"
	})
}

// archived is how many messages the archive says it has, -1 if it does not.
func (c *client) archived() (int, error) {
	e, err := c.iq("ct", archiveQuery("ct", "<max>0</max>"))
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text(e, "count"))
	if err != nil {
		n = -1
	}
	return n, nil
}

// fill has one user write to the other until the archive holds -n.
func fill(to, from *client, have int) error {
	a := take()
	from.template("<message to='" + to.jid + "' type='chat' id='h" + user(from.idx) + "'><body>%T" + pad() + "</body></message>")
	for k := have; k < cfg.n; {
		batch := min(cfg.win, cfg.n-k)
		for range batch {
			if err := from.fire(nowNS()); err != nil {
				return err
			}
		}
		for j := 0; j < batch; {
			e, err := to.next()
			if err != nil {
				return fmt.Errorf("fill: %w after %d", err, k+j)
			}
			if bytes.HasPrefix(e, []byte("<message")) {
				j++
			}
		}
		k += batch
	}
	settle(20 * time.Second)
	return between("mam-fill", fmt.Sprintf("from %d to %d", have, cfg.n), "msg", a, take(), int64(cfg.n-have), nil).emit()
}

// page queries one page and returns the number of messages and the <fin/>.
func (c *client) page(rsm string) (n int, fin []byte, err error) {
	if err := c.send(archiveQuery("q", rsm)); err != nil {
		return 0, nil, err
	}
	for {
		e, err := c.next()
		if err != nil {
			return n, nil, err
		}
		if bytes.HasPrefix(e, []byte("<message")) && bytes.Contains(e, []byte("<forwarded")) {
			n++
		}
		if bytes.HasPrefix(e, []byte("<iq")) && attr(e, "id") == "q" {
			if attr(e, "type") != "result" {
				err = fmt.Errorf("query: %s", e)
			}
			return n, e, err
		}
	}
}

// pages queries for -d, each time the page that next asks for.
func (c *client) pages(scenario string, have int, next func(fin []byte) string) error {
	var lat hist
	var messages, pages, short, wrong int
	var fin []byte
	a := take()
	for end := time.Now().Add(cfg.dur); time.Now().Before(end); {
		t := time.Now()
		n, f, err := c.page(next(fin))
		if err != nil {
			return err
		}
		lat.add(time.Since(t).Microseconds())
		messages += n
		pages++
		if n != pageSize {
			short++
			if scenario == "mam-last" || !has(f, "complete", "true") {
				wrong++
			}
		}
		fin = f
	}
	r := between(scenario, fmt.Sprintf("archive=%d page=%d", have, pageSize), "page", a, take(), int64(pages), &lat)
	r.Extra["msgs_per_page"] = float64(messages) / float64(pages)
	r.Extra["short_pages"] = float64(short) // the last ones of a walk may be
	r.Errors = int64(wrong)
	return r.emit()
}

func archiveQuery(id, rsm string) string {
	return "<iq type='set' id='" + id + "'><query xmlns='urn:xmpp:mam:2' queryid='z'><x xmlns='jabber:x:data' type='submit'>" +
		"<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field></x>" +
		"<set xmlns='http://jabber.org/protocol/rsm'>" + rsm + "</set></query></iq>"
}
