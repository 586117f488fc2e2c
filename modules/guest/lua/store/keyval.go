// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"iter"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tercet/modules/guest/lua/universe"
)

// keyed is a store of tables that Lua has opened.
type keyed struct {
	s     *Stores
	name  storeName
	shelf shelf
}

// tableStore makes the object that Lua gets. Its methods take it as argument 1,
// and do not look at it: a module may have wrapped it.
func (s *Stores) tableStore(l *lua.LState, n storeName, typ string) *lua.LTable {
	t := l.CreateTable(0, 3*fields)
	methods := map[string]func(*keyed, *lua.LState) int{"get": (*keyed).get, "set": (*keyed).set, "users": (*keyed).users}
	switch typ {
	case "map":
		methods = map[string]func(*keyed, *lua.LState) int{
			"get": (*keyed).getKey, "set": (*keyed).setKey, "set_keys": (*keyed).setKeys,
			"get_all": (*keyed).getAll, "delete_all": (*keyed).deleteAll,
		}
	case "keyval+": // Prosody 13
		methods["items"] = (*keyed).users
		methods["get_key"], methods["set_key"], methods["set_keys"] = (*keyed).getKey, (*keyed).setKey, (*keyed).setKeys
		methods["get_key_from_all"], methods["delete_key_from_all"] = (*keyed).getAll, (*keyed).deleteAll
	}
	if typ == "map" || typ == "keyval+" {
		t.RawSetString("remove", s.remover(l))
	}
	for name, fn := range methods {
		t.RawSetString(name, l.NewFunction(func(l *lua.LState) int {
			k, err := s.keyed(n)
			if err != nil {
				return s.fail(l, n, err)
			}
			return fn(k, l)
		}))
	}
	return t
}

// remover is the value that deletes its key.
func (s *Stores) remover(l *lua.LState) *lua.LTable {
	if s.remove == nil {
		s.remove = l.CreateTable(0, fields)
	}
	return s.remove
}

// userArg returns the user in argument n; nil stands for the host.
func userArg(l *lua.LState, n int) string {
	if l.Get(n) == lua.LNil {
		return ""
	}
	return l.CheckString(n)
}

// fail tells Lua of an error, and the admin if it is the server's.
func (s *Stores) fail(l *lua.LState, n storeName, err error) int {
	l.Push(lua.LNil)
	l.Push(lua.LString(s.tell(n, err)))
	return 2
}

func yes(l *lua.LState) int {
	l.Push(lua.LTrue)
	return 1
}

// large is from how many bytes on a value is counted before it is made.
const large = 16 << 10

// give pushes a stored table.
func (s *Stores) give(l *lua.LState, n storeName, b []byte, decode func(*lua.LState, []byte) (lua.LValue, error)) int {
	if b == nil {
		l.Push(lua.LNil)
		return 1
	}
	if len(b) > large {
		universe.Of(l).Meter().Alloc(l, 4*len(b))
	}
	v, err := decode(l, b)
	if err != nil {
		return s.fail(l, n, err)
	}
	l.Push(v)
	return 1
}

func (k *keyed) get(l *lua.LState) int { return k.load(l, userArg(l, 2)) }

func (k *keyed) load(l *lua.LState, user string) int {
	var b []byte
	err := k.s.away(k.shelf.enters(), func(ctx context.Context) (err error) {
		b, err = k.shelf.get(ctx, user)
		return err
	})
	if err != nil {
		return k.s.fail(l, k.name, err)
	}
	return k.s.give(l, k.name, b, decode)
}

// set stores a table; what cannot be stored is an error of Lua, as in Prosody.
func (k *keyed) set(l *lua.LState) int { return k.s.store(l, k, userArg(l, 2), l.Get(3)) }

// store is keyval's set and datamanager's store.
func (s *Stores) store(l *lua.LState, k *keyed, user string, data lua.LValue) int {
	t, ok := data.(*lua.LTable)
	switch {
	case !lua.LVAsBool(data):
		t = l.CreateTable(0, fields)
	case !ok:
		l.RaiseError("a store keeps tables, not a %s", data.Type())
	}
	if len(s.callbacks) > 0 {
		var err error
		if k, user, t, err = s.call(l, k, user, t); err != nil {
			return s.fail(l, k.name, err)
		}
		if t == nil {
			return yes(l)
		}
	}
	b, err := encode(t)
	if err != nil {
		l.RaiseError("store %s: %s", k.name.name, err.Error())
	}
	if err := k.shelf.writable(user); err != nil {
		return s.fail(l, k.name, err)
	}
	err = s.away(k.shelf.enters(), func(ctx context.Context) error { return k.shelf.set(ctx, user, b) })
	if err != nil {
		return s.fail(l, k.name, err)
	}
	return yes(l)
}

func (k *keyed) users(l *lua.LState) int {
	return k.s.names(l, k.name, k.shelf.enters(), k.shelf.users)
}

// names pushes an iterator over the users of a store. The host itself is none.
func (s *Stores) names(l *lua.LState, n storeName, enters bool, users func(context.Context) iter.Seq2[string, error]) int {
	var all []string
	err := s.away(enters, func(ctx context.Context) error {
		for user, err := range users(ctx) {
			if err != nil {
				return err
			}
			if user != "" {
				all = append(all, user)
			}
		}
		return nil
	})
	if err != nil {
		return s.fail(l, n, err)
	}
	return eachOf(l, all)
}

