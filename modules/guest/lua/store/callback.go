// SPDX-License-Identifier: Apache-2.0

package store

import (
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// call has the callbacks of util.datamanager see what is to be stored. They may
// have it stored elsewhere, or something else; t is nil if nothing is.
func (s *Stores) call(l *lua.LState, k *keyed, user string, t *lua.LTable) (*keyed, string, *lua.LTable, error) {
	seen := s.ask(l, k.name, user, t)
	if seen[0] == lua.LFalse {
		return k, user, nil, nil
	}
	n := storeName{seen[1].String(), seen[2].String()}
	user = ""
	if seen[0] != lua.LNil {
		user = seen[0].String()
	}
	t, ok := seen[3].(*lua.LTable)
	if !ok {
		l.RaiseError("a callback of datamanager returned a %s in place of a table", seen[3].Type())
	}
	if n != k.name {
		other, err := s.keyed(n)
		if err != nil {
			return k, user, nil, err
		}
		k = other
	}
	return k, user, t, nil
}

// ask calls the callbacks; data is nil for lists.
func (s *Stores) ask(l *lua.LState, n storeName, user string, data *lua.LTable) [4]lua.LValue {
	seen := [4]lua.LValue{lua.LNil, lua.LString(n.host), lua.LString(n.name), lua.LNil}
	if user != "" {
		seen[0] = lua.LString(user)
	}
	if data != nil {
		seen[3] = data
	}
	for _, fn := range slices.Clone(s.callbacks) { // one may remove itself
		l.Push(fn)
		for _, v := range seen {
			l.Push(v)
		}
		l.Call(4, 4)
		for i := range seen {
			seen[i] = l.Get(i - 4)
		}
		l.Pop(4)
		if seen[0] == lua.LFalse {
			break
		}
	}
	return seen
}
