// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/tls"
	"sync"
	"testing"
	"time"
)

// narrow is a gate for one.
type narrow struct {
	t      *testing.T
	places chan struct{}
	mu     sync.Mutex // guards what follows
	inside int
	taken  int
}

func (g *narrow) Enter(ctx context.Context) error {
	select {
	case g.places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	g.count(1)
	return nil
}

func (g *narrow) Leave() {
	g.count(-1)
	<-g.places
}

func (g *narrow) count(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside += n
	if n > 0 {
		g.taken++
	}
	if g.inside < 0 || g.inside > 1 {
		g.t.Errorf("%d compute at a time", g.inside)
	}
}

// TestSilentPeersKeepNobodyOut: who has begun a handshake and says nothing
// more, at whatever point, has no place at the gate.
func TestSilentPeersKeepNobodyOut(t *testing.T) {
	g := &narrow{t: t, places: make(chan struct{}, 1)}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, kind := range kinds {
		for _, said := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01\x00"} {
			ours, theirs := connPair(t, kind)
			c := New(ours, Options{Handshakes: g, Linger: time.Millisecond})
			wg.Go(func() {
				if c.DirectTLS(ctx, serverTLS(tls.VersionTLS13)) == nil {
					t.Error("a handshake with nobody succeeded")
				}
				_ = c.Close() // it has ended
			})
			if _, err := theirs.Write([]byte(said)); err != nil {
				t.Fatal(err)
			}
		}
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			ours, theirs := connPair(t, kind)
			c := New(ours, Options{Handshakes: g})
			wg.Go(func() { _ = tls.Client(theirs, clientTLS()).HandshakeContext(ctx) }) // the other side tells
			late, stop := context.WithTimeout(ctx, 10*time.Second)
			if err := c.DirectTLS(late, serverTLS(version)); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			stop()
			wg.Go(func() { _ = c.Close() }) // a pipe's other end has to read
			_ = theirs.Close()              // no more is asked of it
		}
	}
	cancel()
	wg.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside != 0 || g.taken < 2*len(kinds) {
		t.Errorf("%d are inside, %d were", g.inside, g.taken)
	}
}