// eachOf pushes an iterator.
func eachOf(l *lua.LState, all []string) int {
	i := 0
	l.Push(l.NewFunction(func(l *lua.LState) int {
		if i == len(all) {
			return 0
		}
		l.Push(lua.LString(all[i]))
		i++
		return 1
	}))
	return 1
}

func (k *keyed) getKey(l *lua.LState) int {
	user := userArg(l, 2)
	key, err := encodeKey(l.Get(3))
	if err != nil { // what cannot be a key is not there
		l.Push(lua.LNil)
		return 1
	}
	var b []byte
	err = k.s.away(k.shelf.enters(), func(ctx context.Context) (err error) {
		b, err = k.shelf.pick(ctx, user, key)
		return err
	})
	if err != nil {
		return k.s.fail(l, k.name, err)
	}
	return k.s.give(l, k.name, b, decodeInner)
}

func (k *keyed) setKey(l *lua.LState) int {
	return k.put(l, userArg(l, 2), []luaPair{{l.Get(3), l.Get(4)}})
}

func (k *keyed) setKeys(l *lua.LState) int {
	user := userArg(l, 2)
	var all []luaPair
	l.CheckTable(3).ForEach(func(key, value lua.LValue) { all = append(all, luaPair{key, value}) })
	return k.put(l, user, all)
}

// put makes changes.
func (k *keyed) put(l *lua.LState, user string, all []luaPair) int {
	if len(k.s.callbacks) > 0 {
		return k.putWhole(l, user, all)
	}
	changes, err := changes(all, k.s.remover(l))
	if err != nil {
		l.RaiseError("store %s: %s", k.name.name, err.Error())
	}
	if err := k.shelf.writable(user); err != nil {
		return k.s.fail(l, k.name, err)
	}
	err = k.s.away(k.shelf.enters(), func(ctx context.Context) error { return k.shelf.change(ctx, user, changes) })
	if err != nil {
		return k.s.fail(l, k.name, err)
	}
	return yes(l)
}

// changes are pairs as bytes, in the order of their keys.
func changes(all []luaPair, remove lua.LValue) ([]pair, error) {
	slices.SortFunc(all, func(a, b luaPair) int { return compareKeys(a.key, b.key) })
	out := make([]pair, len(all))
	for i, p := range all {
		var err error
		if out[i].key, err = encodeKey(p.key); err == nil && p.value != remove {
			out[i].value, err = encodeInner(p.value)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// putWhole is put where callbacks want to see the whole table.
func (k *keyed) putWhole(l *lua.LState, user string, all []luaPair) int {
	top := l.GetTop()
	if n := k.load(l, user); n > 1 {
		return n
	}
	t, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t = l.CreateTable(0, fields)
	}
	for _, p := range all {
		if p.value == k.s.remover(l) {
			p.value = lua.LNil
		}
		l.RawSet(t, p.key, p.value)
	}
	l.SetTop(top)
	return k.s.store(l, k, user, t)
}

// stringKey returns the key in argument n of a search through all users.
func stringKey(l *lua.LState, n int) ([]byte, error) {
	s, ok := l.Get(n).(lua.LString)
	if !ok || s == "" {
		return nil, errNotString
	}
	return appendString(nil, string(s)), nil
}

// getAll returns what all users have under a key.
func (k *keyed) getAll(l *lua.LState) int {
	key, err := stringKey(l, 2)
	if err != nil {
		return k.s.fail(l, k.name, err)
	}
	var found []pair
	err = k.each(func(ctx context.Context, user string) error {
		b, err := k.shelf.pick(ctx, user, key)
		if err == nil && b != nil && b[0] != tagFalse {
			found = append(found, pair{[]byte(user), b})
		}
		if unreadable(err) {
			k.s.Log.ErrorContext(ctx, "table left out of a search", "host", k.name.host, "store", k.name.name, "user", user, "err", err)
			return nil
		}
		return err
	})
	if err != nil {
		return k.s.fail(l, k.name, err)
	}
	if len(found) == 0 {
		l.Push(lua.LNil)
		return 1
	}
	t := l.CreateTable(0, len(found))
	for _, p := range found {
		v, err := decodeInner(l, p.value)
		if err != nil {
			return k.s.fail(l, k.name, err)
		}
		t.RawSetString(string(p.key), v)
	}
	l.Push(t)
	return 1
}

// deleteAll deletes a key of all users.
func (k *keyed) deleteAll(l *lua.LState) int {
	key, err := stringKey(l, 2)
	if err == nil {
		err = k.shelf.writable(everybody)
	}
	if err != nil {
		return k.s.fail(l, k.name, err)
	}
	var left error
	err = k.each(func(ctx context.Context, user string) error {
		err := k.shelf.change(ctx, user, []pair{{key: key}})
		if unreadable(err) {
			left, err = err, nil
		}
		return err
	})
	if err == nil {
		err = left
	}
	if err != nil {
		return k.s.fail(l, k.name, err)
	}
	return yes(l)
}

// unreadable reports whether an error is that of one table alone.
func unreadable(err error) bool { return errors.Is(err, errForeign) || errors.Is(err, errCorrupt) }

// each calls fn for each user outside of Lua. The names come first: while they
// are read, others may write.
func (k *keyed) each(fn func(ctx context.Context, user string) error) error {
	return k.s.away(k.shelf.enters(), func(ctx context.Context) error {
		var all []string
		for user, err := range k.shelf.users(ctx) {
			if err != nil {
				return err
			}
			all = append(all, user)
		}
		for _, user := range all {
			if user == "" {
				continue
			}
			if err := fn(ctx, user); err != nil {
				return err
			}
		}
		return nil
	})
}
