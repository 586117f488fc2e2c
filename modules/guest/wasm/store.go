// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"encoding/json"

	"github.com/tetratelabs/wazero/api"

	"tercet/modules/guest"
)

// maxOps is how many operations of the store there may be in one call.
const maxOps = 100

// key reads an owner and a key. Nil: not granted, too often, or malformed,
// which code says.
func (i *instance) key(stack []uint64) (s *guest.Store, owner, key string, code int32) {
	owner, ok1 := i.text(stack, 0)
	key, ok2 := i.text(stack, 2)
	s = i.plugin.store
	switch i.call.ops++; {
	case !ok1 || !ok2:
		return nil, "", "", errMalformed
	case s == nil || i.call.ops > maxOps:
		return nil, "", "", errDenied
	case len(owner) > guest.MaxKey || len(key) > guest.MaxKey:
		return nil, "", "", errLarge
	}
	return s, owner, key, ok
}

func (i *instance) hostGet(stack []uint64) {
	s, owner, key, code := i.key(stack)
	if s == nil {
		result(stack, code)
		return
	}
	v, err := s.Get(i.ctx, owner, key)
	switch {
	case err != nil:
		result(stack, errUnavailable)
	case v == nil:
		result(stack, errNone)
	default:
		i.give(stack, 4, v)
	}
}

// hostPut stores a value; a pointer of 0 deletes it.
func (i *instance) hostPut(stack []uint64) {
	s, owner, key, code := i.key(stack)
	if s == nil {
		result(stack, code)
		return
	}
	var value []byte
	if uint32(stack[4]) != 0 { //nolint:gosec // an i32 lies in the lower half
		b, good := i.bytes(stack, 4)
		switch {
		case !good:
			result(stack, errMalformed)
			return
		case len(b) > guest.MaxValue:
			result(stack, errLarge)
			return
		}
		value = append([]byte{}, b...)
	}
	if err := s.Put(owner, key, value); err != nil {
		result(stack, errUnavailable)
		return
	}
	result(stack, ok)
}

// hostFind gives the keys that begin with a prefix, as a JSON array.
func (i *instance) hostFind(stack []uint64) {
	s, owner, prefix, code := i.key(stack)
	if s == nil {
		result(stack, code)
		return
	}
	keys, err := s.Find(i.ctx, owner, prefix)
	if err != nil {
		result(stack, errUnavailable)
		return
	}
	b, err := json.Marshal(keys)
	if err != nil {
		result(stack, errMalformed)
		return
	}
	i.give(stack, 4, b)
}

func (i *instance) hostCount(stack []uint64) {
	s, owner, key, _ := i.key(stack)
	failed := int64(countFailed)
	if s == nil {
		stack[0] = api.EncodeI64(failed)
		return
	}
	n, err := s.Count(i.ctx, owner, key, int64(stack[4])) //nolint:gosec // it is an i64
	if err != nil {
		n = failed
	}
	stack[0] = api.EncodeI64(n)
}
