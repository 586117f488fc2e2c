// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tercet/core/element"
	"tercet/core/storage"
	"tercet/modules/guest/lua/lib"
)

// archive is an archive store. What an archive of the server cannot have stands
// in two maps beside it: names that Lua has given to entries, and what it has
// put in the place of some.
type archive struct {
	s        *Stores
	name     storeName
	store    storage.Archive
	keys     storage.Map // ids of entries by their names
	replaced storage.Map // bodies by ids
	native   bool        // a native module reads it: there is nothing beside it
}

// natives are the archives of native modules, who keep the full JID of the
// other side where Prosody keeps the bare one.
var natives = map[string]bool{"archive": true, "offline": true}

// archive returns the archive store of a name.
func (s *Stores) archive(n storeName) (*archive, error) {
	if a := s.archives[n]; a != nil {
		return a, nil
	}
	o, err := s.opener(n.host)
	if err != nil {
		return nil, err
	}
	a := &archive{s: s, name: n, native: natives[n.name]}
	if a.store, err = o.Archive(n.name); err == nil && !a.native {
		if a.keys, err = o.Map(n.name); err == nil {
			a.replaced, err = o.Map(n.name + "_replaced")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open archive %s of %s: %w", n.name, n.host, err)
	}
	s.archives[n] = a
	return a, nil
}

// archiveStore makes the object that Lua gets.
func (s *Stores) archiveStore(l *lua.LState, n storeName) *lua.LTable {
	t := l.CreateTable(0, 4*fields)
	for name, fn := range map[string]func(*archive, *lua.LState) int{
		"append": (*archive).luaAppend, "find": (*archive).luaFind, "get": (*archive).luaGet, "set": (*archive).luaSet,
		"delete": (*archive).luaDelete, "summary": (*archive).luaSummary, "dates": (*archive).luaDates, "users": (*archive).luaUsers,
	} {
		t.RawSetString(name, l.NewFunction(func(l *lua.LState) int {
			a, err := s.archive(n)
			if err != nil {
				return s.fail(l, n, err)
			}
			return fn(a, l)
		}))
	}
	caps := l.CreateTable(0, 2*fields)
	for _, c := range [...]string{"total", "truncate", "full_id_range", "ids", "wildcard_delete"} {
		caps.RawSetString(c, lua.LTrue)
	}
	if s.Quota > 0 {
		caps.RawSetString("quota", lua.LNumber(s.Quota))
	}
	t.RawSetString("caps", caps)
	return t
}

// stanzaArg returns the stanza in argument n as it is stored.
func stanzaArg(l *lua.LState, n int) ([]byte, error) {
	t, ok := l.Get(n).(*lua.LTable)
	if !ok || !lib.StanzasOf(l).Is(t) {
		return nil, errDatatype
	}
	e, err := lib.ToElement(t)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDatatype, err)
	}
	return e.AppendTo(nil, element.NSClient), nil
}

// textArg returns the string in argument n, "" for nil.
func textArg(l *lua.LState, n int) string {
	if l.Get(n) == lua.LNil {
		return ""
	}
	return l.CheckString(n)
}

// luaAppend is append(user, key, stanza, when, with).
func (a *archive) luaAppend(l *lua.LState) int {
	user := userArg(l, 2)
	i := item{key: textArg(l, 3), when: time.Now(), with: textArg(l, 6)}
	if when, ok := l.Get(5).(lua.LNumber); ok {
		i.when = timeOf(float64(when))
	}
	var err error
	if i.xml, err = stanzaArg(l, 4); err != nil {
		return a.s.fail(l, a.name, err)
	}
	id := i.key
	if err = a.put(func(ctx context.Context) (c storage.Commit, err error) {
		var given string
		given, c, err = a.append(ctx, user, &i)
		if id == "" {
			id = given
		}
		return c, err
	}); err != nil {
		return a.s.fail(l, a.name, err)
	}
	l.Push(lua.LString(id))
	return 1
}

// put calls fn outside of Lua, and has what it wrote waited for.
func (a *archive) put(fn func(context.Context) (storage.Commit, error)) error {
	var c storage.Commit
	err := a.s.away(false, func(ctx context.Context) (err error) {
		if c, err = fn(ctx); err == nil && a.s.Await == nil {
			err = c.Wait(ctx)
		}
		return err
	})
	if err == nil && c.Done() {
		err = c.Err()
	}
	if err != nil || a.s.Await == nil || a.s.Await(c) {
		return err
	}
	return a.s.away(false, c.Wait)
}

