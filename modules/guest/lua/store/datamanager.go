// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tercet/config/lua51"
	"tercet/core/storage"
)

// datamanager makes the table of util.datamanager.
func (s *Stores) datamanager(l *lua.LState) *lua.LTable {
	t := l.CreateTable(0, 4*fields)
	lua51.Set(l, t, map[string]lua.LGFunction{
		"load": s.dmLoad, "store": s.dmStore, "users": s.dmUsers, "stores": s.dmStores, "purge": s.luaPurge,
		"list_append": s.listAppend, "list_load": s.listLoad, "list_store": s.listStore,
		"add_callback": s.addCallback, "remove_callback": s.removeCallback,
		"getpath": s.getPath, "path_encode": pathEncode, "path_decode": pathDecode, "set_data_path": s.setPath,
		"append_raw": s.appendRaw, "store_raw": storeRaw,
	})
	return t
}

// target returns the store that arguments 1 to 3 name: user, host, store.
func (s *Stores) target(l *lua.LState) (user string, n storeName) {
	return userArg(l, 1), storeName{hostArg(l, 2), l.CheckString(3)}
}

func (s *Stores) dmLoad(l *lua.LState) int {
	user, n := s.target(l)
	k, err := s.keyed(n)
	if err != nil {
		return s.fail(l, n, err)
	}
	return k.load(l, user)
}

func (s *Stores) dmStore(l *lua.LState) int {
	user, n := s.target(l)
	k, err := s.keyed(n)
	if err != nil {
		return s.fail(l, n, err)
	}
	return s.store(l, k, user, l.Get(4))
}

// dmUsers is users(host, store, type).
func (s *Stores) dmUsers(l *lua.LState) int {
	n := storeName{hostArg(l, 1), l.CheckString(2)}
	if typ := textArg(l, 3); typ == "list" || typ == "archive" {
		a, err := s.archive(n)
		if err != nil {
			return s.fail(l, n, err)
		}
		return s.names(l, n, false, a.store.Owners)
	}
	k, err := s.keyed(n)
	if err != nil {
		return s.fail(l, n, err)
	}
	return k.users(l)
}

// dmStores is stores(user, host, type).
func (s *Stores) dmStores(l *lua.LState) int {
	return s.stores(l, l.Get(1), hostArg(l, 2), textArg(l, 3))
}

// stores pushes an iterator over the names of the stores that a user has data
// in; for true, those that any user has, for nil those of the host itself.
func (s *Stores) stores(l *lua.LState, of lua.LValue, host, typ string) int {
	user := ""
	if name, ok := of.(lua.LString); ok {
		user = string(name)
	}
	lists := typ == "list" || typ == "archive"
	names, err := s.known(host, lists)
	var all []string
	for _, name := range names {
		if err != nil {
			break
		}
		var has bool
		if has, err = s.has(storeName{host, name}, user, lists, of == lua.LTrue); has {
			all = append(all, name)
		}
	}
	if err != nil {
		return s.fail(l, storeName{host: host}, err)
	}
	return eachOf(l, all)
}

