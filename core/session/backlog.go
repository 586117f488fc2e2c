// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"sync"
	"sync/atomic"
)

// What of one client may wait, in the lanes of its destinations or to be
// stored, before the client is not read any more; and what a stanza counts for
// beside its size. Both in bytes.
const (
	backlogMost = 512 << 10
	backlogEach = 1 << 10
)

// A Backlog counts the stanzas of a client that wait for others.
type Backlog struct {
	n    atomic.Int64  // bytes
	mu   sync.Mutex    // guards room
	room chan struct{} // closed when there is room again, if the reader waits
}

// Add counts a stanza of so many bytes that has to wait.
func (b *Backlog) Add(size int) { b.n.Add(int64(size) + backlogEach) }

// Done takes it off again.
func (b *Backlog) Done(size int) {
	had := int64(size) + backlogEach
	if left := b.n.Add(-had); left >= backlogMost || left+had < backlogMost {
		return // the reader has not been waiting, or waits on
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
