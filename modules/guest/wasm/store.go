// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/api"

	"tercet/core/module"
	"tercet/core/slot"
	"tercet/core/storage"
)

// What a guest may store: keys and values of this many bytes, and so many
// operations in one call, each of so long.
const (
	maxKey   = 512
	maxValue = 1 << 20
	maxOps   = 100
	maxKeys  = 1000
	opTime   = time.Second
)

// writeEvery is how often what guests have put is written. A crash loses what
// was put since.
const writeEvery = time.Second

// store is what one guest keeps on one host. What it puts is seen at once and
// written a moment later, so that no stanza waits for a disk.
type store struct {
	flushing sync.Mutex // held while fresh is being written

	mu      sync.Mutex // guards what follows; held over a count
	pairs   storage.Map
	fresh   map[string]map[string][]byte // not written yet, by owner and key; nil deletes
	writing map[string]map[string][]byte // being written
	bytes   int                          // of fresh
}

// stores are those of a host's guests, by name. They outlive their guests, so
// that one that is loaded anew finds what the last has put.
type stores struct {
	mu  sync.Mutex // guards all
	all map[string]*store
}

var hostStores = slot.New[stores]("wasm-stores")

// openStore returns the store of a guest.
func openStore(s *module.Scope) (*store, error) {
	pairs, err := s.Map("wasm_" + s.Name())
	if err != nil {
		return nil, err
	}
	on := hostStores.Of(s.Host)
	on.mu.Lock()
	defer on.mu.Unlock()
	found := on.all[s.Name()]
	if found == nil {
		if on.all == nil {
			on.all = make(map[string]*store)
		}
		found = new(store)
		on.all[s.Name()] = found
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	found.pairs = pairs
	return found, nil
}

// maxFresh is how much may wait to be written.
const maxFresh = 4 << 20

var errFull = errors.New("too much waits to be written")

// get returns nil for what is not there.
func (s *store) get(ctx context.Context, owner, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.getLocked(ctx, owner, key)
}

func (s *store) getLocked(ctx context.Context, owner, key string) ([]byte, error) {
	for _, m := range [...]map[string]map[string][]byte{s.fresh, s.writing} {
		if v, ok := m[owner][key]; ok {
			return v, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, opTime)
	defer cancel()
	return s.pairs.Get(ctx, owner, key)
}

func (s *store) put(owner, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putLocked(owner, key, value)
}

func (s *store) putLocked(owner, key string, value []byte) error {
	if s.bytes+len(value)+len(key) > maxFresh {
		return errFull
	}
	if s.fresh == nil {
		s.fresh = make(map[string]map[string][]byte)
	}
	if s.fresh[owner] == nil {
		s.fresh[owner] = make(map[string][]byte)
	}
	s.fresh[owner][key] = value
	s.bytes += len(value) + len(key) + 64
	return nil
}

// count adds to a number and returns it; no other count comes between.
func (s *store) count(ctx context.Context, owner, key string, by int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.getLocked(ctx, owner, key)
	if err != nil {
		return 0, err
	}
	var n int64
	if b != nil {
		if n, err = strconv.ParseInt(string(b), 10, 64); err != nil {
			return 0, err
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return 0, strconv.ErrRange
	}
	if by == 0 {
		return n, nil
	}
	return n + by, s.putLocked(owner, key, strconv.AppendInt(nil, n+by, 10))
}

// find returns the keys that begin with prefix, in order, at most maxKeys.
func (s *store) find(ctx context.Context, owner, prefix string) ([]string, error) {
	if err := s.flush(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, opTime)
	defer cancel()
	s.mu.Lock()
	pairs := s.pairs
	s.mu.Unlock()
	keys := []string{}
	for pair, err := range pairs.All(ctx, owner) {
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(pair.Key, prefix) {
			if keys = append(keys, pair.Key); len(keys) == maxKeys {
				break
			}
		}
	}
	return keys, nil
}

// flush writes what waits. What could not be written waits on.
func (s *store) flush(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	s.writing, s.fresh, s.bytes = s.fresh, nil, 0
	writing, pairs := s.writing, s.pairs
	s.mu.Unlock()

	var errs []error
	failed := make(map[string]map[string][]byte)
	for owner, changes := range writing {
		if err := pairs.Set(ctx, owner, maps.Clone(changes)); err != nil {
			errs = append(errs, err)
			failed[owner] = changes
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = nil
	for owner, changes := range failed {
		for key, value := range changes {
			if _, newer := s.fresh[owner][key]; !newer {
				_ = s.putLocked(owner, key, value) // if there is no room it is lost, which the error tells
			}
		}
	}
	return errors.Join(errs...)
}

// forget drops what waits of an account that is gone.
func (s *store) forget(owner string) {
	s.flushing.Lock() // what is being written is purged, or written before
	defer s.flushing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.fresh, owner)
}

func (s *store) close() error { return s.flush(context.Background()) }

// key reads an owner and a key. Nil: not granted, too often, or malformed,
// which code says.
func (i *instance) key(stack []uint64) (s *store, owner, key string, code int32) {
	owner, ok1 := i.text(stack, 0)
	key, ok2 := i.text(stack, 2)
	s = i.plugin.store
	switch i.call.ops++; {
	case !ok1 || !ok2:
		return nil, "", "", errMalformed
	case s == nil || i.call.ops > maxOps:
		return nil, "", "", errDenied
	case len(owner) > maxKey || len(key) > maxKey:
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
	v, err := s.get(i.ctx, owner, key)
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
		case len(b) > maxValue:
			result(stack, errLarge)
			return
		}
		value = append([]byte{}, b...)
	}
	if err := s.put(owner, key, value); err != nil {
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
	keys, err := s.find(i.ctx, owner, prefix)
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
	n, err := s.count(i.ctx, owner, key, int64(stack[4])) //nolint:gosec // it is an i64
	if err != nil {
		n = failed
	}
	stack[0] = api.EncodeI64(n)
}
