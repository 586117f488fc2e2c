// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"fmt"
	"runtime/debug"
	"sync"

	"tercet/core/storage"
)

// calls runs the functions that wait for transactions, one after the other, in a
// goroutine of its own: they must not hold up the next transaction, and may
// themselves wait for one.
type calls struct {
	warn func(string)
	kick chan struct{}
	done chan struct{}

	mu     sync.Mutex // guards what follows
	queue  []*storage.Batch
	closed bool
}

func newCalls(warn func(string)) *calls {
	return &calls{warn: warn, kick: make(chan struct{}, 1), done: make(chan struct{})}
}

// add queues a batch that is finished.
func (c *calls) add(b *storage.Batch) {
	c.mu.Lock()
	c.queue = append(c.queue, b)
	c.mu.Unlock()
	c.wake()
}

// close waits until all functions have run.
func (c *calls) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wake()
	<-c.done
}

func (c *calls) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

func (c *calls) loop() {
	defer close(c.done)
	for {
		c.mu.Lock()
		batches, closed := c.queue, c.closed
		c.queue = nil
		c.mu.Unlock()
		for _, b := range batches {
			for done := false; !done; {
				done = c.run(b)
			}
		}
		if len(batches) > 0 {
			continue
		}
		if closed {
			return
		}
		<-c.kick
	}
}

// run returns false when a function has panicked, and others may be left.
func (c *calls) run(b *storage.Batch) (done bool) {
	defer func() {
		if p := recover(); p != nil {
			c.warn(fmt.Sprintf("panic in a function that waited for a commit: %v\n%s", p, debug.Stack()))
		}
	}()
	b.Run()
	return true
}
