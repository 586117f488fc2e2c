// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestDirty checks that of many who append exactly those are told to flush
// without whom nobody would.
func TestDirty(t *testing.T) {
	c, peer := newPair(t, "tcp", 0, Options{})
	steps := []struct {
		add  string
		want bool
	}{{"one", true}, {"two", false}, {"", false}, {"three", false}}
	for _, s := range steps {
		dirty, err := c.AppendFunc(func(dst []byte) []byte { return append(dst, s.add...) })
		if dirty != s.want || err != nil {
			t.Errorf("append %q: dirty %v, %v, want %v", s.add, dirty, err, s.want)
		}
	}
	if c.Queued() != 11 {
		t.Errorf("%d queued, want 11", c.Queued())
	}
	c.Flush()
	if got := readFull(t, peer, 11); string(got) != "onetwothree" {
		t.Errorf("peer got %q", got)
	}
	if dirty, _ := c.Append([]byte("x")); !dirty || c.Queued() != 1 {
		t.Errorf("after a flush: dirty %v, %d queued", dirty, c.Queued())
	}
}

// TestDirtyWhileDraining has a goroutine at work that flushes anyway.
func TestDirtyWhileDraining(t *testing.T) {
	c, peer := newPair(t, "pipe", 0, Options{})
	send(t, c, []byte("one"))
	if dirty, err := c.Append([]byte("two")); dirty || err != nil {
		t.Errorf("dirty %v, %v", dirty, err)
	}
	if got := readFull(t, peer, 6); string(got) != "onetwo" {
		t.Errorf("peer got %q", got)
	}
}

// TestAppendFuncNothing checks that nothing and too much leave no buffer behind.
func TestAppendFuncNothing(t *testing.T) {
	c, _ := newPair(t, "tcp", 0, Options{Limit: 10, OnStuck: func(Reason) {}})
	for _, add := range []string{"", "more than ten bytes"} {
		dirty, err := c.AppendFunc(func(dst []byte) []byte { return append(dst, add...) })
		if dirty || errors.Is(err, ErrFull) != (add != "") {
			t.Errorf("append %q: %v, %v", add, dirty, err)
		}
		c.mu.Lock()
		if c.out.box != nil || c.out.size() != 0 {
			t.Errorf("append %q left something", add)
		}
		c.mu.Unlock()
	}
	eventually(t, "a buffer is lost", func() bool { return outBuffers.out.Load() <= 0 })
}

func TestAppendFuncPanic(t *testing.T) {
	c, peer := newPair(t, "tcp", 0, Options{})
	func() {
		defer func() { _ = recover() }()
		_, _ = c.AppendFunc(func([]byte) []byte { panic("serialiser") })
	}()
	send(t, c, []byte("still alive"))
	readFull(t, peer, 11)
	outBuffers.out.Add(-1) // the panic took one buffer along
}

// TestOrder has many writers; what each appends arrives whole and in order,
// and each knows whether to flush.
func TestOrder(t *testing.T) {
	const writers, each = 8, 3000
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
			c, peer := newPair(t, kind, version, Options{})
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						dirty, err := c.Append(fmt.Appendf(nil, "%02d %06d\n", w, i))
						if err != nil {
							t.Error(err)
							return
						}
						if dirty {
							c.Flush()
						}
					}
				})
			}
			var next [writers]int
			line := make([]byte, 10)
			for range writers * each {
				if _, err := io.ReadFull(peer, line); err != nil {
					t.Fatal(err)
				}
				var w, i int
				if _, err := fmt.Sscanf(string(line), "%02d %06d\n", &w, &i); err != nil || i != next[w] {
					t.Fatalf("got %q, want number %d: %v", line, next[w], err)
				}
				next[w]++
			}
			wg.Wait()
			eventually(t, "an empty outbox", func() bool { return c.Queued() == 0 })
		})
	}
}

