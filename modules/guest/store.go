// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"tercet/core/auth"
	"tercet/core/ext"
	"tercet/core/module"
	"tercet/core/route"
	"tercet/core/slot"
	"tercet/core/storage"
)

// What a guest may store: keys and values of this many bytes. A read takes at
// most opTime.
const (
	MaxKey   = 512
	MaxValue = 1 << 20
	maxKeys  = 1000
	opTime   = time.Second
)

// writeEvery is how often what guests have put is written. A crash loses what
// was put since.
const writeEvery = time.Second

// A Store is what one guest keeps on one host. What it puts is seen at once and
// written a moment later, so that no stanza waits for a disk.
type Store struct {
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
	all map[string]*Store
}

var hostStores = slot.New[stores]("guest-stores")

// OpenStore returns the store of a guest of a runtime, for the life of s. What
// it keeps of an account goes with the account.
func OpenStore(s *module.Scope, runtime string) (*Store, error) {
	name := runtime + "_" + s.Name()
	pairs, err := s.Map(name)
	if err != nil {
		return nil, err
	}
	found := storeOf(s.Host, name, pairs)
	s.Every(writeEvery, func(ctx context.Context) {
		if err := found.flush(ctx); err != nil {
			s.Log.ErrorContext(ctx, "what a guest has stored is not written", "err", err)
		}
	})
	auth.Deleting.Handle(s, 0, func(_ context.Context, ev *auth.AccountEvent) ext.Verdict {
		found.forget(ev.User)
		return ext.Next
	})
	s.Defer(func() error { return found.flush(context.Background()) })
	return found, nil
}

// EmptyStore returns a store of a guest that is only looked at: nothing is read
// from a disk, nor ever written.
func EmptyStore() *Store { return &Store{pairs: nothing{}} }

// nothing is an empty map, which keeps nothing.
type nothing struct{ storage.Map }

func (nothing) Get(context.Context, string, string) ([]byte, error) { return nil, nil }

func (nothing) Set(context.Context, string, map[string][]byte) error { return nil }

func (nothing) All(context.Context, string) iter.Seq2[storage.Pair, error] {
	return func(func(storage.Pair, error) bool) {}
}

func storeOf(h *route.Host, name string, pairs storage.Map) *Store {
	on := hostStores.Of(h)
	on.mu.Lock()
	defer on.mu.Unlock()
	found := on.all[name]
	if found == nil {
		if on.all == nil {
			on.all = make(map[string]*Store)
		}
		found = new(Store)
		on.all[name] = found
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	found.pairs = pairs
	return found
}

// maxFresh is how much may wait to be written.
const maxFresh = 4 << 20

var errFull = errors.New("too much waits to be written")

// Get returns nil for what is not there.
func (s *Store) Get(ctx context.Context, owner, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.getLocked(ctx, owner, key)
}

func (s *Store) getLocked(ctx context.Context, owner, key string) ([]byte, error) {
	for _, m := range [...]map[string]map[string][]byte{s.fresh, s.writing} {
		if v, ok := m[owner][key]; ok {
			return v, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, opTime)
	defer cancel()
	return s.pairs.Get(ctx, owner, key)
}

// Put stores a value; nil deletes it. It is written a moment later.
func (s *Store) Put(owner, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putLocked(owner, key, value)
}

func (s *Store) putLocked(owner, key string, value []byte) error {
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

// Count adds to a number and returns it; no other count comes between.
func (s *Store) Count(ctx context.Context, owner, key string, by int64) (int64, error) {
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

// Find returns the keys that begin with prefix, in order, at most maxKeys.
func (s *Store) Find(ctx context.Context, owner, prefix string) ([]string, error) {
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
func (s *Store) flush(ctx context.Context) error {
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
func (s *Store) forget(owner string) {
	s.flushing.Lock() // what is being written is purged, or written before
	defer s.flushing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.fresh, owner)
}
