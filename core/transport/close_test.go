// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWriteFails has a peer that sends and is gone: writing fails, what it
// has sent is read all the same.
func TestWriteFails(t *testing.T) {
	c, peer := newPair(t, "tcp", 0, Options{})
	send(t, c, []byte("unread, which makes the peer's close a reset"))
	if _, err := peer.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	if err := peer.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = peer.Close()
	eventually(t, "a failed write", func() bool {
		_, err := c.Append([]byte("x"))
		c.Flush()
		return errors.Is(err, ErrClosed)
	})
	var got []byte
	within(t, readGrace+2*time.Second, "the end", func() {
		err := pump(c, 100, func(p []byte) { got = append(got, p...) }, nothing)
		if err == nil || errors.Is(err, ErrAgain) {
			t.Errorf("ended with %v", err)
		}
	})
	if c.Cause() == nil || string(got) != "last words" {
		t.Errorf("cause %v, got %q", c.Cause(), got)
	}
}

// mute is a connection that can be read only.
type mute struct{ net.Conn }

func (mute) Write([]byte) (int, error) { return 0, errTest }

// TestGrace has writing fail while the peer stays and says nothing.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := New(mute{ours}, Options{})
		_, _ = c.Append([]byte("x"))
		c.Flush()
		synctest.Wait()
		start := time.Now()
		_ = c.SetReadDeadline(start.Add(time.Hour))
		go func() {
			time.Sleep(time.Second)
			_, _ = theirs.Write([]byte("last"))
		}()
		got := ""
		err := pump(c, 10, func(p []byte) { got += string(p) }, nothing)
		if !errors.Is(err, errTest) || got != "last" || time.Since(start) != readGrace {
			t.Errorf("ended after %v with %v, got %q", time.Since(start), err, got)
		}
		_ = c.Close()
		_ = theirs.Close()
	})
}

// TestLastWords checks that the end reaches the peer: what was queued, the
// own goroutine's last words, close_notify.
func TestLastWords(t *testing.T) {
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			kind, version := on.kind, on.version
			c, peer := newPair(t, kind, version, Options{})
			go func() { _, _ = peer.Write([]byte("this is never read by the server")) }()
			queued := bytes.Repeat([]byte("q"), 3<<20)
			if _, err := c.Append(queued); err != nil {
				t.Fatal(err)
			}
			c.End(errTest)
			c.End(io.EOF)
			if err := c.Cause(); !errors.Is(err, errTest) {
				t.Errorf("cause: %v", err)
			}
			if err := c.Wait(); !errors.Is(err, errTest) {
				t.Errorf("Wait: %v", err)
			}
			if _, err := c.Append([]byte("x")); !errors.Is(err, ErrClosed) {
				t.Errorf("append by others: %v", err)
			}
			if err := c.AppendLast([]byte("</stream:stream>")); err != nil {
				t.Error(err)
			}
			got := make(chan []byte)
			go func() {
				b, err := io.ReadAll(peer)
				if err != nil {
					t.Errorf("peer: %v", err)
				}
				_ = peer.Close()
				got <- b
			}()
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if b := <-got; string(b) != string(queued)+"</stream:stream>" {
				t.Errorf("peer got %d bytes, want %d", len(b), len(queued)+16)
			}
			if err := c.AppendLast(nil); !errors.Is(err, ErrClosed) {
				t.Errorf("append after Close: %v", err)
			}
			c.Flush()
			if err := c.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

// TestCloseNotify has a Conn as the peer, which is strict where crypto/tls is not.
func TestCloseNotify(t *testing.T) {
	for name, on := range everywhere() {
		t.Run(name, func(t *testing.T) {
			ours, theirs := connPair(t, on.kind)
			a, b := twoConns(t, ours, theirs, on.version)
			_, _ = a.Append([]byte("bye"))
			go func() { _ = a.Close() }()
			if got := untilEnd(t, b, 100, io.EOF); got != "bye" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestCloseBound has peers that neither read nor hang up.
func TestCloseBound(t *testing.T) {
	var conns []*Conn
	for _, kind := range kinds {
		for _, version := range secured {
			for _, size := range []int{0, 7 << 20} {
				c, _ := newPair(t, kind, version, Options{})
				if _, err := c.Append(make([]byte, size)); err != nil {
					t.Fatal(err)
				}
				conns = append(conns, c)
			}
		}
	}
	within(t, closeWithin+500*time.Millisecond+2*time.Second, "Close", func() {
		var wg sync.WaitGroup
		for _, c := range conns {
			wg.Go(func() { _ = c.Close() })
		}
		wg.Wait()
	})
}

// TestCrosswise lets 1,000 pairs of Conns write to and end each other from
// their own goroutines; none may wait for another.
func TestCrosswise(t *testing.T) {
	pairs := 1000
	if testing.Short() {
		pairs = 100
	}
	type side struct{ c, peer *Conn }
	var all []side
	for i := range pairs {
		kind, version := "tcp", uint16(0)
		if i%4 == 0 {
			version = tls.VersionTLS13
		}
		if i%10 == 1 {
			kind = "pipe"
		}
		ours, theirs := connPair(t, kind)
		a, b := twoConns(t, ours, theirs, version)
		all = append(all, side{a, b}, side{b, a})
	}
	within(t, 60*time.Second, "the crosswise end", func() {
		var wg sync.WaitGroup
		for i, s := range all {
			victim := all[(i+2)%len(all)].c
			wg.Go(func() {
				n := 0
				_, _ = s.c.Append(make([]byte, 100))
				s.c.Flush()
				_ = pump(s.c, 1000, func(p []byte) {
					if n += len(p); n > 10000 {
						victim.End(errTest)
						s.peer.End(errTest)
					}
					_, _ = s.c.Append(p)
					_, _ = victim.Append(p)
					victim.Flush()
				}, s.c.Flush)
				victim.End(errTest)
				_ = s.c.Close()
			})
		}
		wg.Wait()
	})
}

// TestLingeringHoldsNoBuffer: many connections end at once, and their peers do
// not hang up.
func TestLingeringHoldsNoBuffer(t *testing.T) {
	c, peer := newPair(t, "tcp", 0, Options{Linger: time.Minute})
	closed := make(chan struct{})
	go func() {
		_ = c.Close()
		close(closed)
	}()
	if _, err := io.ReadAll(peer); err != nil { // c lingers from here on
		t.Fatal(err)
	}
	for range 3 {
		_, _ = peer.Write(make([]byte, 1000))
		eventually(t, "a buffer is held", func() bool { return readBuffers.out.Load() == 0 })
	}
	select {
	case <-closed:
		t.Fatal("it did not wait for the peer")
	default:
	}
	_ = peer.Close()
	within(t, 10*time.Second, "closing", func() { <-closed })
}