// TestSlowReader fills a Conn whose peer does not read: nobody blocks, the
// limit holds, its owner is asked once, another Conn goes on, and what was
// taken arrives when the peer reads at last.
func TestSlowReader(t *testing.T) {
	const limit = 1 << 20
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
			var stuck atomic.Int32
			asked := make(chan Reason, 10)
			c, peer := newPair(t, kind, version, Options{Limit: limit, OnStuck: func(r Reason) { stuck.Add(1); asked <- r }})
			other, otherPeer := newPair(t, kind, version, Options{})
			stanza := bytes.Repeat([]byte("x"), 1000)
			taken, full := 0, 0
			var cork Cork
			within(t, 20*time.Second, "filling a stuck conn", func() {
				for full < 5 {
					dirty, err := c.Append(stanza)
					switch {
					case errors.Is(err, ErrFull): // a goroutine may still find room in the socket
						full++
						time.Sleep(5 * time.Millisecond)
					case err != nil:
						t.Errorf("append: %v", err)
						return
					default:
						taken++
					}
					if dirty {
						cork.Add(c)
					}
					cork.Flush()
				}
				if r := <-asked; r != Overflow {
					t.Errorf("asked about %v", r)
				}
			})
			if n := c.Queued(); n > limit+flushChunk {
				t.Errorf("%d bytes queued with a limit of %d", n, limit)
			}
			if stuck.Load() != 1 {
				t.Errorf("owner asked %d times", stuck.Load())
			}
			within(t, 5*time.Second, "another conn", func() {
				send(t, other, stanza)
				readFull(t, otherPeer, len(stanza))
			})
			if got := readFull(t, peer, taken*len(stanza)); bytes.Count(got, []byte("x")) != len(got) {
				t.Error("other bytes than were sent")
			}
			eventually(t, "an empty outbox", func() bool { return c.Queued() == 0 })
			if dirty, err := c.Append(stanza); !dirty || err != nil {
				t.Errorf("append after the jam: %v, %v", dirty, err)
			}
		})
	}
}

func TestOverflowWithoutOwner(t *testing.T) {
	c, _ := newPair(t, "tcp", 0, Options{Limit: 10})
	if _, err := c.Append(make([]byte, 11)); !errors.Is(err, ErrFull) {
		t.Errorf("append: %v", err)
	}
	if err := c.Wait(); !errors.Is(err, ErrFull) {
		t.Errorf("Wait: %v", err)
	}
}

// TestSendTimeout has a peer that takes nothing at all.
func TestSendTimeout(t *testing.T) {
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
			asked := make(chan Reason, 10)
			c, _ := newPair(t, kind, version, Options{SendTimeout: 50 * time.Millisecond, OnStuck: func(r Reason) { asked <- r }})
			send(t, c, make([]byte, 7<<20))
			within(t, 5*time.Second, "the end of a stalled conn", func() {
				if err := c.Wait(); !errors.Is(err, ErrSendTimeout) {
					t.Errorf("Wait: %v", err)
				}
				if r := <-asked; r != Stalled {
					t.Errorf("asked about %v", r)
				}
			})
			if _, err := c.Append([]byte("x")); !errors.Is(err, ErrClosed) {
				t.Errorf("append: %v", err)
			}
			eventually(t, "an empty outbox", func() bool { return c.Queued() == 0 })
			within(t, time.Second, "Close of a stalled conn", func() { _ = c.Close() })
		})
	}
}

