// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"math"
	"slices"

	"tercet/core/storage"
)

// search is a query with its archive, and where in it to look.
type search struct {
	archive     int64
	first, last int64  // ids, both inclusive
	peer        int64  // 0: all
	jid         string // a full JID; "": all
	start, end  int64  // microseconds, both inclusive
	timed       bool
	backward    bool
	left        int     // how many may still be found
	only        bool    // nothing but wanted
	wanted      []int64 // what is still to be looked at
}

// found is an entry as it is read.
type found struct {
	archive, id, lag int64
	jid              string
	body             []byte
}

// Columns of found: all, or without the body, or the id alone.
const (
	columnsAll  = "SELECT id, lag, jid, body"
	columnsMeta = "SELECT id, lag, jid, x''"
	columnsID   = "SELECT id, lag, '', x''"
)

// isAll reports whether q asks for a whole archive.
func isAll(q storage.Query) bool {
	return q.With.IsZero() && q.Start.IsZero() && q.End.IsZero() && q.After == "" && q.Before == "" && q.IDs == nil && q.Known == nil
}

// plan looks up the archive and where in it to look. It returns nil when there
// is nothing to find. Ids that do not exist are an error unless they are passed
// over.
func (a archive) plan(ctx context.Context, c *conn, owner string, q storage.Query, passOver bool) (*search, error) {
	s := &search{backward: q.Backward, start: math.MinInt64, end: math.MaxInt64, left: math.MaxInt, only: q.IDs != nil}
	if q.Limit > 0 {
		s.left = q.Limit
	}
	var disorder int64
	quick := steady(ctx)
	// What is committed later is left out: its ids are greater.
	there, err := c.row(quick, "SELECT id, disorder, (SELECT coalesce(max(id), 0) FROM entry) FROM archive WHERE store = ? AND owner = ?",
		[]any{a.id.Load(), owner}, &s.archive, &disorder, &s.last)
	if err != nil {
		return nil, err
	}
	if err := s.know(quick, c, q.Known, passOver); err != nil {
		return nil, err
	}
	if err := s.want(quick, c, q.IDs, passOver); err != nil || !there {
		return nil, err
	}
	if !q.With.IsZero() {
		s.peer = a.db.peer(q.With)
		if q.With.IsFull() {
			s.jid = q.With.String()
		}
	}
	if !q.Start.IsZero() {
		s.start, s.timed = storage.Micros(q.Start), true
	}
	if !q.End.IsZero() {
		s.end, s.timed = storage.Micros(q.End), true
	}
	s.place(q.After, q.Before)
	return s, s.narrow(quick, c, disorder)
}

// has looks for an id.
func (s *search) has(ctx context.Context, c *conn, id string) (n int64, there bool, err error) {
	if n, there = storage.ParseID(id); there {
		there, err = c.row(ctx, "SELECT 1 FROM entry INDEXED BY entry_key WHERE archive = ? AND id = ?", []any{s.archive, n})
	}
	return n, there, err
}

// know refuses ids that are not there.
func (s *search) know(ctx context.Context, c *conn, ids []string, passOver bool) error {
	for _, id := range ids {
		if _, there, err := s.has(ctx, c, id); err != nil {
			return err
		} else if !there && !passOver {
			return storage.ErrNotFound
		}
	}
	return nil
}

// want takes the ids that are asked for, each once and in order.
func (s *search) want(ctx context.Context, c *conn, ids []string, passOver bool) error {
	for _, id := range ids {
		n, there, err := s.has(ctx, c, id)
		switch {
		case err != nil:
			return err
		case there:
			s.wanted = append(s.wanted, n)
		case !passOver:
			return storage.ErrNotFound
		}
	}
	slices.Sort(s.wanted)
	s.wanted = slices.Compact(s.wanted)
	if s.backward {
		slices.Reverse(s.wanted)
	}
	return nil
}

// place moves the ends of the range to positions, which need not be ids.
func (s *search) place(after, before string) {
	if after != "" {
		switch floor, _ := storage.FloorID(after); floor {
		case math.MaxInt64:
			s.last = -1
		default:
			s.first = floor + 1
		}
	}
	if before != "" {
		floor, exact := storage.FloorID(before)
		if exact {
			floor--
		}
		s.last = min(s.last, floor)
	}
}

// narrow makes the range of ids smaller by the times that are asked for.
//
// Times need not grow with ids: clocks are set back, and old archives imported.
// But with m(e) as the latest time up to the entry e, m grows, and the time of e
// is at least m(e)-disorder. So once time(e)+disorder < start for an entry, m(e)
// is less than start, and so are the times of all entries before it. Likewise
// once time(e) > end+disorder, all entries after e are later than end.
func (s *search) narrow(ctx context.Context, c *conn, disorder int64) error {
	if s.start != math.MinInt64 {
		first, _, err := s.bisect(ctx, c, s.start-disorder, func(at int64) bool { return at+disorder < s.start })
		if err != nil {
			return err
		}
		s.first = first
	}
	if s.end != math.MaxInt64 {
		_, last, err := s.bisect(ctx, c, s.end+disorder, func(at int64) bool { return at-disorder <= s.end })
		if err != nil {
			return err
		}
		s.last = last
	}
	return nil
}

