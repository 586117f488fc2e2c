// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"sync/atomic"
	"time"
)

// A shaper is a token bucket over the bytes that a peer sends. Anybody may set
// it; only the stream's goroutine takes from it.
type shaper struct {
	rate  atomic.Int64 // bytes a second; 0: no limit
	burst atomic.Int64
	have  float64
	at    time.Time
}

func (b *shaper) set(rate, burst int) {
	b.burst.Store(int64(burst))
	b.rate.Store(int64(rate))
}

// take counts n bytes and returns how long the peer has to wait for more.
func (b *shaper) take(n int, now time.Time) time.Duration {
	rate := b.rate.Load()
	if rate == 0 {
		return 0
	}
	full := float64(b.burst.Load())
	if b.at.IsZero() {
		b.have = full
	} else {
		b.have = min(full, b.have+now.Sub(b.at).Seconds()*float64(rate))
	}
	b.at = now
	b.have -= float64(n)
	if b.have >= 0 {
		return 0
	}
	return time.Duration(-b.have / float64(rate) * float64(time.Second))
}

// throttle counts n bytes; if they are too many for now it pauses.
func (s *Stream) throttle(ctx context.Context, n int) {
	if s.shape.rate.Load() == 0 {
		return
	}
	if d := s.shape.take(n, time.Now()); d > 0 {
		s.cork.Flush()
		s.pause(ctx, d)
	}
}

// pause waits for d, or until the stream is ended.
func (s *Stream) pause(ctx context.Context, d time.Duration) {
	wake := make(chan struct{})
	s.endMu.Lock()
	if s.cause != nil {
		s.endMu.Unlock()
		return
	}
	s.wake = wake
	s.endMu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-wake:
	}
	s.endMu.Lock()
	s.wake = nil
	s.endMu.Unlock()
}
