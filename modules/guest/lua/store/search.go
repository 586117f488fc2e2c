// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/storage"
	"tercet/modules/guest/lua/lib"
)

// query is what Lua asks of an archive.
type query struct {
	key, after, before string
	with               *string
	ids                []string // nil: any
	start, end         time.Time
	limit              int // -1: none
	truncate           int // -1: not
	reverse, total     bool
	empty              bool // there is nothing in it
}

// queryArg reads argument n.
func queryArg(l *lua.LState, n int) *query {
	q := &query{limit: -1, truncate: -1, empty: true}
	t, ok := l.Get(n).(*lua.LTable)
	if !ok {
		return q
	}
	text := func(name string) string {
		s, _ := t.RawGetString(name).(lua.LString)
		return string(s)
	}
	number := func(name string) int {
		if v, ok := t.RawGetString(name).(lua.LNumber); ok && v >= 0 {
			return int(min(float64(v), math.MaxInt32))
		}
		return -1
	}
	moment := func(name string) (at time.Time) {
		if v, ok := t.RawGetString(name).(lua.LNumber); ok {
			at = timeOf(float64(v))
		}
		return at
	}
	k, _ := t.Next(lua.LNil)
	q.empty = k == lua.LNil
	q.key, q.after, q.before = text("key"), text("after"), text("before")
	if with, ok := t.RawGetString("with").(lua.LString); ok {
		s := string(with)
		q.with = &s
	}
	if ids, ok := t.RawGetString("ids").(*lua.LTable); ok {
		q.ids = []string{}
		for i := range ids.Len() {
			if id, ok := ids.RawGetInt(i + 1).(lua.LString); ok {
				q.ids = append(q.ids, string(id))
			}
		}
	}
	q.start, q.end = moment("start"), moment("end")
	q.limit, q.truncate = number("limit"), number("truncate")
	q.reverse, q.total = lua.LVAsBool(t.RawGetString("reverse")), lua.LVAsBool(t.RawGetString("total"))
	return q
}

// search is a query on its way through an archive.
type search struct {
	a        *archive
	user     string
	q        storage.Query
	with     *string // what else an entry must have
	left     int     // how many may still be found; -1: any number
	replaced map[string][]byte
	begun    bool
	done     bool
}

// page is how many entries are read at once, before Lua has them one by one.
const page = 50

// search makes a query ready.
func (a *archive) search(ctx context.Context, user string, q *query) (*search, error) {
	s := &search{a: a, user: user, left: q.limit, done: q.limit == 0}
	s.q = storage.Query{Start: q.start, End: q.end, Backward: q.reverse}
	for _, at := range [...]struct{ key, id *string }{{&q.after, &s.q.After}, {&q.before, &s.q.Before}} {
		if *at.key == "" {
			continue
		}
		id, err := a.idOf(ctx, user, *at.key)
		if err != nil {
			return nil, err
		}
		*at.id, s.q.Known = id, append(s.q.Known, id)
	}
	if q.key != "" || q.ids != nil {
		if err := s.only(ctx, q); err != nil {
			return nil, err
		}
	}
	if q.with != nil {
		s.q.With = jidOf(*q.with)
		if !a.native || s.q.With.IsZero() { // a bare JID would stand for full ones
			s.with = q.with
		}
	}
	if a.native {
		return s, nil
	}
	for p, err := range a.replaced.All(ctx, user) {
		if err != nil {
			return nil, err
		}
		if s.replaced == nil {
			s.replaced = make(map[string][]byte)
		}
		s.replaced[p.Key] = p.Value
	}
	return s, nil
}

