// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
)

// A codeCache is the machine code of one guest: in memory, where hosts with the
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

// openCache opens the cache of a guest, by the sum of its file, in a folder
// below root, or shares the one that is open. Another version of the server
// compiles anew. The first one to open clears away what nobody has used.
func openCache(root, version string, sum [sha256.Size]byte) (*codeCache, error) {
	name := sha256.Sum256(append([]byte(version+"\x00"), sum[:]...))
	dir := filepath.Join(root, hex.EncodeToString(name[:12]))
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
	stamp(dir)
	if len(caches.all) == 0 {
		clearAway(root, time.Now())
	}
	if caches.all == nil {
		caches.all = make(map[string]*codeCache)
	}
	c := &codeCache{fresh, dir, 1}
	caches.all[dir] = c
	return c, nil
}

// keepUnused is how long the code of a guest is kept that nobody loads.
const keepUnused = 30 * 24 * time.Hour

// stamp notes that a folder is in use. Where that fails, the guest is compiled
// again some day.
func stamp(dir string) {
	now := time.Now()
	_ = os.Chtimes(dir, now, now)
}

// clearAway removes folders below root that no guest has opened for long, and
// what earlier versions of the server have left there.
func clearAway(root string, now time.Time) {
	entries, _ := os.ReadDir(root) // what cannot be read is not removed
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() {
			continue
		}
		if _, err := hex.DecodeString(e.Name()); err == nil && now.Sub(info.ModTime()) < keepUnused {
			continue
		} else if err != nil && !strings.HasPrefix(e.Name(), "wazero-") {
			continue // not ours
		}
		_ = os.RemoveAll(filepath.Join(root, e.Name())) // else the next start tries again
	}
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
		stamp(c.dir)
	}
	return c.Close(context.Background())
}
