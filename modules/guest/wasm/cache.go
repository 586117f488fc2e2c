// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"sync"

	"github.com/tetratelabs/wazero"
)

// A codeCache is the machine code of guests: in memory, where hosts with the
// same guest share it, and in a folder, from which the next start has it.
type codeCache struct {
	wazero.CompilationCache
	dir   string
	users int // guarded by caches.mu
}

// caches are those in use, by their folder.
var caches struct {
	mu  sync.Mutex
	all map[string]*codeCache
}

// openCache opens the cache in a folder, or shares the one that is open.
func openCache(dir string) (*codeCache, error) {
	caches.mu.Lock()
	defer caches.mu.Unlock()
	if c := caches.all[dir]; c != nil {
		c.users++
		return c, nil
	}
	fresh, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, err
	}
	if caches.all == nil {
		caches.all = make(map[string]*codeCache)
	}
	c := &codeCache{fresh, dir, 1}
	caches.all[dir] = c
	return c, nil
}

// unkept is a cache that nobody shares, in memory.
func unkept() *codeCache {
	return &codeCache{CompilationCache: wazero.NewCompilationCache(), users: 1}
}

// release closes the cache behind its last user.
func (c *codeCache) release() error {
	caches.mu.Lock()
	defer caches.mu.Unlock()
	if c.users--; c.users > 0 {
		return nil
	}
	if caches.all[c.dir] == c {
		delete(caches.all, c.dir)
	}
	return c.Close(context.Background())
}
