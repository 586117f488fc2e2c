// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"
)

// A Group is the streams of a server. They outlive the module that has
// accepted them.
type Group struct {
	OnPanic func(stack []byte) // told, if set, of panics that ended a stream; set it before the first Start

	ctx  context.Context //nolint:containedctx // the life of all streams, which no caller's context is
	mu   sync.Mutex      // guards all and wait's growth
	all  map[*Stream]struct{}
	wait sync.WaitGroup

	parked atomic.Int64
}

// NewGroup returns a group whose streams live in ctx.
func NewGroup(ctx context.Context) *Group {
	return &Group{ctx: ctx, all: make(map[*Stream]struct{})}
}

// Start runs a stream in a goroutine of its own; one whose peer says nothing
// soon has none, if streams are parked at all. With a TLS config it begins
// with the handshake (direct TLS, XEP-0368).
func (g *Group) Start(s *Stream, direct *tls.Config) {
	g.mu.Lock()
	g.all[s] = struct{}{}
	g.wait.Add(1)
	g.mu.Unlock()
	s.group = g
	if direct != nil {
		s.Then(func(ctx context.Context) error { return s.directTLS(ctx, direct) })
	}
	go s.begin(g.ctx)
}

// remove takes out a stream that has ended.
func (g *Group) remove(s *Stream) {
	g.mu.Lock()
	delete(g.all, s)
	g.mu.Unlock()
	g.wait.Done()
}

// Streams are the streams at this moment.
func (g *Group) Streams() []*Stream {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]*Stream, 0, len(g.all))
	for s := range g.all {
		list = append(list, s)
	}
	return list
}

// Len is the number of streams.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.all)
}

// Parked is the number of streams that have no goroutine at this moment.
func (g *Group) Parked() int { return int(g.parked.Load()) }

// Stop ends all streams with a stream error and waits for them, or for ctx.
func (g *Group) Stop(ctx context.Context, cause *Error) error {
	for _, s := range g.Streams() {
		s.End(cause)
	}
	done := make(chan struct{})
	go func() { g.wait.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		if n := g.Len(); n > 0 {
			return fmt.Errorf("%d streams did not end: %w", n, ctx.Err())
		}
		return nil // the last has ended just now
	}
}

func (s *Stream) directTLS(ctx context.Context, cfg *tls.Config) error {
	s.Direct = true
	return s.secure(ctx, func(ctx context.Context) error { return s.Conn.DirectTLS(ctx, cfg) })
}