// append writes an entry. One with a name takes the place of that which had it.
func (a *archive) append(ctx context.Context, user string, i *item) (id string, c storage.Commit, err error) {
	var before string
	if a.native { // its modules read nothing but stanzas
		if i.key != "" {
			return "", c, errUnsupported
		}
		i.with = jidOf(i.with).String()
	}
	if i.key != "" && i.value == nil {
		defer a.s.hold(a.name, user)()
		if before, err = a.named(ctx, user, i.key); err != nil {
			return "", c, err
		}
	}
	if a.s.Quota > 0 && before == "" {
		n, err := a.store.Count(ctx, user, storage.Query{})
		if err != nil {
			return "", c, err
		}
		if n >= a.s.Quota {
			return "", c, errQuota
		}
	}
	body, err := i.body()
	if err != nil {
		return "", c, err
	}
	id, c, err = a.store.Append(user, storage.Entry{When: i.when, With: jidOf(i.with), Body: body})
	if err != nil || i.key == "" || i.value != nil {
		return id, c, err
	}
	if err := a.keys.Set(ctx, user, map[string][]byte{i.key: []byte(id)}); err != nil {
		return id, c, err
	}
	if before != "" {
		err = a.drop(ctx, user, before)
	}
	return id, c, err
}

// drop deletes one entry and what was put in its place.
func (a *archive) drop(ctx context.Context, user, id string) error {
	if _, err := a.store.Delete(ctx, user, storage.Query{IDs: []string{id}}); err != nil {
		return err
	}
	if b, err := a.replaced.Get(ctx, user, id); err != nil || b == nil {
		return err
	}
	return a.replaced.Set(ctx, user, map[string][]byte{id: nil})
}

// named returns the id of the entry that Lua has given a name, or "".
func (a *archive) named(ctx context.Context, user, key string) (string, error) {
	if a.native {
		return "", nil
	}
	b, err := a.keys.Get(ctx, user, key)
	return string(b), err
}

// idOf returns the id of the entry that Lua calls by key, which may be gone.
func (a *archive) idOf(ctx context.Context, user, key string) (string, error) {
	id, err := a.named(ctx, user, key)
	if err != nil || id != "" {
		return id, err
	}
	if _, ok := storage.ParseID(key); !ok {
		return "", errNotFound
	}
	return key, nil
}

// one returns an entry by what Lua calls it.
func (a *archive) one(ctx context.Context, user, key string) (i item, err error) {
	id, err := a.idOf(ctx, user, key)
	if err != nil {
		return i, err
	}
	found := false
	for e, err := range a.store.Find(ctx, user, storage.Query{IDs: []string{id}}) {
		if errors.Is(err, storage.ErrNotFound) {
			return i, errNotFound
		}
		if err != nil {
			return i, err
		}
		found = true
		if err := i.read(e); err != nil {
			return i, err
		}
	}
	if !found || i.key != key {
		return i, errNotFound
	}
	if a.native {
		i.with = bareOf(i.with)
		return i, nil
	}
	b, err := a.replaced.Get(ctx, user, id)
	if err == nil && b != nil {
		err = i.readBody(b)
	}
	return i, err
}

// bareOf returns the bare JID of an address.
func bareOf(s string) string { return jidOf(s).Bare().String() }

// luaGet is get(user, key): the stanza, when, with.
func (a *archive) luaGet(l *lua.LState) int {
	user, key := userArg(l, 2), textArg(l, 3)
	var i item
	var e element.Element
	err := a.s.away(false, func(ctx context.Context) (err error) {
		if i, err = a.one(ctx, user, key); err == nil {
			e, err = i.element()
		}
		return err
	})
	if err != nil {
		return a.s.fail(l, a.name, err)
	}
	l.Push(lib.StanzasOf(l).Object(l, e))
	l.Push(lua.LNumber(secondsOf(i.when)))
	l.Push(lua.LString(i.with))
	return 3
}

// luaSet is set(user, key, stanza, when, with). The server's archives do not
// change an entry; what takes its place is kept beside. Native modules would
// not see that, so in their archives nothing can be changed.
func (a *archive) luaSet(l *lua.LState) int {
	user, key := userArg(l, 2), textArg(l, 3)
	xml, err := stanzaArg(l, 4)
	if err == nil && a.native {
		err = errUnsupported
	}
	if err != nil {
		return a.s.fail(l, a.name, err)
	}
	when, with := l.Get(5), l.Get(6)
	err = a.s.away(false, func(ctx context.Context) error {
		defer a.s.hold(a.name, user)()
		i, err := a.one(ctx, user, key)
		if err != nil {
			return err
		}
		if when != lua.LNil && when != lua.LNumber(secondsOf(i.when)) || with != lua.LNil && with != lua.LString(i.with) {
			return errUnsupported // it would be sought where it was
		}
		i.xml, i.value = xml, nil
		body, err := i.body()
		if err != nil {
			return err
		}
		return a.replaced.Set(ctx, user, map[string][]byte{i.id: body})
	})
	if err != nil {
		return a.s.fail(l, a.name, err)
	}
	return yes(l)
}

func (a *archive) luaUsers(l *lua.LState) int {
	return a.s.names(l, a.name, false, a.store.Owners)
}