// only limits the search to the entries that the query names, as far as they
// are there.
func (s *search) only(ctx context.Context, q *query) error {
	wanted := q.ids
	switch {
	case q.key != "" && q.ids != nil && !slices.Contains(q.ids, q.key):
		wanted = nil
	case q.key != "":
		wanted = []string{q.key}
	}
	there := make(map[string]bool, len(wanted))
	for _, key := range wanted {
		i, err := s.a.one(ctx, s.user, key)
		if errors.Is(err, errNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		there[i.id] = true
	}
	if s.q.IDs = slices.Sorted(maps.Keys(there)); len(there) == 0 {
		s.q.IDs = []string{}
		s.done = true
	}
	return nil
}

// count returns how many entries the query finds, whatever its paging.
func (s *search) count(ctx context.Context) (n int, err error) {
	if s.q.IDs != nil && len(s.q.IDs) == 0 {
		return 0, nil
	}
	q := s.q
	q.After, q.Before, q.Known = "", "", nil
	if s.with == nil {
		return s.a.store.Count(ctx, s.user, q)
	}
	all := search{a: s.a, user: s.user, q: q, with: s.with, left: -1, replaced: s.replaced}
	for {
		items, err := all.next(ctx)
		if err != nil || len(items) == 0 {
			return n, err
		}
		n += len(items)
	}
}

// next returns some more entries; none at the end.
func (s *search) next(ctx context.Context) (items []item, err error) {
	for !s.done && len(items) == 0 {
		q := s.q
		if s.q.IDs == nil {
			q.Limit = page
		}
		n, last := 0, ""
		for e, err := range s.a.store.Find(ctx, s.user, q) {
			if err != nil {
				return nil, err
			}
			n++
			last = e.ID
			i, err := s.take(e)
			if err != nil {
				s.a.s.Log.ErrorContext(ctx, "entry of an archive not readable", "host", s.a.name.host, "store", s.a.name.name, "id", e.ID, "err", err)
				continue
			}
			if s.with != nil && i.with != *s.with {
				continue
			}
			items = append(items, i)
			if s.left--; s.left == 0 {
				s.done = true
				break
			}
		}
		if err := s.pass(ctx, n, last); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// pass goes on behind a page. What comes while Lua works on one is left out,
// as in Prosody: a module may append while it iterates.
func (s *search) pass(ctx context.Context, n int, last string) error {
	s.q.Known = nil
	if s.q.IDs != nil || n < page {
		s.done = true
	}
	if s.done {
		return nil
	}
	if s.q.Backward {
		s.q.Before = last
		return nil
	}
	if s.q.After = last; s.begun {
		return nil
	}
	s.begun = true
	_, newest, err := s.a.store.Bounds(ctx, s.user)
	if err != nil || newest == nil {
		return err
	}
	if end := storage.Behind(newest.ID); s.q.Before == "" || end < s.q.Before {
		s.q.Before = end
	}
	return nil
}

// take reads an entry.
func (s *search) take(e storage.Entry) (i item, err error) {
	if err = i.read(e); err != nil {
		return i, err
	}
	if s.a.native {
		i.with = bareOf(i.with)
	}
	if b := s.replaced[e.ID]; b != nil {
		err = i.readBody(b)
	}
	return i, err
}

// luaFind is find(user, query): an iterator over key, stanza, when, with, and
// the total number if it is asked for.
func (a *archive) luaFind(l *lua.LState) int {
	user, q := userArg(l, 2), queryArg(l, 3)
	var s *search
	var items []item
	total := -1
	err := a.s.away(false, func(ctx context.Context) (err error) {
		if s, err = a.search(ctx, user, q); err != nil {
			return err
		}
		if q.total {
			if total, err = s.count(ctx); err != nil {
				return err
			}
		}
		items, err = s.next(ctx)
		return err
	})
	if err != nil {
		return a.s.fail(l, a.name, err)
	}
	l.Push(l.NewFunction(func(l *lua.LState) int { return s.yield(l, &items) }))
	if total < 0 {
		return 1
	}
	l.Push(lua.LNumber(total))
	return 2
}

// yield pushes the next entry.
func (s *search) yield(l *lua.LState, items *[]item) int {
	for {
		if len(*items) == 0 && !s.done {
			err := s.a.s.away(false, func(ctx context.Context) (err error) {
				*items, err = s.next(ctx)
				return err
			})
			if err != nil {
				l.RaiseError("read archive %s: %s", s.a.name.name, err.Error())
			}
		}
		if len(*items) == 0 {
			return 0
		}
		i := (*items)[0]
		*items = (*items)[1:]
		e, err := i.element()
		if err != nil { // what is no stanza was put there by datamanager
			s.a.s.Log.Warn("entry of an archive is no stanza", "host", s.a.name.host, "store", s.a.name.name, "id", i.id, "err", err)
			continue
		}
		l.Push(lua.LString(i.key))
		l.Push(lib.StanzasOf(l).Object(l, e))
		l.Push(lua.LNumber(secondsOf(i.when)))
		l.Push(lua.LString(i.with))
		return 4
	}
}
