// SPDX-License-Identifier: Apache-2.0

package session

import (
	"hash/maphash"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"tercet/core/jid"
)

const shardCount = 64

// A Registry knows the sessions of one host: full JID to session, bare JID to
// resources.
type Registry struct {
	seed   maphash.Seed
	count  atomic.Int64
	shards [shardCount]shard
}

type shard struct {
	mu       sync.RWMutex // guards accounts
	accounts map[string][]*Session
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	r := &Registry{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].accounts = make(map[string][]*Session)
	}
	return r
}

func (r *Registry) shard(local string) *shard {
	return &r.shards[maphash.String(r.seed, local)%shardCount]
}

// Resources are the sessions of an account, oldest first: shared, not to be
// changed.
func (r *Registry) Resources(local string) []*Session {
	sh := r.shard(local)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.accounts[local]
}

// Get finds the session of a full JID, or nil.
func (r *Registry) Get(full jid.JID) *Session {
	for _, s := range r.Resources(full.Local()) {
		if s.JID == full {
			return s
		}
	}
	return nil
}

// Add registers a session unless its full JID is taken: then it returns the
// session that has it and changes nothing.
func (r *Registry) Add(s *Session) (taken *Session) {
	local := s.JID.Local()
	sh := r.shard(local)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.accounts[local]
	for _, other := range old {
		if other.JID == s.JID {
			return other
		}
	}
	sh.accounts[local] = append(slices.Clip(old), s)
	r.count.Add(1)
	return nil
}

// Remove takes the session out and ends it. It reports whether this call did
// it.
func (r *Registry) Remove(s *Session) bool {
	if !s.finish() {
		return false
	}
	local := s.JID.Local()
	sh := r.shard(local)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.accounts[local]
	i := slices.Index(old, s)
	if i < 0 {
		return true
	}
	r.count.Add(-1)
	if len(old) == 1 {
		delete(sh.accounts, local)
		return true
	}
	sh.accounts[local] = slices.Delete(slices.Clone(old), i, i+1)
	return true
}

// Len is the number of sessions.
func (r *Registry) Len() int { return int(r.count.Load()) }

// All yields the sessions of the host, as they were shard by shard.
func (r *Registry) All() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for i := range r.shards {
			sh := &r.shards[i]
			sh.mu.RLock()
			var here []*Session
			for _, list := range sh.accounts {
				here = append(here, list...)
			}
			sh.mu.RUnlock()
			for _, s := range here {
				if !yield(s) {
					return
				}
			}
		}
	}
}
