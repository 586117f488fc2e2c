// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"tercet/core/jid"
	"tercet/core/storage"
)

// page is how many entries are read ahead of an iteration's caller.
const page = 64

type archive struct{ *store }

func (a archive) Append(owner string, e storage.Entry) (string, storage.Commit, error) {
	err := storage.CheckNames(owner)
	if len(e.Body) > storage.MaxValue {
		err = storage.ErrTooLarge
	}
	if err != nil {
		return "", storage.Commit{}, err
	}
	a.db.mu.Lock()
	defer a.db.mu.Unlock()
	if a.db.closed {
		return "", storage.Commit{}, errClosed
	}
	now := a.db.now()
	if e.ID = storage.FormatID(a.db.ids.Next(now)); e.When.IsZero() {
		e.When = now
	}
	e.When = cut(e.When)
	if e.Body == nil {
		e.Body = []byte{}
	}
	a.entries[owner] = append(a.entries[owner], e)
	return e.ID, storage.Commit{}, nil
}

// cut is the time as an archive keeps it.
func cut(t time.Time) time.Time { return time.UnixMicro(storage.Micros(t)).UTC() }

// match is a query made ready.
type match struct {
	storage.Query
	start, end time.Time // cut
	ids        map[string]bool
}

func newMatch(q storage.Query) *match {
	m := &match{Query: q}
	m.start, m.end = cut(q.Start), cut(q.End)
	if q.IDs != nil {
		m.ids = make(map[string]bool, len(q.IDs))
		for _, id := range q.IDs {
			m.ids[id] = true
		}
	}
	return m
}

func (m *match) holds(e *storage.Entry) bool {
	return (m.ids == nil || m.ids[e.ID]) &&
		(m.After == "" || e.ID > m.After) && (m.Before == "" || e.ID < m.Before) &&
		(m.Start.IsZero() || !e.When.Before(m.start)) && (m.End.IsZero() || !e.When.After(m.end)) &&
		(m.With.IsZero() || with(m.With, e.With))
}

func with(wanted, j jid.JID) bool {
	return j == wanted || wanted.IsBare() && j.Bare() == wanted
}

// existing reports whether all ids that are asked for are there.
func (m *match) existing(list []storage.Entry) bool {
	for _, id := range m.Known {
		if _, ok := slices.BinarySearchFunc(list, id, byID); !ok {
			return false
		}
	}
	for id := range m.ids {
		if _, ok := slices.BinarySearchFunc(list, id, byID); !ok {
			return false
		}
	}
	return true
}

func byID(e storage.Entry, id string) int { return strings.Compare(e.ID, id) }

func (a archive) Find(ctx context.Context, owner string, q storage.Query) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		m, first := newMatch(q), true
		for left := most(q.Limit); ; {
			var found []storage.Entry
			err := a.db.read(ctx, func() error {
				list := a.entries[owner]
				if first && !m.existing(list) {
					return storage.ErrNotFound
				}
				if end := len(list) - 1; first && end >= 0 && (m.Before == "" || m.Before > list[end].ID) {
					m.Before = storage.Behind(list[end].ID) // what comes later is left out
				}
				found = m.find(list, min(page, left))
				return nil
			})
			if err != nil {
				yield(storage.Entry{}, err)
				return
			}
			for _, e := range found {
				if !yield(e, nil) {
					return
				}
			}
			left -= len(found)
			if first = false; len(found) < page {
				return
			}
			m.pass(found[page-1].ID)
		}
	}
}

// pass moves the query behind an id.
func (m *match) pass(id string) {
	if m.Backward {
		m.Before = id
	} else {
		m.After = id
	}
}

// find returns at most so many entries.
func (m *match) find(list []storage.Entry, most int) (found []storage.Entry) {
	if m.After != "" {
		i, exact := slices.BinarySearchFunc(list, m.After, byID)
		if exact {
			i++
		}
		list = list[i:]
	}
	if m.Before != "" {
		i, _ := slices.BinarySearchFunc(list, m.Before, byID)
		list = list[:i]
	}
	for i := range list {
		if m.Backward {
			i = len(list) - 1 - i
		}
		if len(found) >= most {
			break
		}
		if m.holds(&list[i]) {
			found = append(found, list[i])
		}
	}
	return found
}

func (a archive) Count(ctx context.Context, owner string, q storage.Query) (n int, err error) {
	m := newMatch(q)
	err = a.db.read(ctx, func() error {
		if !m.existing(a.entries[owner]) {
			return storage.ErrNotFound
		}
		for i := range a.entries[owner] {
			if m.holds(&a.entries[owner][i]) {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (a archive) Bounds(ctx context.Context, owner string) (first, last *storage.Entry, err error) {
	err = a.db.read(ctx, func() error {
		if list := a.entries[owner]; len(list) > 0 {
			oldest, newest := list[0], list[len(list)-1]
			oldest.Body, newest.Body = nil, nil
			first, last = &oldest, &newest
		}
		return nil
	})
	return first, last, err
}

func (a archive) Delete(ctx context.Context, owner string, q storage.Query) (n int, err error) {
	m := newMatch(q)
	err = a.db.write(ctx, func() error {
		doomed := map[string]bool{}
		for _, e := range m.find(a.entries[owner], most(q.Limit)) {
			doomed[e.ID] = true
		}
		n = a.remove(owner, func(e *storage.Entry) bool { return doomed[e.ID] })
		return nil
	})
	return n, err
}

// most is how many a limit allows.
func most(limit int) int {
	if limit <= 0 {
		return math.MaxInt
	}
	return limit
}

// remove removes entries of owner. The lock is held.
func (a archive) remove(owner string, doomed func(*storage.Entry) bool) int {
	list := a.entries[owner]
	kept := make([]storage.Entry, 0, len(list))
	for i := range list {
		if !doomed(&list[i]) {
			kept = append(kept, list[i])
		}
	}
	if a.entries[owner] = kept; len(kept) == 0 {
		delete(a.entries, owner)
	}
	return len(list) - len(kept)
}

func (a archive) Expire(ctx context.Context, before time.Time, keep ...func(owner string) bool) (n int, err error) {
	var owners []string
	err = a.db.read(ctx, func() error {
		owners = slices.Collect(maps.Keys(a.entries))
		return nil
	})
	for _, owner := range owners {
		if err != nil {
			break
		}
		if slices.ContainsFunc(keep, func(k func(string) bool) bool { return k != nil && k(owner) }) {
			continue
		}
		err = a.db.write(ctx, func() error {
			n += a.remove(owner, func(e *storage.Entry) bool { return e.When.Before(cut(before)) })
			return nil
		})
	}
	return n, err
}

func (a archive) Owners(ctx context.Context) iter.Seq2[string, error] {
	return sorted(ctx, a.db, func() []string { return slices.Collect(maps.Keys(a.entries)) })
}
