// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/storage"
)

// luaDelete is delete(user, query): how many entries went. For user true it is
// those of all users, by their time alone.
func (a *archive) luaDelete(l *lua.LState) int {
	q := queryArg(l, 3)
	n := 0
	var err error
	if l.Get(2) == lua.LTrue {
		err = a.s.away(false, func(ctx context.Context) (err error) {
			n, err = a.expire(ctx, q)
			return err
		})
	} else {
		user := userArg(l, 2)
		err = a.s.away(false, func(ctx context.Context) (err error) {
			n, err = a.delete(ctx, user, q)
			return err
		})
	}
	if err != nil {
		return a.s.fail(l, a.name, err)
	}
	l.Push(lua.LNumber(n))
	return 1
}

// expire deletes what is as old as the query says, of all users.
func (a *archive) expire(ctx context.Context, q *query) (int, error) {
	plain := query{limit: -1, truncate: -1, end: q.end}
	if q.end.IsZero() || !plain.alike(q) {
		return 0, errUnsupported
	}
	return a.store.Expire(ctx, q.end.Add(time.Microsecond)) // which is exclusive
}

// alike reports whether two queries choose the same, but for paging.
func (q *query) alike(o *query) bool {
	return q.key == o.key && q.after == o.after && q.before == o.before && q.with == o.with && q.ids == nil && o.ids == nil &&
		q.start.Equal(o.start) && q.end.Equal(o.end) && q.truncate == o.truncate
}

// delete deletes what a query finds.
func (a *archive) delete(ctx context.Context, user string, q *query) (int, error) {
	chosen := *q
	chosen.limit, chosen.reverse = -1, false
	s, err := a.search(ctx, user, &chosen)
	if err != nil || s.done {
		return 0, err
	}
	if q.truncate >= 0 {
		if some, err := s.truncate(ctx, q); err != nil || !some {
			return 0, err
		}
	}
	plain := s.with == nil
	if plain && !a.native {
		if plain, err = a.nothingBeside(ctx, user); err != nil {
			return 0, err
		}
	}
	if plain {
		s.q.Known = nil
		return a.store.Delete(ctx, user, s.q)
	}
	return a.deleteEach(ctx, s)
}

// truncate leaves the newest entries out of what is to be deleted, or the
// oldest ones; false if nothing is left.
func (s *search) truncate(ctx context.Context, q *query) (bool, error) {
	if q.truncate == 0 {
		return true, nil
	}
	kept := *s
	kept.q.Backward, kept.left = !q.reverse, q.truncate
	n, last := 0, ""
	for !kept.done {
		items, err := kept.next(ctx)
		if err != nil {
			return false, err
		}
		if n += len(items); len(items) > 0 {
			last = items[len(items)-1].id
		}
	}
	if n < q.truncate {
		return false, nil
	}
	if q.reverse {
		s.q.After = last
	} else {
		s.q.Before = last
	}
	return true, nil
}

// nothingBeside reports whether no entry of the user has a name, and none was
// replaced.
func (a *archive) nothingBeside(ctx context.Context, user string) (bool, error) {
	for _, m := range [...]storage.Map{a.keys, a.replaced} {
		for _, err := range m.All(ctx, user) {
			return false, err
		}
	}
	return true, nil
}

// deleteEach deletes entries page by page, with what is kept beside them.
func (a *archive) deleteEach(ctx context.Context, s *search) (n int, err error) {
	defer a.s.hold(a.name, s.user)()
	for {
		items, err := s.next(ctx)
		if err != nil || len(items) == 0 {
			return n, err
		}
		ids := make([]string, 0, len(items))
		names, bodies := map[string][]byte{}, map[string][]byte{}
		for _, i := range items {
			ids = append(ids, i.id)
			if id, err := a.named(ctx, s.user, i.key); err != nil {
				return n, err
			} else if id == i.id {
				names[i.key] = nil
			}
			if s.replaced[i.id] != nil {
				bodies[i.id] = nil
			}
		}
		deleted, err := a.store.Delete(ctx, s.user, storage.Query{IDs: ids})
		if n += deleted; err != nil {
			return n, err
		}
		if err := a.forget(ctx, s.user, names, bodies); err != nil {
			return n, err
		}
	}
}

// forget deletes what is kept beside entries.
func (a *archive) forget(ctx context.Context, user string, names, bodies map[string][]byte) error {
	if len(names) > 0 {
		if err := a.keys.Set(ctx, user, names); err != nil {
			return err
		}
	}
	if len(bodies) > 0 {
		return a.replaced.Set(ctx, user, bodies)
	}
	return nil
}