// bisect looks in the range for the place where low, of the times of entries,
// ends to hold, and returns ids between which it lies: low holds for the entry
// before first, and does not for the one behind last. The place is near guess,
// in microseconds, unless times and ids have nothing to do with each other.
func (s *search) bisect(ctx context.Context, c *conn, guess int64, low func(at int64) bool) (first, last int64, err error) {
	const (
		near   = 64_000            // how far from guess it usually is at most
		enough = int64(1000) << 11 // the filter looks at the rest
	)
	first, last = s.first, s.last
	for i := int64(0); last-first > enough; i++ {
		mid := first + (last-first)/2
		if i < 2 {
			mid = storage.FirstID(guess + near - i*2*near)
		}
		if mid <= first || mid > last { // only a guess can be
			continue
		}
		var id, lag int64
		there, err := c.row(ctx, "SELECT id, lag FROM entry INDEXED BY entry_key WHERE archive = ? AND id >= ? AND id <= ? ORDER BY id LIMIT 1",
			[]any{s.archive, mid, last}, &id, &lag)
		switch {
		case err != nil:
			return 0, 0, err
		case there && low(storage.IDMicros(id)+lag):
			first = id + 1
		default:
			last = mid - 1
		}
	}
	return first, last, nil
}

// filter is the condition for what is found, and its arguments.
func (s *search) filter() (string, []any) {
	text, args := " FROM entry INDEXED BY entry_key WHERE archive = ? AND id >= ? AND id <= ?", []any{s.archive, s.first, s.last}
	if s.peer != 0 {
		text, args = text+" AND peer = ?", append(args, s.peer)
	}
	if s.timed {
		text, args = text+" AND (id >> 11) + lag BETWEEN ? AND ?", append(args, s.start, s.end)
	}
	if s.jid != "" {
		text, args = text+" AND jid = ?", append(args, s.jid)
	}
	return text, args
}

// alone returns the same search for one id.
func (s *search) alone(id int64) *search {
	one := *s
	one.only, one.wanted = false, nil
	one.first, one.last = max(s.first, id), min(s.last, id)
	return &one
}

// count counts what is found.
func (s *search) count(ctx context.Context, c *conn) (n int, err error) {
	if !s.only {
		text, args := s.filter()
		_, err = c.row(ctx, "SELECT count(*)"+text, args, &n)
		return n, err
	}
	for _, id := range s.wanted {
		one, err := s.alone(id).count(ctx, c)
		if err != nil {
			return 0, err
		}
		n += one
	}
	return n, nil
}

// page reads what is found next, and moves the search behind it, or ends it.
func (s *search) page(ctx context.Context, c *conn, columns string) (items []found, err error) {
	bytes, most := 0, min(pageRows, s.left)
	scan := func(r row) (bool, error) {
		if items == nil {
			items = make([]found, 0, min(most, 64))
		}
		items = append(items, found{s.archive, r.int(0), r.int(1), r.text(2), r.blob(3)})
		bytes += len(items[len(items)-1].body)
		return bytes < pageBytes, nil
	}
	if !s.only {
		err = s.read(ctx, c, columns, most, scan)
	}
	for err == nil && len(s.wanted) > 0 && len(items) < most && bytes < pageBytes {
		err = s.alone(s.wanted[0]).read(ctx, c, columns, 1, scan)
		s.wanted = s.wanted[1:]
	}
	if err != nil {
		return nil, err
	}
	if len(items) < most && bytes < pageBytes { // there is no more
		s.left = 0
		return items, nil
	}
	s.left -= len(items)
	if last := items[len(items)-1].id; s.backward {
		s.last = last - 1
	} else {
		s.first = last + 1
	}
	return items, nil
}

// read calls scan for at most so many rows.
func (s *search) read(ctx context.Context, c *conn, columns string, most int, scan func(row) (bool, error)) error {
	if most <= 0 || s.first > s.last {
		return nil
	}
	text, args := s.filter()
	// A bare parameter would have SQLite compile the statement anew each time
	// that it is bound, to know its value.
	if s.backward {
		text += " ORDER BY id DESC LIMIT 0 + ?"
	} else {
		text += " ORDER BY id LIMIT 0 + ?"
	}
	if s.peer == 0 && !s.timed { // nothing has to be searched
		ctx = steady(ctx)
	}
	return c.each(ctx, columns+text, append(args, most), scan)
}
