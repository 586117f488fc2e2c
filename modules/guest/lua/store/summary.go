// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
)

// each calls fn for all that a query finds.
func (a *archive) each(user string, q *query, fn func(i *item)) error {
	return a.s.away(false, func(ctx context.Context) error {
		s, err := a.search(ctx, user, q)
		for err == nil && !s.done {
			var items []item
			items, err = s.next(ctx)
			for i := range items {
				fn(&items[i])
			}
		}
		return err
	})
}

// luaSummary is summary(user, query): how many entries there are of each other
// side, the first and last time, and the last text.
func (a *archive) luaSummary(l *lua.LState) int {
	type side struct {
		count            int
		earliest, latest time.Time
		body             string
		text             bool
	}
	sides := map[string]*side{}
	user, q := userArg(l, 2), queryArg(l, 3)
	err := a.each(user, q, func(i *item) {
		s := sides[i.with]
		if s == nil {
			s = &side{earliest: i.when}
			sides[i.with] = s
		}
		s.count++
		s.latest = i.when
		if e, err := i.element(); err == nil {
			if body := e.Child(element.NSClient, "body"); !body.IsZero() {
				s.body, s.text = body.Text(), true
			}
		}
	})
	if err != nil {
		return a.s.fail(l, a.name, err)
	}
	t := l.CreateTable(0, fields)
	tables := map[string]*lua.LTable{}
	for _, name := range [...]string{"counts", "earliest", "latest", "body"} {
		tables[name] = l.CreateTable(0, fields)
		t.RawSetString(name, tables[name])
	}
	for with, s := range sides {
		tables["counts"].RawSetString(with, lua.LNumber(s.count))
		tables["earliest"].RawSetString(with, lua.LNumber(secondsOf(s.earliest)))
		tables["latest"].RawSetString(with, lua.LNumber(secondsOf(s.latest)))
		if s.text {
			tables["body"].RawSetString(with, lua.LString(s.body))
		}
	}
	l.Push(t)
	return 1
}

// luaDates is dates(user): the days on which there are entries.
func (a *archive) luaDates(l *lua.LState) int {
	var days []string
	seen := map[string]bool{}
	err := a.each(userArg(l, 2), &query{limit: -1}, func(i *item) {
		if day := i.when.UTC().Format(time.DateOnly); !seen[day] {
			seen[day] = true
			days = append(days, day)
		}
	})
	if err != nil {
		return a.s.fail(l, a.name, err)
	}
	t := l.CreateTable(len(days), 0)
	for _, day := range days {
		t.Append(lua.LString(day))
	}
	return arrayOf(l, t)
}

// arrayOf pushes a table as an object of util.array.
func arrayOf(l *lua.LState, t *lua.LTable) int {
	l.Push(l.GetGlobal("require"))
	l.Push(lua.LString("util.array"))
	l.Call(1, 1)
	l.Push(t)
	l.Call(1, 1)
	return 1
}
