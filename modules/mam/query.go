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
	marks  []string      // ids that the client takes for known
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
	user := r.To.Local()
	a.activate(ctx, user)
	if err := a.checkMarks(ctx, user, q); err != nil {
		return element.Element{}, err
	}
	if q.count {
		return a.fin(ctx, user, q, nil, false)
	}
	reads.Of(r.Origin).Store(true)
	page, more, err := a.page(ctx, user, q)
	if err != nil {
		return element.Element{}, err
	}
	if q.Backward != q.flip {
		reverse(page)
	}
	for _, e := range page {
		if !r.Deliver(r.Origin, result(r, q, e)) {
			return element.Element{}, stanza.Fail(stanza.ResourceConstraint, "")
		}
	}
	if q.flip {
		reverse(page)
	}
	return a.fin(ctx, user, q, page, !more)
}

// pageBytes is after how many bytes a page ends, whatever the client asks for.
const pageBytes = 1 << 20

// page reads one page, in the order of reading, and whether there is more.
func (a *archive) page(ctx context.Context, user string, q *query) (page []storage.Entry, more bool, err error) {
	ask, size := q.Query, 0
	ask.Limit++ // one more tells whether the page is the last
	for e, err := range a.store.Find(ctx, user, ask) {
		if err != nil {
			return nil, false, notFound(err)
		}
		if len(page) == q.Limit || (len(page) > 0 && size+len(e.Body) > pageBytes) {
			return page, true, nil
		}
		page, size = append(page, e), size+len(e.Body)
	}
	return page, false, nil
}

// checkMarks refuses ids that the archive does not have, as XEP-0313 sections
// 4.1.3 and 4.3 ask: the client has missed what came after them.
func (a *archive) checkMarks(ctx context.Context, user string, q *query) error {
	for _, id := range q.marks {
		if _, err := a.store.Count(ctx, user, storage.Query{IDs: []string{id}}); err != nil {
			return notFound(err)
		}
	}
	return nil
}

func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return stanza.Fail(stanza.ItemNotFound, "the archive has no message with this id")
	}
	return err
}

func reverse(list []storage.Entry) {
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
}

// result wraps one archived message.
func result(r *iq.Request, q *query, e storage.Entry) *stanza.Stanza {
	b := element.New(ns, "result")
	if q.id != "" {
		b.Attr("queryid", q.id)
	}
	b.Attr("id", e.ID).Open(nsForward, "forwarded").
		Open(nsDelay, "delay").Attr("stamp", stamp(e.When)).Close()
	if st, err := stanza.Parse(e.Body); err == nil {
		b.Child(st.Forward())
	}
	return stanza.New(stanza.Message, "", r.To, r.From, "", b.Element())
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// fin ends a page; it is in the order of time whatever the order of sending.
func (a *archive) fin(ctx context.Context, user string, q *query, page []storage.Entry, complete bool) (element.Element, error) {
	b := element.New(ns, "fin")
	if complete {
		b.Attr("complete", "true")
	}
	b.Open(nsRSM, "set")
	if len(page) > 0 {
		b.TextChild(nsRSM, "first", page[0].ID)
		b.TextChild(nsRSM, "last", page[len(page)-1].ID)
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
		q.marks = append(q.marks, id)
		q.Before = earlier(q.Before, id)
	}
}

func (q *query) since(id string) {
	if id != "" {
		q.marks = append(q.marks, id)
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
