// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// What all instances of the module on a host share, before and after a reload:
// who works on which account, and whose memory has to be told.
type shared struct {
	mu     sync.Mutex // guards what follows
	held   map[string]chan struct{}
	caches []*cache
}

// lock waits until nobody else works on the record of user.
func (s *shared) lock(ctx context.Context, user string) (unlock func(), err error) {
	for {
		s.mu.Lock()
		busy, taken := s.held[user]
		if !taken {
			if s.held == nil {
				s.held = make(map[string]chan struct{})
			}
			free := make(chan struct{})
			s.held[user] = free
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.held, user)
				s.mu.Unlock()
				close(free)
			}, nil
		}
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for account %s: %w", user, context.Cause(ctx))
		}
	}
}

// join adds a memory that forgets what changes.
func (s *shared) join(c *cache) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caches = append(slices.Clip(s.caches), c)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.caches = slices.DeleteFunc(slices.Clone(s.caches), func(other *cache) bool { return other == c })
	}
}

// changed has all instances forget the account.
func (s *shared) changed(user string) {
	s.mu.Lock()
	all := s.caches
	s.mu.Unlock()
	for _, c := range all {
		c.drop(user)
	}
}
