// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"sync"
	"sync/atomic"
)

// backlogMost is how many stanzas of one client may wait in the lanes of their
// destinations before the client is not read any more.
const backlogMost = 1024

// A Backlog counts the stanzas of a client that wait for others.
type Backlog struct {
	n    atomic.Int32
	mu   sync.Mutex    // guards room
	room chan struct{} // closed when there is room again, if the reader waits
}

// Add counts a stanza that has to wait.
func (b *Backlog) Add() { b.n.Add(1) }

// Done takes it off again.
func (b *Backlog) Done() {
	if b.n.Add(-1) >= backlogMost {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
}

// Wait pauses the client's reader, which holds nothing, until there is room.
func (b *Backlog) Wait(ctx context.Context) {
	for b.n.Load() >= backlogMost {
		b.mu.Lock()
		if b.n.Load() < backlogMost {
			b.mu.Unlock()
			return
		}
		if b.room == nil {
			b.room = make(chan struct{})
		}
		room := b.room
		b.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return
		}
	}
}