// TestProgress has a peer that takes a little within each SendTimeout, in a
// bubble: it is slow, not stuck.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var asked atomic.Int32
		c := New(ours, Options{OnStuck: func(Reason) { asked.Add(1) }})
		_, _ = c.Append(make([]byte, 50))
		c.Flush()
		for range 50 {
			time.Sleep(179 * time.Second)
			readFull(t, theirs, 1)
		}
		synctest.Wait()
		if c.Queued() != 0 || c.Cause() != nil || asked.Load() != 0 {
			t.Errorf("%d queued, %v, owner asked %d times", c.Queued(), c.Cause(), asked.Load())
		}
		_, _ = c.Append([]byte("x"))
		c.Flush()
		start := time.Now()
		if err := c.Wait(); !errors.Is(err, ErrSendTimeout) || time.Since(start) != 180*time.Second {
			t.Errorf("ended after %v with %v", time.Since(start), err)
		}
		_ = c.Close()
		_ = theirs.Close()
	})
}

func TestWaitBelow(t *testing.T) {
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
			c, peer := newPair(t, kind, version, Options{HighWater: 100 << 10})
			const size = 7 << 20
			if _, err := c.Append(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			if err := c.WaitBelow(0, time.Now().Add(20*time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("with a peer that does not read: %v", err)
			}
			go func() { _, _ = io.CopyN(io.Discard, peer, size) }()
			within(t, 5*time.Second, "WaitBelow", func() {
				if err := c.WaitBelow(0, time.Time{}); err != nil || c.Queued() >= 100<<10 {
					t.Errorf("with a peer that reads: %v, %d queued", err, c.Queued())
				}
			})
			if _, err := c.Append(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			go func() {
				time.Sleep(20 * time.Millisecond)
				c.End(errTest)
			}()
			within(t, 5*time.Second, "WaitBelow at the end", func() {
				if err := c.WaitBelow(1, time.Time{}); !errors.Is(err, errTest) {
					t.Errorf("after End: %v", err)
				}
			})
			if version == 0 {
				theirs(t, peer)
			}
		})
	}
}

// theirs drops what the peer has not read, so that Close need not wait.
func theirs(t *testing.T, peer net.Conn) {
	t.Helper()
	if err := peer.Close(); err != nil {
		t.Error(err)
	}
}

// TestTailBound lets answers to key updates pile up behind a peer that takes
// little or nothing: their memory is bounded.
func TestTailBound(t *testing.T) {
	answer := make([]byte, 1000)
	t.Run("slow", func(t *testing.T) {
		c, peer := newPair(t, "pipe", 0, Options{})
		for range 100 {
			_ = c.send(answer)
		}
		for range 5000 {
			readFull(t, peer, len(answer))
			if err := c.send(answer); err != nil {
				t.Fatal(err)
			}
		}
		c.mu.Lock()
		size := cap(c.out.tail.b)
		c.mu.Unlock()
		if size > 4*tailLimit {
			t.Errorf("the tail takes %d bytes", size)
		}
		readFull(t, peer, 100*len(answer))
	})
	t.Run("stuck", func(t *testing.T) {
		c, _ := newPair(t, "pipe", 0, Options{})
		n := 0
		for n < 1000 && c.send(answer) == nil {
			n++
		}
		if n*len(answer) > tailLimit || !errors.Is(c.Cause(), ErrFull) {
			t.Errorf("%d answers kept, cause %v", n, c.Cause())
		}
	})
}

func TestCork(t *testing.T) {
	var cork Cork
	conns := make([]*Conn, 3*corkScan)
	for i := range conns {
		c, _ := newPair(t, "tcp", 0, Options{})
		_, _ = c.Append([]byte("x"))
		conns[i] = c
	}
	for range 3 {
		for _, c := range conns {
			cork.Add(c)
		}
	}
	if cork.Len() != len(conns) {
		t.Errorf("cork holds %d, want %d", cork.Len(), len(conns))
	}
	cork.Flush()
	for i, c := range conns {
		if c.Queued() != 0 {
			t.Errorf("conn %d was not flushed", i)
		}
	}
	if cork.Len() != 0 {
		t.Errorf("cork holds %d after Flush", cork.Len())
	}
	for _, c := range cork.conns[:cap(cork.conns)] {
		if c != nil {
			t.Fatal("cork keeps a conn alive")
		}
	}
}
