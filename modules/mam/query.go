// SPDX-License-Identifier: Apache-2.0

package mam

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"tercet/core/element"
	"tercet/core/iq"
	"tercet/core/jid"
	"tercet/core/stanza"
	"tercet/core/storage"
)

// query is one request for archived messages (XEP-0313 section 4), paged by
// result set management (XEP-0059).
type query struct {
	storage.Query
	filter storage.Query // Query without the paging
	id     string        // of the query, "" if the client gave none
	flip   bool          // newest first within the page
	count  bool          // only the number is wanted
	plain  bool          // nothing filters
}

func (a *archive) query(ctx context.Context, r *iq.Request) (element.Element, error) {
	if r.Origin == nil {
		return element.Element{}, stanza.Fail(stanza.Forbidden, "")
	}
	q, err := a.parse(r.Payload)
	if err != nil {
		return element.Element{}, err
	}
	a.activate(ctx, r.To.Local())
	if q.count {
		return a.fin(ctx, r.To.Local(), q, bounds{})
	}
	p := newPage(r, q)
	st := r.Origin.Stream()
	if st == nil || r.Cork != st.Cork() { // not the goroutine that may wait for the client
		return a.answer(ctx, p)
	}
	p.stream = st
	st.Then(func(ctx context.Context) error {
		fin, err := a.answer(ctx, p)
		p.req.Answer(ctx, fin, err)
		return nil
	})
	return element.Element{}, iq.ErrLater
}

func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return stanza.Fail(stanza.ItemNotFound, "the archive has no message with this id")
	}
	return err
}

const timeFormat = "2006-01-02T15:04:05.000Z" // XEP-0082

func stamp(t time.Time) string { return t.UTC().Format(timeFormat) }

// fin ends a page; it is in the order of time whatever the order of sending.
func (a *archive) fin(ctx context.Context, user string, q *query, sent bounds) (element.Element, error) {
	b := element.New(ns, "fin")
	if sent.complete {
		b.Attr("complete", "true")
	}
	b.Open(nsRSM, "set")
	if sent.n > 0 {
		b.TextChild(nsRSM, "first", min(sent.first, sent.last))
		b.TextChild(nsRSM, "last", max(sent.first, sent.last))
	}
	if q.count || (a.Total && q.plain) {
		n, err := a.store.Count(ctx, user, q.filter)
		if err != nil {
			return element.Element{}, notFound(err)
		}
		b.TextChild(nsRSM, "count", strconv.Itoa(n))
	}
	return b.Element(), nil
}

// parse reads the form and the paging of a query.
func (a *archive) parse(e element.Element) (*query, error) {
	q := &query{id: e.Attr("queryid"), plain: true}
	q.flip = !e.Child(ns, "flip-page").IsZero()
	if x := e.Child(nsData, "x"); !x.IsZero() {
		if err := q.form(x); err != nil {
			return nil, err
		}
	}
	q.filter = q.Query
	q.Limit = a.MaxResults
	if set := e.Child(nsRSM, "set"); !set.IsZero() {
		if err := q.paging(set); err != nil {
			return nil, err
		}
	}
	if q.count { // who reads a page is told at once what is not there
		q.filter.Known = q.Known
	}
	return q, nil
}

// paging reads what XEP-0059 has for the request of a page.
func (q *query) paging(set element.Element) error {
	if !set.Child(nsRSM, "index").IsZero() {
		return stanza.Fail(stanza.FeatureNotImplemented, "pages are found by id, not by index")
	}
	if e := set.Child(nsRSM, "max"); !e.IsZero() {
		n, err := strconv.ParseUint(strings.TrimSpace(e.Text()), 10, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return stanza.Fail(stanza.BadRequest, "max is a number")
		}
		q.count = n == 0
		q.Limit = int(min(n, uint64(q.Limit))) //nolint:gosec // not more than Limit was
	}
	if before := set.Child(nsRSM, "before"); !before.IsZero() {
		q.Backward = true
		q.until(before.Text())
	}
	q.since(set.ChildText(nsRSM, "after"))
	return nil
}

