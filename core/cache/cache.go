// SPDX-License-Identifier: Apache-2.0

// Package cache keeps the records of accounts that the hot path reads: rosters,
// block lists, archive preferences. It is bounded, loads what is missing once
// however many ask, and orders the changes to one record.
package cache

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

const shardCount = 64

// Patience is how long a load may take before those who wait for it give up.
const Patience = 2 * time.Second

// A Cache holds values of type T by owner. Values are shared and must not be
// changed: Edit replaces them.
type Cache[T any] struct {
	load   func(ctx context.Context, owner string) (T, error)
	seed   maphash.Seed
	shards [shardCount]shard[T]
	room   int // entries of a shard
}

type shard[T any] struct {
	mu  sync.Mutex // guards all
	all map[string]*entry[T]
}

type entry[T any] struct {
	edit   sync.Mutex // held while the value is loaded or changed; no other lock is taken under it but its shard's
	loaded bool       // guarded by the shard's lock, as value is
	value  T
	recent bool
	users  int // who load or change it now: it stays in the map
}

// New returns a cache of about limit values that finds missing ones by load.
func New[T any](limit int, load func(ctx context.Context, owner string) (T, error)) *Cache[T] {
	c := &Cache[T]{load: load, seed: maphash.MakeSeed(), room: max(4, limit/shardCount)}
	for i := range c.shards {
		c.shards[i].all = make(map[string]*entry[T])
	}
	return c
}

func (c *Cache[T]) shard(owner string) *shard[T] {
	return &c.shards[maphash.String(c.seed, owner)%shardCount]
}

// peek returns the owner's value if it is loaded.
func (c *Cache[T]) peek(owner string) (v T, ok bool) {
	sh := c.shard(owner)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.all[owner]
	if e == nil || !e.loaded {
		return v, false
	}
	e.recent = true
	return e.value, true
}

// hold returns the owner's entry, locked; release undoes it.
func (c *Cache[T]) hold(owner string) (e *entry[T], release func()) {
	sh := c.shard(owner)
	sh.mu.Lock()
	e = sh.all[owner]
	if e == nil {
		if len(sh.all) >= c.room {
			sh.evict()
		}
		e = new(entry[T])
		sh.all[owner] = e
	}
	e.recent = true
	e.users++
	sh.mu.Unlock()
	e.edit.Lock()
	return e, func() {
		e.edit.Unlock()
		sh.mu.Lock()
		e.users--
		sh.mu.Unlock()
	}
}

// evict drops an entry that was not asked for lately. Map order is random
// enough: what is dropped wrongly is loaded again.
func (sh *shard[T]) evict() {
	last, found := "", false
	for owner, e := range sh.all {
		if e.users > 0 {
			continue
		}
		last, found = owner, true
		if !e.recent {
			break
		}
		e.recent = false
	}
	if found {
		delete(sh.all, last)
	}
}

// Get returns the owner's value.
func (c *Cache[T]) Get(ctx context.Context, owner string) (T, error) {
	if v, ok := c.peek(owner); ok {
		return v, nil
	}
	e, release := c.hold(owner)
	defer release()
	return c.fetch(ctx, owner, e)
}

// fetch loads the value unless that has happened; e.edit is held.
func (c *Cache[T]) fetch(ctx context.Context, owner string, e *entry[T]) (T, error) {
	sh := c.shard(owner)
	sh.mu.Lock()
	v, ok := e.value, e.loaded
	sh.mu.Unlock()
	if ok {
		return v, nil
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	v, err := c.load(ctx, owner)
	if err != nil {
		return v, fmt.Errorf("load the record of %s: %w", owner, err)
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e.value, e.loaded = v, true
	return v, nil
}

// Edit changes the owner's value: fn gets the present one and returns the next
// after it has stored it. Edits of one owner happen one after the other. If fn
// fails, nothing has changed.
func (c *Cache[T]) Edit(ctx context.Context, owner string, fn func(T) (T, error)) (T, error) {
	e, release := c.hold(owner)
	defer release()
	old, err := c.fetch(ctx, owner, e)
	if err != nil {
		return old, err
	}
	next, err := fn(old)
	if err != nil {
		return old, err
	}
	sh := c.shard(owner)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e.value, e.loaded = next, true
	return next, nil
}

// Forget drops the owner's value; the next Get loads it.
func (c *Cache[T]) Forget(owner string) {
	sh := c.shard(owner)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.all[owner]
	if e == nil {
		return
	}
	if e.users == 0 {
		delete(sh.all, owner)
		return
	}
	var none T
	e.value, e.loaded = none, false
}