// known returns the names of the stores of a host.
func (s *Stores) known(host string, lists bool) (names []string, err error) {
	if s.Stores == nil {
		for n := range s.tables {
			if n.host == host && !lists {
				names = append(names, n.name)
			}
		}
		for n := range s.archives {
			if n.host == host && lists {
				names = append(names, n.name)
			}
		}
	} else {
		var all []storage.StoreInfo
		err = s.away(false, func(ctx context.Context) (err error) {
			all, err = s.Stores(ctx)
			return err
		})
		for _, info := range all {
			seen := info.Kind == storage.KindKeyValue && !lists || info.Kind == storage.KindArchive && lists
			if info.Kind == storage.KindMap && !lists { // of those, Lua sees these alone
				seen = info.Store == "private" || info.Store == "roster"
			}
			if info.Host == host && seen {
				names = append(names, info.Store)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// has reports whether a user, or any, has something in a store.
func (s *Stores) has(n storeName, user string, lists, anybody bool) (has bool, err error) {
	if anybody {
		return true, nil
	}
	if lists {
		a, err := s.archive(n)
		if err != nil {
			return false, err
		}
		err = s.away(false, func(ctx context.Context) error {
			first, _, err := a.store.Bounds(ctx, user)
			has = first != nil
			return err
		})
		return has, err
	}
	k, err := s.keyed(n)
	if err != nil {
		return false, err
	}
	err = s.away(k.shelf.enters(), func(ctx context.Context) error {
		b, err := k.shelf.get(ctx, user)
		has = b != nil || err != nil // what cannot be read is there
		return nil
	})
	return has, err
}

func (s *Stores) addCallback(l *lua.LState) int {
	fn := l.CheckFunction(1)
	if slices.Contains(s.callbacks, fn) {
		return 0
	}
	s.callbacks = append(s.callbacks, fn)
	return yes(l)
}

func (s *Stores) removeCallback(l *lua.LState) int {
	i := slices.Index(s.callbacks, l.CheckFunction(1))
	if i < 0 {
		return 0
	}
	s.callbacks = slices.Delete(s.callbacks, i, i+1)
	return yes(l)
}

// encodePath writes what is not a letter, a digit or in keep as %xx.
func encodePath(name, keep string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(keep, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

func pathEncode(l *lua.LState) int {
	if l.Get(1) == lua.LNil {
		return 0
	}
	l.Push(lua.LString(encodePath(l.CheckString(1), "")))
	return 1
}

func pathDecode(l *lua.LState) int {
	if l.Get(1) == lua.LNil {
		return 0
	}
	name := l.CheckString(1)
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if c, ok := hexAt(name[i:]); ok {
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(name[i])
	}
	l.Push(lua.LString(b.String()))
	return 1
}

// hexAt returns the byte that %xx at the beginning of s stands for.
func hexAt(s string) (c byte, ok bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	for _, d := range []byte(s[1:3]) {
		c <<= 4
		switch {
		case d >= '0' && d <= '9':
			c |= d - '0'
		case d >= 'a' && d <= 'f':
			c |= d - 'a' + 10
		case d >= 'A' && d <= 'F':
			c |= d - 'A' + 10
		default:
			return 0, false
		}
	}
	return c, true
}

// setPath is for Prosody's own start; the folder is the config's.
func (s *Stores) setPath(*lua.LState) int { return 0 }

// path returns the file that Prosody would have data in.
func (s *Stores) path(l *lua.LState, create bool) string {
	ext := textArg(l, 4)
	if ext == "" {
		ext = "dat"
	}
	host := "_global"
	if l.Get(2) != lua.LNil {
		host = encodePath(l.CheckString(2), "")
	}
	name := encodePath(l.CheckString(3), "_")
	path := filepath.Join(s.Data, host, name+"."+ext)
	if l.Get(1) != lua.LNil {
		path = filepath.Join(s.Data, host, name, encodePath(l.CheckString(1), "")+"."+ext)
	}
	if create {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			s.Log.Error("folder for a file of a Lua module not made", "path", path, "err", err)
		}
	}
	return path
}

// getPath is getpath(user, host, store, extension, create). Nothing but what
// modules write there themselves is in these files.
func (s *Stores) getPath(l *lua.LState) int {
	l.Push(lua.LString(s.path(l, lua.LVAsBool(l.Get(5)))))
	return 1
}

// appendRaw is append_raw(user, host, store, extension, text): true and where
// the text stands.
func (s *Stores) appendRaw(l *lua.LState) int {
	text, ok := l.Get(5).(lua.LString)
	if !ok {
		return 0
	}
	f, err := os.OpenFile(s.path(l, true), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640) //nolint:gosec // for the admin's group, as Prosody's
	if err != nil {
		return failedFile(l, err)
	}
	at, err := f.Seek(0, 2)
	if err == nil {
		_, err = f.WriteString(string(text))
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return failedFile(l, err)
	}
	l.Push(lua.LTrue)
	l.Push(lua.LNumber(at))
	return 2
}

func failedFile(l *lua.LState, err error) int {
	l.Push(lua.LNil)
	l.Push(lua.LString(err.Error()))
	return 2
}

// storeRaw is store_raw(file, text): the file has the old text or the new one.
func storeRaw(l *lua.LState) int {
	path, text := l.CheckString(1), l.CheckString(2)
	scratch := path + "~"
	err := os.WriteFile(scratch, []byte(text), 0o640) //nolint:gosec // for the admin's group, as Prosody's
	if err == nil {
		err = os.Rename(scratch, path)
	}
	if err != nil {
		_ = os.Remove(scratch) // it may not be there
		return failedFile(l, err)
	}
	return yes(l)
}