// until and since narrow the query to one side of a message.
func (q *query) until(id string) {
	if id != "" {
		q.Known = append(q.Known, id)
		q.Before = earlier(q.Before, id)
	}
}

func (q *query) since(id string) {
	if id != "" {
		q.Known = append(q.Known, id)
		q.After = max(q.After, id) // ids grow with time
	}
}

func earlier(a, b string) string {
	if a == "" {
		return b
	}
	return min(a, b)
}

// form reads the fields of XEP-0313 section 4.1 and of #extended.
func (q *query) form(x element.Element) error {
	if typ := x.Attr("type"); typ != "submit" {
		return stanza.Fail(stanza.BadRequest, "the type of the form is submit")
	}
	proper := false
	for f := range x.Children() {
		if !f.Is(nsData, "field") {
			continue
		}
		value := f.ChildText(nsData, "value")
		if f.Attr("var") == "FORM_TYPE" {
			proper = value == ns
			continue
		}
		q.plain = false
		if err := q.field(f, f.Attr("var"), value); err != nil {
			return err
		}
	}
	if !proper {
		return stanza.Fail(stanza.BadRequest, "FORM_TYPE is "+ns)
	}
	return nil
}

func (q *query) field(f element.Element, name, value string) error {
	var err error
	switch name {
	case "with":
		if q.With, err = jid.Parse(value); err != nil {
			return stanza.Fail(stanza.BadRequest, "with is a JID")
		}
	case "start":
		if q.Start, err = time.Parse(time.RFC3339, value); err != nil {
			return stanza.Fail(stanza.BadRequest, "start is a time")
		}
	case "end":
		if q.End, err = time.Parse(time.RFC3339, value); err != nil {
			return stanza.Fail(stanza.BadRequest, "end is a time")
		}
	case "before-id":
		q.until(value)
	case "after-id":
		q.since(value)
	case "ids":
		for v := range f.Children() {
			if v.Is(nsData, "value") {
				q.IDs = append(q.IDs, v.Text())
			}
		}
		if len(q.IDs) == 0 {
			return stanza.Fail(stanza.BadRequest, "ids has no value")
		}
		if len(q.IDs) > maxIDs {
			return stanza.Fail(stanza.PolicyViolation, "too many ids")
		}
	case "include-groupchat":
	default:
		return stanza.Fail(stanza.FeatureNotImplemented, "unknown field "+name)
	}
	return nil
}

// maxIDs bounds how many messages may be asked for by id at once.
const maxIDs = 500

// form tells which fields a query may have.
func (a *archive) form(context.Context, *iq.Request) (element.Element, error) {
	b := element.New(ns, "query").Open(nsData, "x").Attr("type", "form")
	for _, f := range [...][2]string{
		{"FORM_TYPE", "hidden"},
		{"with", "jid-single"},
		{"start", "text-single"},
		{"end", "text-single"},
		{"before-id", "text-single"},
		{"after-id", "text-single"},
		{"ids", "list-multi"},
		{"include-groupchat", "boolean"},
	} {
		b.Open(nsData, "field").Attr("type", f[1]).Attr("var", f[0])
		switch f[0] {
		case "FORM_TYPE":
			b.TextChild(nsData, "value", ns)
		case "ids":
			b.Open("http://jabber.org/protocol/xdata-validate", "validate").Attr("datatype", "xs:string").
				Open("http://jabber.org/protocol/xdata-validate", "open").Close().Close()
		}
		b.Close()
	}
	return b.Element(), nil
}

// metadata tells where the archive begins and ends.
func (a *archive) metadata(ctx context.Context, r *iq.Request) (element.Element, error) {
	first, last, err := a.store.Bounds(ctx, r.To.Local())
	if err != nil {
		return element.Element{}, err
	}
	b := element.New(ns, "metadata")
	if first != nil && last != nil {
		b.Open(ns, "start").Attr("id", first.ID).Attr("timestamp", stamp(first.When)).Close()
		b.Open(ns, "end").Attr("id", last.ID).Attr("timestamp", stamp(last.When)).Close()
	}
	return b.Element(), nil
}
