// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
	"tercet/core/storage"
	"tercet/modules/guest/lua/universe"
)

// Lists of datamanager lie in the archive of the same name, as in Prosody.

// listItem makes an entry of a value. In an archive of the server it must be a
// stanza.
func (a *archive) listItem(v lua.LValue) (item, error) {
	i := item{when: time.Now()}
	if t, ok := v.(*lua.LTable); ok {
		if when, ok := t.RawGetString("when").(lua.LNumber); ok {
			i.when = timeOf(float64(when))
		}
		if with, ok := t.RawGetString("with").(lua.LString); ok {
			i.with = string(with)
		}
	}
	b, err := encodeInner(v)
	if err != nil {
		return i, err
	}
	if i.value = b; !a.native {
		return i, nil
	}
	t, _, err := next(b)
	if err != nil {
		return i, err
	}
	e, err := elementOf(t)
	if err != nil {
		return i, errDatatype
	}
	i.xml, i.value = e.AppendTo(nil, element.NSClient), nil
	return i, nil
}

// listAppend is list_append(user, host, store, value).
func (s *Stores) listAppend(l *lua.LState) int {
	if !lua.LVAsBool(l.Get(4)) {
		return 0
	}
	return s.writeList(l, false, l.Get(4))
}

// listStore is list_store(user, host, store, values): they take the place of
// what was there.
func (s *Stores) listStore(l *lua.LState) int {
	var values []lua.LValue
	if t, ok := l.Get(4).(*lua.LTable); ok {
		for i := range t.Len() {
			values = append(values, t.RawGetInt(i+1))
		}
	}
	return s.writeList(l, true, values...)
}

// writeList appends to a list, or begins it anew.
func (s *Stores) writeList(l *lua.LState, anew bool, values ...lua.LValue) int {
	user, n := s.target(l)
	if len(s.callbacks) > 0 && s.ask(l, n, user, nil)[0] == lua.LFalse {
		return yes(l)
	}
	a, err := s.archive(n)
	if err != nil {
		return s.fail(l, n, err)
	}
	items := make([]item, len(values))
	for k, v := range values {
		if items[k], err = a.listItem(v); err == errDatatype { //nolint:errorlint // as it is
			return s.fail(l, n, err)
		} else if err != nil {
			l.RaiseError("list %s: %s", n.name, err.Error())
		}
	}
	err = a.put(func(ctx context.Context) (c storage.Commit, err error) {
		if anew {
			if _, err := a.delete(ctx, user, &query{limit: -1, truncate: -1, empty: true}); err != nil {
				return c, err
			}
		}
		for k := range items {
			if _, c, err = a.append(ctx, user, &items[k]); err != nil {
				return c, err
			}
		}
		return c, nil
	})
	if err != nil {
		return s.fail(l, n, err)
	}
	return yes(l)
}

// listLoad is list_load(user, host, store): the values, or nil if there are
// none.
func (s *Stores) listLoad(l *lua.LState) int {
	user, n := s.target(l)
	a, err := s.archive(n)
	if err != nil {
		return s.fail(l, n, err)
	}
	var values [][]byte
	size := 0
	var bad error
	err = a.each(user, &query{limit: -1, truncate: -1}, func(i *item) {
		b, err := i.listed()
		if err != nil {
			bad = err
		}
		values = append(values, b)
		size += len(b)
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return s.fail(l, n, err)
	}
	if len(values) == 0 {
		l.Push(lua.LNil)
		return 1
	}
	if size > large {
		universe.Of(l).Meter().Alloc(l, 4*size)
	}
	t := l.CreateTable(len(values), 0)
	for _, b := range values {
		v, err := decodeInner(l, b)
		if err != nil {
			return s.fail(l, n, err)
		}
		t.Append(v)
	}
	l.Push(t)
	return 1
}

// listed returns the value as lists have it: of a stanza, its table with what
// the archive knows of it.
func (i *item) listed() ([]byte, error) {
	if i.xml == nil {
		return i.value, nil
	}
	b, err := showElement(i.xml)
	if err != nil {
		return nil, err
	}
	t, err := readTable(append([]byte{version}, b...))
	if err != nil {
		return nil, err
	}
	t["key"], t["with"], t["when"] = i.key, i.with, secondsOf(i.when)
	if attrs, ok := t["attr"].(table); ok {
		attrs["stamp"] = i.when.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.appendTo(nil), nil
}
