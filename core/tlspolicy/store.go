// SPDX-License-Identifier: Apache-2.0

package tlspolicy

import (
	"fmt"
	"maps"
	"os"
	"sync"
	"syscall"
	"time"
)

// stamp tells one state of a file from another; zero is "not there".
type stamp struct {
	size, mtime int64
	inode       uint64
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	st := stamp{size: info.Size(), mtime: info.ModTime().UnixNano()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		st.inode = sys.Ino
	}
	return st
}

// watch notes what was looked at, so that a change is seen: also files that
// were not there.
type watch struct {
	mu   sync.Mutex // guards seen
	seen map[string]stamp
}

func newWatch() *watch { return &watch{seen: make(map[string]stamp)} }

// look notes path and returns its stamp. The first look counts: what changes
// between looking and reading is seen as a change.
func (w *watch) look(path string) stamp {
	w.mu.Lock()
	defer w.mu.Unlock()
	st, ok := w.seen[path]
	if !ok {
		st = stampOf(path)
		w.seen[path] = st
	}
	return st
}

// changed reports whether something is not as it was.
func (w *watch) changed() bool {
	w.mu.Lock()
	paths := maps.Clone(w.seen)
	w.mu.Unlock()
	for path, st := range paths {
		if stampOf(path) != st {
			return true
		}
	}
	return false
}

// store keeps what was read from files over reloads: a file that has become
// bad does not take its certificate away.
type store struct {
	mu    sync.Mutex // guards pairs
	pairs map[pairKey]*loaded
}

type pairKey struct{ cert, key, password string }

type loaded struct {
	cert, key stamp
	pair      *pair // the last good one
	err       error // of the present files
}

func newStore() *store { return &store{pairs: make(map[pairKey]*loaded)} }

// load reads a certificate and key if they have changed. With an error the pair
// may still be there: the one from before.
func (s *store) load(w *watch, certFile, keyFile, password string) (*pair, error) {
	k := pairKey{certFile, keyFile, password}
	cert, key := w.look(certFile), w.look(keyFile)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.pairs[k]
	if l != nil && l.cert == cert && l.key == key {
		return l.pair, l.err
	}
	if l == nil {
		l = &loaded{}
		s.pairs[k] = l
	}
	l.cert, l.key = cert, key
	fresh, err := readPair(certFile, keyFile, password)
	if now := time.Now(); err == nil && l.pair != nil && l.pair.validAt(now) && !fresh.validAt(now) {
		err = fmt.Errorf("%s is valid from %s to %s only", certFile,
			fresh.cert.Leaf.NotBefore.UTC().Format(time.DateTime), fresh.cert.Leaf.NotAfter.UTC().Format(time.DateTime))
	}
	if l.err = err; err == nil {
		l.pair = fresh
	}
	return l.pair, l.err
}

// known reports whether the pair was good at some time.
func (s *store) known(certFile, keyFile string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.pairs[pairKey{certFile, keyFile, ""}]
	return l != nil && l.pair != nil
}
